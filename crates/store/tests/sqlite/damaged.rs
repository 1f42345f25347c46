//! Rows that another hand, or a failing disk, made unreadable: each costs one message, not its lane.

use std::collections::HashSet;
use std::path::Path;

use model::account::AccountPk;
use model::{EventKind, MessageState, Seq, Timestamp};
use rusqlite::Connection;
use store::sqlite::FILE_NAME;
use store::{Due, KeySource, LaneKey, Lease, SqliteStore, Store, StoreError, Submissions};

use crate::runtime;
use crate::support::directory::tenant_id;
use crate::support::submissions::{mail, settle};
use crate::support::{accept, begin, second, whole_log};

const HOUR_S: u64 = 60 * 60;

/// What makes the row of message `?1` unreadable, and what is said of it.
const DAMAGES: [(&str, &str); 6] = [
    ("address = 'nobody'", "the address has no @"),
    ("address = CAST(x'fffe' AS TEXT)", "its address: "),
    ("data = x'00'", "its data: "),
    ("attempts = 'many'", "attempts"),
    ("attempts = -1", "attempts"),
    ("accepted_at = 'today'", "accepted_at"),
];

fn damage(folder: &Path, seq: Seq, change: &str) {
    let connection = Connection::open(folder.join(FILE_NAME)).unwrap();
    let statement = format!("UPDATE messages SET {change} WHERE seq = ?1");
    assert_eq!(connection.execute(&statement, [seq.get()]).unwrap(), 1);
}

async fn due(store: &SqliteStore, lease: &Lease, limit: usize) -> Result<Due, StoreError> {
    store.due(lease, second(9), limit, &HashSet::new()).await
}

fn seqs(due: &Due) -> Vec<Seq> {
    due.messages.iter().map(|message| message.seq).collect()
}

/// A service with an account and mail to so many people, in one submission each.
async fn service(folder: &Path, count: usize) -> (SqliteStore, AccountPk, Lease, Vec<Seq>) {
    let store = SqliteStore::open_with_key(folder, &KeySource::File).unwrap();
    let account = settle(&store, "acme").await;
    let batch = (0..count).map(|number| mail("acme", &format!("m{number}"), &["ada@example.org"]));
    store.submit(batch.collect()).await.unwrap();
    let lease = store.lease(LaneKey::account(account)).await.unwrap();
    let all = due(&store, &lease, count).await.unwrap();
    (store, account, lease, seqs(&all))
}

async fn assert_balanced(store: &SqliteStore, lease: &Lease) {
    let books = store.books(lease.lane).await.unwrap();
    assert!(books.balance(), "{books:?}");
    assert_eq!(books, store.count_books(lease.lane).await.unwrap());
}

#[test]
fn a_damaged_row_costs_its_message_and_not_its_lane() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let count = DAMAGES.len() + 2;
        let (store, account, lease, all) = service(folder.path(), count).await;
        for (seq, (change, _)) in all.iter().zip(DAMAGES) {
            damage(folder.path(), *seq, change);
        }
        let sound = &all[DAMAGES.len()..];
        assert_eq!(seqs(&due(&store, &lease, count).await.unwrap()), sound);
        // Readers of the log stumble over none of them.
        let log = whole_log(&store).await;
        for (seq, (_, what)) in all.iter().zip(DAMAGES) {
            let last = log.iter().rfind(|logged| logged.event.message == *seq);
            let event = &last.unwrap().event;
            assert_eq!(event.kind, EventKind::Dropped);
            let reason = event.reason.as_deref().unwrap();
            let start = format!("damaged: message {}: ", seq.get());
            assert!(reason.starts_with(&start), "{reason}");
            assert!(reason.contains(what), "{reason} says {what}");
        }
        assert_balanced(&store, &lease).await;
        let books = store.books(lease.lane).await.unwrap();
        assert_eq!((books.dropped, books.queued), (6, 2));
        let counts = store.account_counts().await.unwrap();
        let counts = counts.iter().find(|one| one.account == account).unwrap();
        assert_eq!((counts.errors, counts.pending()), (6, 2));
        assert_eq!(store.pending(&tenant_id("acme"), None).await.unwrap(), 2);
    });
}

#[test]
fn what_is_behind_many_damaged_rows_is_due() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let (store, _, lease, all) = service(folder.path(), 20).await;
        for seq in &all[..17] {
            damage(folder.path(), *seq, "address = ''");
        }
        for limit in [1, 2] {
            let found = seqs(&due(&store, &lease, limit).await.unwrap());
            assert_eq!(found, all[17..17 + limit]);
        }
        assert_eq!(store.books(lease.lane).await.unwrap().dropped, 17);
        assert_balanced(&store, &lease).await;
    });
}

/// A message that is of no submission any more: its end cannot be counted anywhere.
#[test]
fn a_row_that_nothing_can_be_recorded_of_is_left_alone_for_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let (store, _, lease, all) = service(folder.path(), 3).await;
        damage(folder.path(), all[0], "submission = NULL, address = 'x'");
        for _ in 0..2 {
            let found = due(&store, &lease, 3).await.unwrap();
            assert_eq!(seqs(&found), all[1..]);
            assert_eq!(found.next_at, Some(second(9 + HOUR_S)));
        }
        assert_eq!(store.books(lease.lane).await.unwrap().queued, 3);
        assert_balanced(&store, &lease).await;
        // Until it can be read again.
        let change = format!("submission = {}, address = 'x@y.org'", all[0].get());
        damage(folder.path(), all[0], &change);
        let later: Timestamp = second(9 + HOUR_S);
        let found = store.due(&lease, later, 3, &HashSet::new()).await.unwrap();
        assert_eq!(found.messages.len(), 3);
    });
}

#[test]
fn a_message_without_its_template_is_dropped_and_a_run_without_its_own_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = SqliteStore::open(folder.path()).unwrap();
        let campaign = begin(&store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let all = accept(&store, &campaign, "ada", 4).await;
        damage(folder.path(), all[1], "content = 77");
        let found = due(&store, &lease, 9).await.unwrap();
        assert_eq!(seqs(&found), [all[0], all[2], all[3]]);
        let dropped = store.message(all[1]).await.unwrap().unwrap();
        assert_eq!(dropped.state, MessageState::Dropped);
        assert_balanced(&store, &lease).await;

        let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM contents")
            .unwrap();
        let error = due(&store, &lease, 9).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
        assert_eq!(store.books(lease.lane).await.unwrap().queued, 3);
    });
}
