//! Several processes on one file.

use std::path::Path;

use model::Seq;
use store::{SqliteStore, Store};

use crate::kill::BATCH;
use crate::support::{Child, assert_same, begin, facts, fast_folder, player, whole_log};
use crate::{assert_sound, runtime};

/// Batches that each process accepts.
const BATCHES: usize = 300;

/// New folders that are opened by many at once: what goes wrong there does so seldom.
const OPENINGS: usize = 100;

#[test]
fn two_processes_write_at_once_without_loss() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = SqliteStore::open(folder.path()).unwrap();
        let campaign = begin(&store, "spring").await;
        // Held by one, so that the two do not take it from each other.
        store.lease(campaign.lane_key()).await.unwrap();
        let children = ["first", "second"].map(|prefix| start(folder.path(), prefix));
        let listeners = children.map(|child| tokio::task::spawn_blocking(move || hear_all(child)));
        let entries = 2 * BATCHES * BATCH;
        let seen = follow(&store, entries).await;
        let mut answered = Vec::new();
        for listener in listeners {
            let seqs = listener.await.unwrap();
            assert_eq!(seqs.len(), BATCHES * BATCH);
            assert!(seqs.is_sorted(), "one process's places grow");
            answered.extend(seqs);
        }
        answered.sort_unstable();
        // What a reader saw meanwhile is what was answered.
        assert_same(&seen, &answered);
        let log: Vec<Seq> = facts(&whole_log(&store).await)
            .iter()
            .map(|fact| fact.0)
            .collect();
        assert_same(&log, &answered);
        assert!(log.windows(2).all(|pair| pair[0] < pair[1]));
        let books = store.books(campaign.lane).await.unwrap();
        assert_eq!(books.queued, entries as u64);
        assert_eq!(books, store.count_books(campaign.lane).await.unwrap());
    });
    assert_sound(folder.path());
}

fn start(folder: &Path, prefix: &str) -> Child {
    let folder = folder.to_str().unwrap();
    Child::start(player(&[
        "accept",
        folder,
        "spring",
        prefix,
        &BATCHES.to_string(),
    ]))
}

fn hear_all(mut child: Child) -> Vec<Seq> {
    let mut seqs = Vec::new();
    while let Some(line) = child.hear() {
        seqs.extend(line.split(' ').map(|word| Seq::new(word.parse().unwrap())));
    }
    seqs
}

/// Reads the log as it grows; the order of its places as they were seen.
async fn follow(store: &SqliteStore, entries: usize) -> Vec<Seq> {
    let mut seen: Vec<Seq> = Vec::new();
    while seen.len() < entries {
        let cursor = seen.last().copied().unwrap_or(Seq::START);
        let page = store.events_after(cursor, None, 333).await.unwrap();
        seen.extend(page.iter().map(|logged| logged.event.seq));
        tokio::task::yield_now().await;
    }
    seen
}

#[test]
fn a_new_folder_is_opened_by_many_at_once() {
    for _ in 0..OPENINGS {
        let folder = fast_folder();
        let data = folder.path().join("new").join("data");
        let barrier = std::sync::Barrier::new(4);
        let open = || {
            barrier.wait();
            SqliteStore::open(&data).unwrap()
        };
        let stores: Vec<SqliteStore> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        runtime().block_on(async {
            let campaign = begin(&stores[0], "spring").await;
            for (number, store) in stores.iter().enumerate() {
                crate::support::accept(store, &campaign, &format!("{number}-"), 2).await;
            }
            let ids = stores[3].message(Seq::new(1)).await.unwrap().unwrap().id;
            assert_eq!(
                stores[0].message(Seq::new(1)).await.unwrap().unwrap().id,
                ids
            );
            assert_eq!(stores[1].books(campaign.lane).await.unwrap().queued, 8);
        });
    }
}
