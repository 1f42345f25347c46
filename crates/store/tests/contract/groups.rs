//! Operations that share a commit: one that fails takes back only itself.

use std::sync::Arc;

use model::{ContentHash, EventKind, Seq};
use store::StoreError;

use crate::on_each_backend;
use crate::support::{accept, assert_same, begin, event, facts, messages, stored, whole_log};

#[test]
fn a_failing_operation_takes_back_only_itself() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let tasks: Vec<_> = (0..60)
            .map(|task| {
                let (store, lease) = (Arc::clone(&store), lease.clone());
                let mut batch = messages(&campaign, &format!("task{task}-"), 5);
                if task % 3 == 0 {
                    // The four before it are written by then.
                    batch[4].content = ContentHash([9; 32]);
                }
                tokio::spawn(async move { (task, store.accept(&lease, batch).await) })
            })
            .collect();
        let mut seqs: Vec<Seq> = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                (number, Ok(answers)) if number % 3 != 0 => {
                    seqs.extend(answers.iter().map(|answer| answer.seq()));
                }
                (number, Err(StoreError::Missing(_))) if number % 3 == 0 => {}
                (number, other) => panic!("task {number}: {other:?}"),
            }
        }
        seqs.sort_unstable();
        let log: Vec<Seq> = facts(&whole_log(&*store).await)
            .iter()
            .map(|fact| fact.0)
            .collect();
        // What was answered, and nothing else.
        assert_same(&log, &seqs);
        assert_eq!(log.len(), 200);
        let books = store.books(campaign.lane).await.unwrap();
        assert_eq!(books, store.count_books(campaign.lane).await.unwrap());
        assert!(books.balance() && books.queued == 200);
    });
}

#[test]
fn an_outcome_refused_beside_others_leaves_nothing() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let own = store
            .accept(&lease, messages(&campaign, "ada", 2))
            .await
            .unwrap();
        let foreign = accept(&*store, &other, "ada", 1).await[0];
        let [first, second, third] = [
            stored(&*store, own[0].seq()).await,
            stored(&*store, own[1].seq()).await,
            stored(&*store, foreign).await,
        ];
        let good = vec![event(&first, EventKind::Delivered)];
        let bad = vec![
            event(&second, EventKind::Delivered),
            event(&third, EventKind::Delivered),
        ];
        let (good, bad) = tokio::join!(store.record(&lease, good), store.record(&lease, bad));
        assert_eq!(good.unwrap(), 0);
        assert!(matches!(bad, Err(StoreError::Missing(_))), "{bad:?}");
        assert_eq!(store.books(campaign.lane).await.unwrap().delivered, 1);
        assert_eq!(store.books(other.lane).await.unwrap().queued, 1);
        assert_eq!(whole_log(&*store).await.len(), 4);
    });
}
