//! The order of the queue: the more urgent before all others, and of one priority the oldest due first.

use std::collections::HashSet;

use model::{Priority, Seq};

use crate::service::{due, lease, mail, seqs, settle, submit};
use crate::support::{START, second};
use crate::{ALWAYS, on_each_backend};

#[test]
fn the_more_urgent_comes_first_whatever_its_age() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let mut expected: Vec<(Priority, u64, Seq)> = Vec::new();
        for number in 0..24_u64 {
            let mut new = mail("acme", &number.to_string(), &["ada@example.org"]);
            new.priority = Priority::clamped((number * 7 % 4) as i64);
            let wait = number * 5 % 6;
            new.deferred_until = Some(second(wait));
            expected.push((new.priority, wait, submit(&*service, new).await.0));
        }
        expected.sort_unstable();
        let lease = lease(&*service, pk).await;
        for now in [0, 2, 5] {
            let of = |(_, wait, seq): &(Priority, u64, Seq)| (*wait <= now).then_some(*seq);
            let expected: Vec<Seq> = expected.iter().filter_map(of).collect();
            for limit in [0, 1, 3, expected.len(), 100] {
                let due = due(&*service, &lease, second(now), limit).await;
                assert_eq!(seqs(&due.messages), expected[..limit.min(expected.len())]);
                let next_at = (now < 5).then(|| second(now + 1));
                assert_eq!(due.next_at, next_at, "over all priorities");
            }
        }
    });
}

#[test]
fn what_is_in_flight_takes_no_place_in_any_priority() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let mut expected = Vec::new();
        for priority in Priority::ALL.into_iter().rev() {
            let mut of_priority = Vec::new();
            for number in 0..5 {
                let id = format!("{priority:?} {number}");
                let mut new = mail("acme", &id, &["ada@example.org"]);
                new.priority = priority;
                of_priority.push(submit(&*service, new).await.0);
            }
            expected.splice(0..0, of_priority);
        }
        let lease = lease(&*service, pk).await;
        let (mut in_flight, mut given) = (HashSet::new(), Vec::new());
        loop {
            let due = service.due(&lease, START, 3, &in_flight).await.unwrap();
            if due.messages.is_empty() {
                break;
            }
            in_flight.extend(seqs(&due.messages));
            given.extend(seqs(&due.messages));
        }
        assert_eq!(given, expected);
    });
}

#[test]
fn urgent_mail_that_waits_for_its_time_does_not_hold_up_the_rest() {
    on_each_backend(async |place| {
        let service = place.service().await;
        let pk = settle(&*service, "acme").await;
        let mut urgent = mail("acme", "urgent", &["ada@example.org"]);
        (urgent.priority, urgent.deferred_until) = (Priority::Immediate, Some(second(60)));
        let urgent = submit(&*service, urgent).await;
        let mut low = mail("acme", "low", &["ada@example.org"]);
        low.priority = Priority::Low;
        let low = submit(&*service, low).await;
        let lease = lease(&*service, pk).await;
        let now = due(&*service, &lease, START, 10).await;
        assert_eq!(
            (seqs(&now.messages), now.next_at),
            (vec![low.0], Some(second(60)))
        );
        let later = due(&*service, &lease, ALWAYS, 10).await;
        assert_eq!(seqs(&later.messages), [urgent.0, low.0]);
    });
}
