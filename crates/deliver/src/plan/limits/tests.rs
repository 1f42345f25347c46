//! Limits: examples, and no window ever too full whatever happens.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

fn limits(per_minute: u32, per_hour: u32, per_day: u32) -> AccountLimits {
    AccountLimits {
        per_minute: NonZeroU32::new(per_minute),
        per_hour: NonZeroU32::new(per_hour),
        per_day: NonZeroU32::new(per_day),
        when_over: WhenOver::Defer,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

#[test]
fn without_limits_everything_may_be_sent_and_nothing_is_kept() {
    let mut none = Limits::new(&AccountLimits::default(), &[(5, 5)]);
    none.take(1_000_000);
    none.delivered(at(6));
    assert_eq!(none.room(at(7)), Room::Free(usize::MAX));
    assert_eq!(Limits::reach(&AccountLimits::default()), None);
    let reach = Limits::reach(&limits(1, 1, 0));
    assert_eq!(reach, Some(Duration::from_secs(3_601)));
}

#[test]
fn what_is_on_its_way_counts_until_it_failed() {
    let mut limits = Limits::new(&limits(3, 0, 0), &[]);
    assert_eq!(limits.room(at(10)), Room::Free(3));
    limits.take(3);
    assert_eq!(limits.room(at(10)), Room::Busy);
    limits.not_delivered();
    assert_eq!(limits.room(at(10)), Room::Free(1));
    limits.take(1);
    (0..3).for_each(|_| limits.delivered(at(11)));
    let over = Over {
        until: at(60),
        limit: "3 a minute".to_owned(),
    };
    assert_eq!(limits.room(at(12)), Room::Over(over));
    assert!(matches!(limits.room(at(71)), Room::Over(_)));
    assert_eq!(limits.room(at(72)), Room::Free(3));
}

#[test]
fn the_wait_ends_at_the_next_full_minute_hour_or_day() {
    let noon = 1_795_348_800 + 125;
    let sends = [(noon - 10, 5)];
    let until = |limits: &AccountLimits| match Limits::new(limits, &sends).room(at(noon)) {
        Room::Over(over) => over.until.as_secs(),
        room => panic!("{room:?}"),
    };
    assert_eq!(until(&limits(5, 0, 0)), noon - 125 + 180);
    assert_eq!(until(&limits(0, 5, 0)), noon - 125 + 3_600);
    assert_eq!(until(&limits(0, 0, 5)) % 86_400, 0);
    assert_eq!(until(&limits(5, 5, 5)), noon - 125 + 180);
}

#[test]
fn a_clock_that_was_set_back_lets_no_more_through_and_holds_nobody_up_for_long() {
    let mut limits = Limits::new(&limits(2, 0, 0), &[(9_000, 1)]);
    limits.take(1);
    limits.delivered(at(500));
    assert!(matches!(limits.room(at(501)), Room::Over(_)));
    assert!(matches!(limits.room(at(561)), Room::Over(_)));
    assert_eq!(limits.room(at(562)), Room::Free(2));
}

/// What may happen to an account.
#[derive(Clone, Debug)]
enum Step {
    Take(usize),
    Deliver(usize),
    Fail(usize),
    Pass(i64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..8_usize).prop_map(Step::Take),
        4 => (1..8_usize).prop_map(Step::Deliver),
        1 => (1..4_usize).prop_map(Step::Fail),
        3 => prop_oneof![1..2_000_i64, 2_000..90_000_i64, 1..4_000_000_i64].prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

/// The most that were delivered in any `seconds`, by the definition.
fn most_within(seconds: i64, delivered: &[i64]) -> usize {
    let window = seconds * 1_000;
    let ending_at = |end: i64| {
        let within = |one: &&i64| end - window < **one && **one <= end;
        delivered.iter().filter(within).count()
    };
    let counts = delivered.iter().map(|end| ending_at(*end));
    counts.max().unwrap_or(0)
}

/// Deliveries by second, as a store keeps them.
fn by_second(delivered: &[i64]) -> Vec<(i64, u32)> {
    let mut sends: Vec<(i64, u32)> = Vec::new();
    for millis in delivered {
        let second = millis.div_euclid(1_000);
        match sends.last_mut() {
            Some((latest, count)) if *latest == second => *count += 1,
            _ => sends.push((second, 1)),
        }
    }
    sends
}

proptest! {
    #[test]
    fn no_window_is_ever_too_full(
        maxima in (0..9_u32, 0..30_u32, 0..60_u32),
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let account = limits(maxima.0, maxima.1, maxima.2);
        let mut limits = Limits::new(&account, &[]);
        let (mut now, mut in_flight, mut delivered) = (1_000_000_i64, 0_usize, Vec::new());
        for step in steps {
            match step {
                Step::Take(wanted) => {
                    let before = limits.room(Timestamp::from_millis(now));
                    if let Room::Free(free) = before {
                        prop_assert!(free > 0);
                        limits.take(free.min(wanted));
                        in_flight += free.min(wanted);
                    }
                }
                Step::Deliver(count) => for _ in 0..count.min(in_flight) {
                    limits.delivered(Timestamp::from_millis(now));
                    delivered.push(now);
                    in_flight -= 1;
                },
                Step::Fail(count) => for _ in 0..count.min(in_flight) {
                    limits.not_delivered();
                    in_flight -= 1;
                },
                Step::Pass(millis) => now += millis,
                // What was on its way is queued again, and a new process reads what was delivered.
                Step::Restart => {
                    limits = Limits::new(&account, &by_second(&delivered));
                    in_flight = 0;
                }
            }
        }
        for (seconds, max) in [(60, maxima.0), (3_600, maxima.1), (86_400, maxima.2)] {
            if max > 0 {
                prop_assert!(most_within(seconds, &delivered) <= max as usize);
            }
        }
        // What failed holds no place: once everything is long past, all of it is free again.
        (0..in_flight).for_each(|_| limits.not_delivered());
        let rest = limits.room(Timestamp::from_millis(now + 90_000_000));
        let least = [maxima.0, maxima.1, maxima.2].into_iter().filter(|max| *max > 0).min();
        prop_assert_eq!(rest, Room::Free(least.map_or(usize::MAX, |max| max as usize)));
    }
}
