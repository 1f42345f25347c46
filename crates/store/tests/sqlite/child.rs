//! The parts that a check's second process plays.

use std::path::Path;

use model::EventKind;
use store::{LaneKey, SqliteStore, Store, Submissions, Submitted};

use crate::support::directory::given_key;
use crate::support::submissions::mail;
use crate::support::{accept, event, part, say, stored};
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
        "submit" => runtime().block_on(submit_batches(folder, &words[1])),
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

/// Hands over batch after batch without an end, records half of each as delivered, and says each one's number once all of
/// that is acknowledged.
async fn submit_batches(folder: &Path, prefix: &str) {
    let store = SqliteStore::open_with_key(folder, &given_key()).unwrap();
    let account = store.account_counts().await.unwrap()[0].account;
    let lease = store.lease(LaneKey::account(account)).await.unwrap();
    for batch in 0.. {
        let new = |number| {
            mail(
                "acme",
                &format!("{prefix}-{batch}-{number}"),
                &["ada@example.org"],
            )
        };
        let answers = store
            .submit((0..crate::kill::BATCH).map(new).collect())
            .await
            .unwrap();
        let mut delivered = Vec::new();
        for answer in answers.iter().take(crate::kill::BATCH / 2) {
            let Submitted::New(id) = answer else {
                panic!("{answer:?}");
            };
            let message = stored(&store, id.0).await;
            delivered.push(event(&message, EventKind::Delivered));
        }
        store.record(&lease, delivered).await.unwrap();
        say(batch);
    }
}
