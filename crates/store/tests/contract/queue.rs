//! The queue: what may be tried now, in which order, and what was taken back.

use std::collections::HashSet;

use model::{EventKind, Message, MessageState, Seq, Timestamp};
use store::{Due, Lease, Store, StoreError};

use crate::support::{START, accept, begin, event, message, second, stored, whole_log};
use crate::{ALWAYS, on_each_backend};

async fn due(store: &dyn Store, lease: &Lease, now: Timestamp, limit: usize) -> Due {
    store.due(lease, now, limit, &HashSet::new()).await.unwrap()
}

fn seqs(messages: &[Message]) -> Vec<Seq> {
    messages.iter().map(|message| message.seq).collect()
}

#[test]
fn the_oldest_due_comes_first_and_the_rest_says_when() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        assert_eq!(due(&*store, &lease, START, 10).await.next_at, None);
        let mut batch = Vec::new();
        for (name, due_at) in [("d", 40), ("b", 20), ("a", 10), ("c", 20), ("e", 50)] {
            let mut new = message(&campaign, &format!("{name}@example.org"));
            new.due_at = second(due_at);
            batch.push(new);
        }
        let answers = store.accept(&lease, batch).await.unwrap();
        let by_name =
            |names: &[usize]| -> Vec<Seq> { names.iter().map(|&n| answers[n].seq()).collect() };

        let early = due(&*store, &lease, second(9), 10).await;
        assert!(early.messages.is_empty());
        assert_eq!(early.next_at, Some(second(10)));
        let some = due(&*store, &lease, second(20), 10).await;
        assert_eq!(
            seqs(&some.messages),
            by_name(&[2, 1, 3]),
            "one moment: in the log's order"
        );
        assert_eq!(some.next_at, Some(second(40)));
        let first = due(&*store, &lease, ALWAYS, 2).await;
        assert_eq!(seqs(&first.messages), by_name(&[2, 1]));
        assert_eq!(first.next_at, None);
        let all = due(&*store, &lease, ALWAYS, usize::MAX).await;
        assert_eq!(seqs(&all.messages), by_name(&[2, 1, 3, 0, 4]));
        assert_eq!(all.messages[0], *stored(&*store, answers[2].seq()).await);
        assert!(due(&*store, &lease, ALWAYS, 0).await.messages.is_empty());
    });
}

#[test]
fn what_is_in_flight_is_not_given_again_and_takes_no_place() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let all = accept(&*store, &campaign, "ada", 9).await;
        let mut in_flight = HashSet::new();
        let mut given = Vec::new();
        loop {
            let due = store.due(&lease, START, 2, &in_flight).await.unwrap();
            if due.messages.is_empty() {
                break;
            }
            in_flight.extend(seqs(&due.messages));
            given.extend(seqs(&due.messages));
        }
        assert_eq!(given, all);
    });
}

#[test]
fn a_deferred_message_comes_back_at_its_time() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        for attempt in 1..=3 {
            let message = stored(&*store, seq).await;
            let mut deferred = event(&message, EventKind::Deferred);
            deferred.due_at = Some(second(u64::from(attempt) * 100));
            assert_eq!(store.record(&lease, vec![deferred]).await.unwrap(), 0);
            let waiting = due(&*store, &lease, second(u64::from(attempt) * 100 - 1), 10).await;
            assert!(waiting.messages.is_empty());
            assert_eq!(waiting.next_at, Some(second(u64::from(attempt) * 100)));
            let back = due(&*store, &lease, second(u64::from(attempt) * 100), 10).await;
            assert_eq!(
                (back.messages[0].seq, back.messages[0].attempts),
                (seq, attempt)
            );
            assert_eq!(back.messages[0].state, MessageState::Queued);
        }
        let books = store.books(campaign.lane).await.unwrap();
        assert_eq!((books.queued, books.accepted), (1, 1));
    });
}

#[test]
fn a_message_deferred_to_no_time_is_not_forgotten() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let deferred = event(&stored(&*store, seq).await, EventKind::Deferred);
        let at = deferred.at;
        store.record(&lease, vec![deferred]).await.unwrap();
        assert_eq!(seqs(&due(&*store, &lease, at, 10).await.messages), [seq]);
    });
}

#[test]
fn a_final_message_is_due_no_more() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let mut bounced = event(&stored(&*store, seq).await, EventKind::Bounced);
        bounced.due_at = Some(second(5));
        store.record(&lease, vec![bounced]).await.unwrap();
        let due = due(&*store, &lease, START, 10).await;
        assert!(due.messages.is_empty() && due.next_at.is_none(), "{due:?}");
    });
}

#[test]
fn queued_messages_are_listed_page_by_page() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let mut expected = accept(&*store, &campaign, "ada", 5).await;
        accept(&*store, &other, "ada", 5).await;
        expected.extend(accept(&*store, &campaign, "bob", 5).await);
        let delivered = expected.remove(3);
        let event = event(&stored(&*store, delivered).await, EventKind::Delivered);
        store.record(&lease, vec![event]).await.unwrap();
        let mut listed = Vec::new();
        let mut cursor = Seq::START;
        loop {
            let page = store.queued(campaign.lane, cursor, 4).await.unwrap();
            let Some(last) = page.last() else {
                break;
            };
            cursor = last.seq;
            assert!(page.iter().all(|queued| queued.first == queued.seq));
            listed.extend(page.iter().map(|queued| queued.seq));
        }
        assert_eq!(listed, expected);
    });
}

#[test]
fn cancel_takes_back_what_is_queued_and_says_why() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let all = accept(&*store, &campaign, "ada", 4).await;
        let delivered = event(&stored(&*store, all[1]).await, EventKind::Delivered);
        store.record(&lease, vec![delivered]).await.unwrap();
        let taken = store
            .cancel(&lease, all.clone(), "by hand", second(7))
            .await
            .unwrap();
        assert_eq!(taken, 3);
        let books = store.books(campaign.lane).await.unwrap();
        assert_eq!((books.cancelled, books.delivered, books.queued), (3, 1, 0));
        let log = whole_log(&*store).await;
        let last = &log.last().unwrap().event;
        assert_eq!((last.kind, last.message), (EventKind::Cancelled, all[3]));
        assert_eq!(
            (last.reason.as_deref(), last.at),
            (Some("by hand"), second(7))
        );
        assert_eq!(last.attempts, 0, "to take back is no attempt");
        assert_eq!(
            store
                .cancel(&lease, all.clone(), "again", second(8))
                .await
                .unwrap(),
            0
        );
        assert_eq!(whole_log(&*store).await.len(), log.len());

        let unknown = vec![all[0], Seq::new(12_345)];
        let error = store
            .cancel(&lease, unknown, "by hand", second(9))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error:?}");
        assert_eq!(error.to_string(), "message 12345 is not in the store");
    });
}
