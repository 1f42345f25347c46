//! The parts that a check's second process plays.

use std::path::Path;

use store::{SqliteStore, Store};

use crate::support::{accept, part, say};
use crate::{disk, runtime};

/// Started by a check, this process is another one. In a plain test run there is no part to play.
#[test]
fn plays_its_part() {
    let Some((name, words)) = part() else {
        return;
    };
    let folder = Path::new(&words[0]);
    match name.as_str() {
        "accept" => runtime().block_on(accept_batches(folder, &words[1], &words[2], &words[3])),
        "fill" => runtime().block_on(disk::fill(folder)),
        "open" => say(SqliteStore::open(folder).err().unwrap()),
        other => panic!("there is no part {other}"),
    }
}

/// Accepts batch after batch into a run and says each one's places once it is acknowledged.
async fn accept_batches(folder: &Path, run: &str, prefix: &str, batches: &str) {
    let store = SqliteStore::open(folder).unwrap();
    let campaign = store.campaign(run).await.unwrap().unwrap();
    for batch in 0..batches.parse::<u64>().unwrap() {
        let seqs = accept(
            &store,
            &campaign,
            &format!("{prefix}-{batch}-"),
            crate::kill::BATCH,
        )
        .await;
        let words: Vec<String> = seqs.iter().map(|seq| seq.get().to_string()).collect();
        say(words.join(" "));
    }
}
