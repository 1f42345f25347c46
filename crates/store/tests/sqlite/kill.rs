//! A process killed in the middle of its work (promise: P-01).

use std::collections::HashMap;
use std::time::Duration;

use model::Seq;
use store::{Campaign, SqliteStore, Store};

use crate::support::{Child, begin, player};
use crate::{assert_sound, runtime};

/// Messages in a child's batch.
pub const BATCH: usize = 15;
const ROUNDS: usize = 10;

#[test]
fn nothing_acknowledged_is_lost_and_no_batch_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let campaign = runtime.block_on(async {
        let store = SqliteStore::open(folder.path()).unwrap();
        begin(&store, "spring").await
    });
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let prefix = format!("round{round}");
        let words = [
            "accept",
            folder.path().to_str().unwrap(),
            "spring",
            &prefix,
            "1000000",
        ];
        let mut child = Child::start(player(&words));
        for _ in 0..=round {
            child.hear().expect("it accepts");
        }
        // Some rounds are killed at once, some in the middle of what follows.
        std::thread::sleep(Duration::from_micros(700 * round as u64));
        child.kill();
        let mut batches = round + 1;
        while child.hear().is_some() {
            batches += 1;
        }
        assert_sound(folder.path());
        let kept = runtime.block_on(async {
            let store = SqliteStore::open(folder.path()).unwrap();
            kept_batches(&store, &campaign, &prefix).await
        });
        assert!(
            kept >= batches,
            "round {round}: {batches} batches were acknowledged, {kept} kept"
        );
        assert!(kept <= batches + 1, "one batch at most was under way");
        acknowledged += batches;
    }
    println!("{ROUNDS} kills, {acknowledged} batches acknowledged, none lost");
}

/// How many whole batches a round left; the books must say the same as the messages.
async fn kept_batches(store: &SqliteStore, campaign: &Campaign, prefix: &str) -> usize {
    let mut batches: HashMap<String, usize> = HashMap::new();
    let rows = store
        .messages(campaign.lane, Seq::START, usize::MAX)
        .await
        .unwrap();
    for row in &rows {
        let (batch, _) = row.message.address.local_part().rsplit_once('-').unwrap();
        *batches.entry(batch.to_owned()).or_default() += 1;
    }
    assert!(
        batches.values().all(|&messages| messages == BATCH),
        "a batch is half there"
    );
    let books = store.books(campaign.lane).await.unwrap();
    assert_eq!(books.queued, rows.len() as u64);
    assert_eq!(books, store.count_books(campaign.lane).await.unwrap());
    let of_round = format!("{prefix}-");
    batches
        .keys()
        .filter(|batch| batch.starts_with(&of_round))
        .count()
}
