//! The tail: what this process commits, in order, with every gap to be seen.

use std::sync::Arc;
use std::time::Duration;

use model::{ContentHash, EventKind, Seq};
use store::{LogBatch, Logged, Store, Tail};

use crate::on_each_backend;
use crate::support::{accept, assert_same, begin, event, facts, messages, stored, whole_log};

/// The next commit that a follower is shown.
pub async fn next(tail: &mut Tail) -> Arc<LogBatch> {
    tokio::time::timeout(Duration::from_secs(10), tail.next())
        .await
        .expect("a commit is shown")
        .expect("the store is open")
}

/// Follows as a reader does: from memory while the batches chain, from the store where they do not.
async fn follow(
    store: &dyn Store,
    tail: &mut Tail,
    mut cursor: Seq,
    end: Seq,
) -> (Vec<Logged>, usize) {
    let (mut log, mut gaps) = (Vec::new(), 0);
    while cursor < end {
        let batch = next(tail).await;
        if batch.last <= cursor {
            continue;
        }
        if batch.previous > cursor {
            gaps += 1;
            let missed = store.events_after(cursor, None, usize::MAX).await.unwrap();
            cursor = missed.last().map_or(cursor, |last| last.event.seq);
            log.extend(missed);
        } else {
            log.extend(
                batch
                    .events
                    .iter()
                    .filter(|logged| logged.event.seq > cursor)
                    .cloned(),
            );
            cursor = batch.last;
        }
    }
    (log, gaps)
}

#[test]
fn every_commit_is_seen_in_order_without_a_gap() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        accept(&*store, &campaign, "before", 3).await;
        let mut tail = store.tail();
        let mut cursor = store.end_of_log().await.unwrap();
        let mut seen = Vec::new();
        for round in 0..20 {
            // Known addresses, refused batches and late events take no place in the log.
            accept(&*store, &campaign, "before", 3).await;
            let mut refused = messages(&campaign, "refused", 2);
            refused[1].content = ContentHash([1; 32]);
            store.accept(&lease, refused).await.unwrap_err();
            let mut batch = messages(&campaign, "before", 3);
            batch.extend(messages(&campaign, &format!("round{round}-"), 2));
            batch.extend(messages(&campaign, "before", 3));
            let seq = store.accept(&lease, batch).await.unwrap()[3].seq();
            let message = stored(&*store, seq).await;
            let twice = vec![
                event(&message, EventKind::Delivered),
                event(&message, EventKind::Bounced),
            ];
            assert_eq!(store.record(&lease, twice).await.unwrap(), 1);
            for _ in 0..2 {
                let batch = next(&mut tail).await;
                assert_eq!(batch.previous, cursor, "it begins where the last one ended");
                assert!(!batch.events.is_empty());
                assert_eq!(batch.last, batch.events.last().unwrap().event.seq);
                cursor = batch.last;
                seen.extend(batch.events.iter().cloned());
            }
        }
        let log = store.events_after(Seq::new(3), None, 1_000).await.unwrap();
        assert_same(&facts(&seen), &facts(&log));
        for (shown, read) in seen.iter().zip(&log) {
            assert_eq!(shown.event, read.event);
            assert_eq!(shown.message.address, read.message.address);
        }
    });
}

#[test]
fn a_follower_beside_many_writers_misses_nothing() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        // Held by one, so that the writers do not take it from each other.
        store.lease(campaign.lane_key()).await.unwrap();
        let mut tail = store.tail();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (store, campaign) = (Arc::clone(&store), campaign.clone());
                tokio::spawn(async move {
                    for round in 0..10 {
                        accept(&*store, &campaign, &format!("task{task}-{round}-"), 3).await;
                    }
                })
            })
            .collect();
        let (log, _) = follow(&*store, &mut tail, Seq::START, Seq::new(240)).await;
        for task in tasks {
            task.await.unwrap();
        }
        assert_same(&facts(&log), &facts(&whole_log(&*store).await));
        assert_eq!(log.len(), 240);
    });
}

#[test]
fn a_follower_that_lags_sees_the_gap_and_slows_nobody() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let mut tail = store.tail();
        for round in 0..400 {
            accept(&*store, &campaign, &format!("round{round}-"), 1).await;
        }
        let (log, gaps) = follow(&*store, &mut tail, Seq::START, Seq::new(400)).await;
        assert_eq!(gaps, 1, "what was missed is missing in one piece");
        assert_same(&facts(&log), &facts(&whole_log(&*store).await));
    });
}

#[test]
fn what_another_process_wrote_is_seen_as_a_gap() {
    on_each_backend(async |place| {
        let (store, other) = (place.open().await, place.open().await);
        let campaign = begin(&*store, "spring").await;
        let mut tail = store.tail();
        accept(&*store, &campaign, "ada", 2).await;
        accept(&*other, &campaign, "bob", 2).await;
        accept(&*store, &campaign, "eve", 2).await;
        let (log, gaps) = follow(&*store, &mut tail, Seq::START, Seq::new(6)).await;
        assert_eq!(gaps, 1);
        assert_same(&facts(&log), &facts(&whole_log(&*store).await));
    });
}

#[test]
fn a_follower_learns_that_the_store_is_closed() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let mut tail = store.tail();
        accept(&*store, &campaign, "ada", 1).await;
        drop(store);
        assert_eq!(next(&mut tail).await.last, Seq::new(1));
        assert!(tail.next().await.is_none());
    });
}
