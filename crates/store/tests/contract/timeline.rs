//! What happened to one message, from its acceptance on.

use model::{EventKind, Seq};

use crate::on_each_backend;
use crate::support::{accept, begin, event, second, stored, whole_log};

#[test]
fn it_holds_everything_that_happened_to_its_message_in_order() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&*store, &campaign, "ada", 3).await;
        for kind in [EventKind::Deferred, EventKind::Deferred, EventKind::Expired] {
            for &seq in &seqs {
                let mut new = event(&stored(&*store, seq).await, kind);
                new.reason = Some(format!("{kind:?} {}", seq.get()).into());
                store.record(&lease, vec![new]).await.unwrap();
            }
        }
        let log = whole_log(&*store).await;
        for &seq in &seqs {
            let timeline = store.timeline(seq).await.unwrap().unwrap();
            let expected: Vec<_> = log
                .iter()
                .filter(|logged| logged.event.message == seq)
                .map(|logged| logged.event.clone())
                .collect();
            assert_eq!(timeline.events, expected);
            assert_eq!(timeline.events.len(), 4);
            assert_eq!(timeline.message, *stored(&*store, seq).await);
            assert_eq!(timeline.retried_as, None);
        }
    });
}

#[test]
fn it_begins_with_acceptance_and_says_what_the_message_repeats() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let fresh = store.timeline(seq).await.unwrap().unwrap();
        assert_eq!(fresh.events.len(), 1);
        assert_eq!(
            (fresh.events[0].kind, fresh.events[0].seq),
            (EventKind::Accepted, seq)
        );
        let bounced = event(&stored(&*store, seq).await, EventKind::Bounced);
        store.record(&lease, vec![bounced]).await.unwrap();
        let end = store.end_of_log().await.unwrap();
        let added = store.retry_failed(&lease, end, 9, second(60));
        assert_eq!(added.await.unwrap(), 1);
        let repeat = store.timeline(end.next()).await.unwrap().unwrap();
        assert_eq!(repeat.message.retry_of, Some(seq));
        assert_eq!(repeat.events.len(), 1);
        assert_eq!(repeat.events[0].at, second(60));
        let failed = store.timeline(seq).await.unwrap().unwrap();
        assert_eq!(failed.retried_as, Some(repeat.message.id));
    });
}

#[test]
fn there_is_none_of_what_is_no_message() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let bounced = event(&stored(&*store, seq).await, EventKind::Bounced);
        store.record(&lease, vec![bounced]).await.unwrap();
        let of_event = seq.next();
        for place in [Seq::START, of_event, Seq::new(99), Seq::new(-1)] {
            assert!(store.timeline(place).await.unwrap().is_none(), "{place:?}");
        }
    });
}

#[test]
fn one_without_end_is_cut_to_its_first_and_its_latest_events() {
    on_each_backend(async |place| {
        const EVENTS_MAX: usize = 1_000;
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let message = stored(&*store, seq).await;
        let mut last = 0;
        for _ in 0..6 {
            let batch = (0..200).map(|_| {
                let mut new = event(&message, EventKind::Deferred);
                last += 1;
                new.attempts = last;
                new
            });
            store.record(&lease, batch.collect()).await.unwrap();
        }
        let events = store.timeline(seq).await.unwrap().unwrap().events;
        assert_eq!(events.len(), EVENTS_MAX);
        assert_eq!(events[0].kind, EventKind::Accepted);
        assert_eq!(events.last().unwrap().attempts, last);
        assert!(events.is_sorted_by_key(|event| event.seq));
        assert_eq!(events[1].attempts as usize, 1_200 - (EVENTS_MAX - 2));
    });
}
