//! Repeats of failed messages: new messages, once each, beside what stays as it was.

use model::{EventKind, Message, MessageState, Seq};
use store::{Accepted, Campaign, Lease, Progress, Queued, Store, StoreError};

use crate::support::{accept, begin, event, message, second, stored, whole_log};
use crate::{ALWAYS, OUTCOMES, on_each_backend};

/// Every message up to here.
const ALL: Seq = Seq::new(i64::MAX);

async fn record(store: &dyn Store, lease: &Lease, seq: Seq, kind: EventKind) {
    let event = event(&stored(store, seq).await, kind);
    assert_eq!(store.record(lease, vec![event]).await.unwrap(), 0);
}

/// Repeats what failed, a few at a time; gives how many it were.
async fn retry_all(store: &dyn Store, lease: &Lease, campaign: &Campaign, up_to: Seq) -> usize {
    let mut total = 0;
    loop {
        let added = store
            .retry_failed(lease, up_to, 2, second(60))
            .await
            .unwrap();
        assert!(added <= 2);
        let books = store.books(campaign.lane).await.unwrap();
        let counted = store.count_books(campaign.lane).await.unwrap();
        assert!(
            books.balance() && counted.balance(),
            "{books:?} {counted:?}"
        );
        if added == 0 {
            return total;
        }
        total += added;
    }
}

/// The messages of a run that repeat others, in the log's order.
async fn repeats(store: &dyn Store, campaign: &Campaign) -> Vec<Message> {
    let rows = store
        .messages(campaign.lane, Seq::START, usize::MAX)
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| Message::clone(&row.message))
        .filter(|message| message.retry_of.is_some())
        .collect()
}

#[test]
fn only_what_failed_for_good_is_repeated_and_in_the_logs_order() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        let (lease, lease_of_other) = (
            store.lease(campaign.lane_key()).await.unwrap(),
            store.lease(other.lane_key()).await.unwrap(),
        );
        let seqs = accept(&*store, &campaign, "ada", 14).await;
        for (number, kind) in (1..).zip(OUTCOMES) {
            // The later one of two fails earlier.
            record(&*store, &lease, seqs[number + 7], kind).await;
            record(&*store, &lease, seqs[number], kind).await;
        }
        let of_other = accept(&*store, &other, "ada", 1).await[0];
        record(&*store, &lease_of_other, of_other, EventKind::Bounced).await;

        assert_eq!(retry_all(&*store, &lease, &campaign, ALL).await, 6);
        let new = repeats(&*store, &campaign).await;
        let of: Vec<Seq> = new.iter().filter_map(|message| message.retry_of).collect();
        let failed = [3, 4, 5, 10, 11, 12].map(|number| seqs[number]);
        assert_eq!(of, failed);
        for message in &new {
            let first = stored(&*store, message.retry_of.unwrap()).await;
            let (again, before) = (message, &*first);
            assert_eq!(
                (&again.address, &again.data, again.content, again.lane),
                (&before.address, &before.data, before.content, before.lane)
            );
            assert_eq!((again.state, again.attempts), (MessageState::Queued, 0));
            assert_eq!(again.accepted_at, second(60));
            assert_ne!(again.id, before.id);
            assert!(before.state != MessageState::Queued && before.retry_of.is_none());
        }
        assert!(repeats(&*store, &other).await.is_empty());
        let books = store.books(campaign.lane).await.unwrap();
        assert_eq!((books.accepted, books.failed(), books.queued), (20, 6, 10));
        assert_eq!(books, store.count_books(campaign.lane).await.unwrap());
        let log = whole_log(&*store).await;
        for (logged, message) in log[log.len() - 6..].iter().zip(&new) {
            assert_eq!(logged.event.kind, EventKind::Accepted);
            assert_eq!(*logged.message, *message);
        }
    });
}

#[test]
fn a_repeat_is_due_at_once() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        record(&*store, &lease, seq, EventKind::Expired).await;
        assert_eq!(retry_all(&*store, &lease, &campaign, ALL).await, 1);
        let nobody = std::collections::HashSet::new();
        let due = store.due(&lease, second(60), 10, &nobody).await.unwrap();
        assert_eq!(due.messages.len(), 1);
        assert_eq!(due.messages[0].retry_of, Some(seq));
        let early = store.due(&lease, second(59), 10, &nobody).await.unwrap();
        assert_eq!(early.next_at, Some(second(60)));
    });
}

#[test]
fn a_message_is_repeated_once_and_its_repeat_when_that_failed_too() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let first = accept(&*store, &campaign, "ada", 1).await[0];
        let mut chain = vec![first];
        for round in 0..4 {
            let last = *chain.last().unwrap();
            record(&*store, &lease, last, EventKind::Bounced).await;
            assert_eq!(retry_all(&*store, &lease, &campaign, ALL).await, 1);
            assert_eq!(retry_all(&*store, &lease, &campaign, ALL).await, 0);
            let new = repeats(&*store, &campaign).await;
            assert_eq!(new.len(), round + 1);
            assert_eq!(new[round].retry_of, Some(last));
            chain.push(new[round].seq);
        }
        let queued = store.queued(campaign.lane, Seq::START, 10).await.unwrap();
        let seq = *chain.last().unwrap();
        assert_eq!(queued, [Queued { seq, first }]);
        for pair in chain.windows(2) {
            let timeline = store.timeline(pair[0]).await.unwrap().unwrap();
            assert_eq!(timeline.retried_as, Some(stored(&*store, pair[1]).await.id));
        }
        let last = store.timeline(seq).await.unwrap().unwrap();
        assert_eq!(last.retried_as, None);
        record(&*store, &lease, seq, EventKind::Delivered).await;
        assert_eq!(retry_all(&*store, &lease, &campaign, ALL).await, 0);
    });
}

