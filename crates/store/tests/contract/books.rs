//! The books: they balance after every commit and say what the messages say. And the readers' cursors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::LaneId;
use store::{Books, Store};

use crate::support::{accept, begin, event, second, stored};
use crate::{OUTCOMES, on_each_backend};

#[test]
fn they_balance_after_every_operation() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let other = begin(&*store, "other").await;
        accept(&*store, &other, "eve", 2).await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        assert_eq!(check(&*store, campaign.lane).await, Books::default());
        let seqs = accept(&*store, &campaign, "ada", 12).await;
        let mut expected = Books {
            accepted: 12,
            queued: 12,
            ..Books::default()
        };
        assert_eq!(check(&*store, campaign.lane).await, expected);
        accept(&*store, &campaign, "ada", 12).await;
        assert_eq!(
            check(&*store, campaign.lane).await,
            expected,
            "known addresses change nothing"
        );
        for (number, kind) in OUTCOMES.into_iter().enumerate() {
            let pair = [
                stored(&*store, seqs[number]).await,
                stored(&*store, seqs[number + 6]).await,
            ];
            let batch = pair.iter().map(|message| event(message, kind)).collect();
            store.record(&lease, batch).await.unwrap();
            expected.queued -= 2;
            *expected.count_mut(kind.state()) += 2;
            assert_eq!(
                check(&*store, campaign.lane).await,
                expected,
                "after {kind:?}"
            );
        }
        let taken = store.cancel(&lease, seqs, "stop", second(1)).await.unwrap();
        expected.cancelled += taken as u64;
        expected.queued = 0;
        assert_eq!(check(&*store, campaign.lane).await, expected);
        assert_eq!(
            check(&*store, other.lane).await.queued,
            2,
            "the other run's are its own"
        );
    });
}

async fn check(store: &dyn Store, campaign: LaneId) -> Books {
    let books = store.books(campaign).await.unwrap();
    assert!(books.balance(), "{books:?}");
    assert_eq!(books, store.count_books(campaign).await.unwrap());
    books
}

#[test]
fn they_balance_at_every_moment_while_others_write() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let done = Arc::new(AtomicBool::new(false));
        let watcher = {
            let (store, done, id) = (place.open().await, Arc::clone(&done), campaign.lane);
            tokio::spawn(async move {
                let mut looks = 0;
                while !done.load(Ordering::Relaxed) || looks == 0 {
                    let books = store.books(id).await.unwrap();
                    let counted = store.count_books(id).await.unwrap();
                    assert!(
                        books.balance() && counted.balance(),
                        "{books:?} {counted:?}"
                    );
                    looks += 1;
                }
            })
        };
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        for round in 0..40 {
            let seqs = accept(&*store, &campaign, &format!("round{round}-"), 7).await;
            let mut batch = Vec::new();
            for (number, &seq) in seqs.iter().enumerate() {
                let kind = OUTCOMES[number % OUTCOMES.len()];
                batch.push(event(&stored(&*store, seq).await, kind));
            }
            store.record(&lease, batch).await.unwrap();
        }
        done.store(true, Ordering::Relaxed);
        watcher.await.unwrap();
        assert_eq!(check(&*store, campaign.lane).await.accepted, 280);
    });
}

#[test]
fn a_reader_finds_its_place_again() {
    on_each_backend(async |place| {
        let store = place.open().await;
        assert_eq!(store.cursor("account").await.unwrap(), None);
        store.save_cursor("account", "17").await.unwrap();
        store.save_cursor("webhooks", "4").await.unwrap();
        store.save_cursor("account", "18 + 5 bytes").await.unwrap();
        let again = place.open().await;
        assert_eq!(
            again.cursor("account").await.unwrap().as_deref(),
            Some("18 + 5 bytes")
        );
        assert_eq!(
            again.cursor("webhooks").await.unwrap().as_deref(),
            Some("4")
        );
        assert_eq!(again.cursor("nobody").await.unwrap(), None);
    });
}
