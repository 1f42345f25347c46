//! A relay's health in virtual time.

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// As a campaign sees it.
fn plain(retries: u32) -> RelayHealth {
    RelayHealth::new(RetryPolicy::campaign(retries), Unreachable::GivenUp, 4)
}

/// As a service sees it.
fn charged(connections_max: usize) -> RelayHealth {
    RelayHealth::new(RetryPolicy::relay(), Unreachable::Charged, connections_max)
}

#[test]
fn one_connection_tries_for_all_and_the_relay_is_given_up_after_its_tries() {
    let mut relay = plain(1);
    assert_eq!(relay.ask(at(1)), Admission::Open);
    assert_eq!(relay.ask(at(1)), Admission::Hold, "somebody tries already");
    assert_eq!(
        relay.failed(at(5), Persistence::Transient, 0.0),
        AfterFailure::TryLater
    );
    assert_eq!(relay.ask(at(5)), Admission::Wait(Duration::from_secs(2)));
    assert_eq!(relay.ask(at(2_005)), Admission::Open);
    assert_eq!(
        relay.failed(at(2_006), Persistence::Transient, 0.0),
        AfterFailure::GiveUp
    );
}

#[test]
fn a_limit_on_connections_is_no_outage() {
    let mut relay = plain(0);
    assert_eq!(relay.ask(at(1)), Admission::Open);
    relay.opened(at(1));
    for round in 0..10 {
        let now = at(100_000 * (round + 1));
        assert_eq!(relay.ask(now), Admission::Open);
        assert_eq!(
            relay.failed(now, Persistence::Transient, 0.0),
            AfterFailure::TryLater
        );
        assert_eq!(relay.down_until(now), None);
    }
    relay.closed();
    assert_eq!(
        relay.failed(at(9_000_000), Persistence::Transient, 0.0),
        AfterFailure::GiveUp
    );
}

#[test]
fn success_forgets_earlier_failures() {
    let mut relay = plain(1);
    relay.ask(at(1));
    relay.failed(at(1), Persistence::Transient, 0.0);
    relay.ask(at(5_000));
    relay.opened(at(5_000));
    relay.closed();
    assert_eq!(
        relay.failed(at(6_000), Persistence::Transient, 0.0),
        AfterFailure::TryLater
    );
}

#[test]
fn one_outage_under_several_openings_counts_once() {
    let mut relay = plain(1);
    relay.ask(at(1));
    relay.opened(at(1));
    relay.ask(at(2));
    relay.ask(at(2));
    relay.closed();
    for _ in 0..2 {
        let after = relay.failed(at(3), Persistence::Transient, 0.0);
        assert_eq!(after, AfterFailure::TryLater);
    }
}

#[test]
fn a_try_that_was_given_up_keeps_nobody_from_the_next() {
    let mut relay = plain(1);
    assert_eq!(relay.ask(at(1)), Admission::Open);
    relay.abandoned();
    assert_eq!(relay.ask(at(1)), Admission::Open);
    assert_eq!(relay.next_try(), None);
}

#[test]
fn the_next_try_is_known_while_the_relay_cannot_be_reached() {
    let mut relay = plain(1);
    relay.ask(at(1));
    relay.failed(at(5), Persistence::Transient, 0.0);
    assert_eq!(relay.next_try(), Some(at(2_005)));
    assert_eq!(relay.down_until(at(5)), Some(at(2_005)));
    assert_eq!(relay.down_until(at(2_005)), None);
    assert_eq!(relay.clears_after(at(5)), Some(Duration::from_secs(2)));
    assert_eq!(relay.clears_after(at(2_005)), None);
    relay.opened(at(2_010));
    assert_eq!(relay.next_try(), None);
}

#[test]
fn a_permanent_refusal_ends_it_only_before_the_first_success() {
    let mut relay = plain(1);
    relay.ask(at(1));
    let fresh = relay.clone().failed(at(1), Persistence::Permanent, 0.0);
    assert_eq!(fresh, AfterFailure::GiveUp);
    relay.opened(at(1));
    let later = relay.failed(at(2), Persistence::Permanent, 0.0);
    assert_eq!(later, AfterFailure::TryLater);
}

#[test]
fn a_charged_relay_is_never_given_up_not_even_for_a_wrong_password() {
    let mut relay = charged(8);
    let mut now = at(0);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        assert_eq!(relay.ask(now), Admission::Open);
        let after = relay.failed(now, Persistence::Permanent, 0.0);
        assert_eq!(after, AfterFailure::TryLater);
        let until = relay.down_until(now).unwrap();
        pauses.push(until.since(now).as_secs());
        now = until;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
}

/// Opens whenever it may; gives how many connections were opened in each second.
fn openings(relay: &mut RelayHealth, from: i64, seconds: i64) -> Vec<u32> {
    let mut opened = vec![0; seconds as usize];
    for millis in 0..seconds * 1_000 {
        let now = at(from + millis);
        // The relay takes one message and hangs up: somebody always wants to connect.
        if relay.ask(now) == Admission::Open {
            relay.opened(now);
            relay.closed();
            opened[(millis / 1_000) as usize] += 1;
        }
    }
    opened
}

#[test]
fn after_half_an_hour_of_refusals_the_first_minute_sees_twice_the_connections_at_most() {
    let mut relay = charged(8);
    let mut now = at(0);
    while now < at(30 * 60_000) {
        assert_eq!(relay.ask(now), Admission::Open);
        relay.failed(now, Persistence::Transient, 0.5);
        now = relay.down_until(now).unwrap();
    }
    let opened = openings(&mut relay, now.as_millis(), 60);
    assert!(opened.iter().sum::<u32>() <= 16, "{opened:?}");
    assert!(opened.iter().all(|second| *second <= 1), "{opened:?}");
}

#[test]
fn after_a_short_outage_connections_are_soon_as_many_as_before() {
    let mut relay = charged(8);
    relay.ask(at(0));
    relay.failed(at(0), Persistence::Transient, 0.0);
    let opened = openings(&mut relay, 1_000, 4);
    assert!((7..=9).contains(&opened[0]), "{opened:?}");
    assert!(opened[3] > 100, "no longer held back: {opened:?}");
}

#[test]
fn connections_that_end_without_fruit_come_ever_more_slowly_and_charge_nobody() {
    let mut relay = charged(2);
    let (mut now, mut pauses) = (at(0), Vec::new());
    for _ in 0..4 {
        for _ in 0..2 {
            assert_eq!(relay.ask(now), Admission::Open);
            relay.opened(now);
        }
        for _ in 0..2 {
            relay.closed_fruitless(now, 0.0);
        }
        assert_eq!(relay.down_until(now), None);
        let Admission::Wait(pause) = relay.ask(now) else {
            panic!("it goes on at once");
        };
        pauses.push(pause.as_secs());
        now = now + pause;
    }
    assert_eq!(pauses, [1, 2, 4, 8]);
    relay.ask(now);
    relay.opened(now);
    relay.closed();
    assert_eq!(relay.ask(now), Admission::Open, "fruit forgets it");
}

#[test]
fn a_clock_that_was_set_back_an_hour_keeps_no_relay_untried() {
    let mut relay = charged(8);
    let hour = 3_600_000;
    relay.ask(at(hour));
    relay.failed(at(hour), Persistence::Transient, 0.0);
    let Admission::Wait(pause) = relay.ask(at(0)) else {
        panic!("it goes on at once");
    };
    assert!(pause <= Duration::from_secs(66), "{pause:?}");
    assert_eq!(relay.ask(at(66_000)), Admission::Open);
}