#[test]
fn what_fails_after_the_call_waits_for_the_next() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&*store, &campaign, "ada", 3).await;
        // The last fails first.
        record(&*store, &lease, seqs[2], EventKind::Dropped).await;
        record(&*store, &lease, seqs[0], EventKind::Dropped).await;
        let call = store.end_of_log().await.unwrap();
        record(&*store, &lease, seqs[1], EventKind::Dropped).await;
        assert_eq!(retry_all(&*store, &lease, &campaign, call).await, 2);
        // Neither is a repeat that fails while the call goes on repeated by the call.
        for message in repeats(&*store, &campaign).await {
            record(&*store, &lease, message.seq, EventKind::Bounced).await;
        }
        assert_eq!(retry_all(&*store, &lease, &campaign, call).await, 0);
        let next_call = store.end_of_log().await.unwrap();
        assert_eq!(retry_all(&*store, &lease, &campaign, next_call).await, 3);
        let none = store.retry_failed(&lease, ALL, 0, second(60));
        assert_eq!(none.await.unwrap(), 0);
    });
}

#[test]
fn the_ledger_knows_the_first_message_of_an_address() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let mut firsts = Vec::new();
        for address in ["Ada@example.org", "JÖRG@example.org", "bob@example.org"] {
            let new = message(&campaign, address);
            let seq = store.accept(&lease, vec![new]).await.unwrap()[0].seq();
            record(&*store, &lease, seq, EventKind::Bounced).await;
            firsts.push(seq);
        }
        assert_eq!(retry_all(&*store, &lease, &campaign, ALL).await, 3);
        let spellings = ["aDA@example.org", "jörg@example.org", "bob@example.org"];
        for (address, &seq) in spellings.into_iter().zip(&firsts) {
            let again = store
                .accept(&lease, vec![message(&campaign, address)])
                .await;
            let state = MessageState::Bounced;
            assert_eq!(again.unwrap(), [Accepted::Known { seq, state }]);
        }
        let queued = store.queued(campaign.lane, Seq::START, 10).await.unwrap();
        let of: Vec<Seq> = queued.iter().map(|queued| queued.first).collect();
        assert_eq!(of, firsts);
        assert!(queued.iter().all(|queued| queued.seq > queued.first));
    });
}

#[test]
fn only_the_holder_of_the_runs_lane_repeats() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let of_other = store.lease(other.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        record(&*store, &lease, seq, EventKind::Bounced).await;
        let retry = |lease| {
            let store = &store;
            async move { store.retry_failed(lease, ALL, 9, second(60)).await }
        };
        assert_eq!(
            retry(&of_other).await.unwrap(),
            0,
            "nothing of its own failed"
        );
        store.release(lease.clone()).await.unwrap();
        let error = retry(&lease).await.unwrap_err();
        assert!(matches!(error, StoreError::LeaseLost { .. }), "{error:?}");
        let again = store.lease(campaign.lane_key()).await.unwrap();
        let error = retry(&lease).await.unwrap_err();
        assert!(matches!(error, StoreError::LeaseLost { .. }), "{error:?}");
        assert_eq!(whole_log(&*store).await.len(), 2, "nothing was written");
        assert_eq!(retry(&again).await.unwrap(), 1);
    });
}

#[test]
fn two_who_retry_at_once_repeat_each_message_once() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        for seq in accept(&*store, &campaign, "ada", 40).await {
            record(&*store, &lease, seq, EventKind::Bounced).await;
        }
        let (one, two) = tokio::join!(
            retry_all(&*store, &lease, &campaign, ALL),
            retry_all(&*store, &lease, &campaign, ALL)
        );
        assert_eq!(one + two, 40);
        assert_eq!(repeats(&*store, &campaign).await.len(), 40);
        let nobody = std::collections::HashSet::new();
        let due = store.due(&lease, ALWAYS, 100, &nobody).await.unwrap();
        assert_eq!(due.messages.len(), 40);
    });
}

#[test]
fn whether_there_is_anything_left_to_repeat_is_known() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&*store, &campaign, "ada", 3).await;
        let has = async || store.has_repeatable(campaign.lane).await.unwrap();
        record(&*store, &lease, seqs[0], EventKind::Cancelled).await;
        record(&*store, &lease, seqs[1], EventKind::Deferred).await;
        assert!(!has().await);
        record(&*store, &lease, seqs[2], EventKind::Bounced).await;
        assert!(has().await);
        assert!(!store.has_repeatable(other.lane).await.unwrap());
        assert_eq!(retry_all(&*store, &lease, &campaign, ALL).await, 1);
        assert!(!has().await, "it waits to be tried again");
        let repeat = repeats(&*store, &campaign).await[0].seq;
        record(&*store, &lease, repeat, EventKind::Expired).await;
        assert!(has().await);
    });
}

/// A process that is killed right after it must not leave a run that says it is finished.
#[test]
fn a_finished_run_is_unfinished_with_its_first_repeat() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        record(&*store, &lease, seq, EventKind::Bounced).await;
        for progress in [Progress::Listed(second(2)), Progress::Finished(second(3))] {
            store.mark_campaign(&lease, progress).await.unwrap();
        }
        let marks = async || {
            let run = store.campaign("spring").await.unwrap().unwrap();
            (run.listed_at, run.finished_at)
        };
        let none = store.retry_failed(&lease, seq, 9, second(60));
        assert_eq!(none.await.unwrap(), 0);
        assert_eq!(marks().await, (Some(second(2)), Some(second(3))));
        assert_eq!(retry_all(&*store, &lease, &campaign, ALL).await, 1);
        assert_eq!(marks().await, (Some(second(2)), None));
    });
}
