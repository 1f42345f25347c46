//! Moving up: what a data folder holds is in the database, whole or not at all.

mod answers;
mod installation;
mod killed;
mod refused;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use model::{EventKind, Timestamp};
use store::copy::{Copied, Progress, copy};
use store::postgres::{Address, Settings};
use store::sqlite::FILE_NAME;
use store::{Directory, LaneKey, PostgresStore, Store, Submissions};

use crate::canaries::{other_key, read_all};
use crate::cluster::{Cluster, Database};
use crate::support::directory::{account, given_key};
use crate::support::submissions::{Service, mail};
use crate::support::{assert_same, begin, event, fast_folder};
use crate::{open_with_key, runtime};
use installation::ALWAYS;
pub use killed::play;

fn address(database: &Database<'_>) -> Address {
    Address::parse(database.address()).unwrap()
}

fn number(database: &Database<'_>, query: &str) -> i64 {
    database.sql(query).trim().parse().unwrap()
}

async fn run(folder: &Path, database: &Database<'_>) -> store::Result<Copied> {
    copy(folder, &address(database), |_| ()).await
}

async fn open(database: &Database<'_>) -> PostgresStore {
    let settings = Settings {
        shards: 1,
        ..Settings::default()
    };
    open_with_key(database, &given_key(), settings).await
}

#[test]
fn everything_is_answered_after_it_as_it_was_before() {
    let database = Cluster::shared().database();
    let folder = fast_folder();
    runtime().block_on(async {
        installation::make(folder.path()).await;
        let before = {
            let store = installation::open(folder.path());
            answers::of(&store).await
        };
        let mut told: Vec<Progress> = Vec::new();
        let address = address(&database);
        let copying = copy(folder.path(), &address, |progress| told.push(progress));
        let copied = copying.await.unwrap();
        let after = answers::of(&open(&database).await).await;
        assert_same(&after, &before);

        let empty: Vec<_> = copied
            .tables
            .iter()
            .filter(|(_, rows)| *rows == 0)
            .collect();
        assert!(empty.is_empty(), "the installation lacks {empty:?}");
        let all: u64 = copied.tables.iter().map(|(_, rows)| rows).sum();
        let last = told.last().unwrap();
        assert_eq!((last.rows, last.total), (all, all));
        assert!(told.is_sorted_by_key(|progress| progress.rows));
        assert_eq!(copied.file, copied.database);
        assert!(copied.file.balance() && copied.file.accepted > 100);
    });
}

#[test]
fn events_are_in_the_parts_of_their_months_and_found_there() {
    let database = Cluster::shared().database();
    let folder = fast_folder();
    runtime().block_on(async {
        installation::make(folder.path()).await;
        run(folder.path(), &database).await.unwrap();
    });
    assert!(number(&database, "SELECT count(*) FROM events_2023_11") > 36);
    let others = "SELECT count(*) FROM ONLY events_other";
    assert_eq!(number(&database, others), 0);
    for (table, place) in [
        ("messages", "last_event, last_event_at"),
        ("events", "previous, previous_at"),
        ("news", "last_event, last_event_at"),
    ] {
        let lost = format!(
            "SELECT count(*) FROM (SELECT {place} FROM {table}) AS led (seq, at) \
             WHERE seq IS NOT NULL AND NOT EXISTS (SELECT FROM events e WHERE e.seq = led.seq AND e.at = led.at)"
        );
        assert_eq!(number(&database, &lost), 0, "{table}");
    }
}

#[test]
fn the_work_goes_on_in_the_database_where_it_stopped() {
    let database = Cluster::shared().database();
    let folder = fast_folder();
    runtime().block_on(async {
        installation::make(folder.path()).await;
        run(folder.path(), &database).await.unwrap();
        let store = open(&database).await;
        let end = store.end_of_log().await.unwrap();
        for waiting in store.waiting_lanes().await.unwrap() {
            let key = LaneKey::account(waiting.account);
            let lease = store.lease(key).await.unwrap();
            assert_eq!(lease.lane, waiting.lane);
            let due = store
                .due(&lease, ALWAYS, 100, &HashSet::new())
                .await
                .unwrap();
            let books = store.books(waiting.lane).await.unwrap();
            for message in due.messages.iter().take(1) {
                store
                    .payload(message.content.submission().unwrap())
                    .await
                    .unwrap()
                    .unwrap();
                let delivered = event(&Arc::new(message.clone()), EventKind::Delivered);
                assert_eq!(store.record(&lease, vec![delivered]).await.unwrap(), 0);
                let now = store.books(waiting.lane).await.unwrap();
                assert_eq!(now.delivered, books.delivered + 1);
                assert_eq!(now, store.count_books(waiting.lane).await.unwrap());
            }
        }
        assert!(store.end_of_log().await.unwrap() > end);
        // A run whose process was killed is taken over, under a new token.
        let run = store.campaign("spring").await.unwrap().unwrap();
        let lease = store.lease(run.lane_key()).await.unwrap();
        assert_eq!(lease.token, 2);
        assert!(store.retry_failed(&lease, end, 100, ALWAYS).await.unwrap() > 0);
    });
}

#[test]
fn what_happened_is_counted_on_where_it_was_counted_to() {
    let database = Cluster::shared().database();
    let folder = fast_folder();
    runtime().block_on(async {
        installation::make(folder.path()).await;
        run(folder.path(), &database).await.unwrap();
        let kept = number(
            &database,
            "SELECT count(*) FROM forgotten_events WHERE seq > 0",
        );
        let summed = number(
            &database,
            "SELECT count(*) FROM forgotten_events WHERE seq = 0",
        );
        assert!(kept > 0 && summed > 0, "{kept} and {summed}");
        let (here, there) = (open(&database).await, installation::open(folder.path()));
        assert_same(&counted_on(&here).await, &counted_on(&there).await);
    });
}

/// What a store has counted at the end of its log, and would count anew.
async fn counted_on(store: &dyn Service) -> Vec<String> {
    while store.roll_up(1_000).await.unwrap().is_behind {}
    let mut answers = Vec::new();
    answers::of_statistics(store, &mut answers).await;
    let anew = store.rebuild(Timestamp::from_millis(0), ALWAYS).await;
    let anew = anew.unwrap();
    assert!(anew.corrected == 0 && anew.counted > 50, "{anew:?}");
    answers.push(format!("{anew:?}"));
    answers
}

#[test]
fn numbers_go_on_beyond_all_that_were_ever_given() {
    let database = Cluster::shared().database();
    let folder = fast_folder();
    runtime().block_on(async {
        installation::make(folder.path()).await;
        let end = installation::open(folder.path()).end_of_log().await.unwrap();
        let file = rusqlite::Connection::open(folder.path().join(FILE_NAME)).unwrap();
        let query = "SELECT seq, (SELECT max(pk) FROM accounts) FROM sqlite_sequence WHERE name = 'accounts'";
        let numbers = file.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let (given, largest): (i64, i64) = numbers.unwrap();
        assert!(largest < given, "the last one is gone");
        run(folder.path(), &database).await.unwrap();
        let store = open(&database).await;
        let pk = store.put_account(account("cleo", "new")).await.unwrap();
        assert_eq!(pk.0, given + 1);
        let campaign = begin(&store, "autumn").await;
        let lanes = number(&database, "SELECT count(*) FROM lanes");
        assert_eq!(campaign.lane.0, lanes);
        store.submit(vec![mail("cleo", "new", &["x@example.org"])]).await.unwrap();
        assert_eq!(store.end_of_log().await.unwrap(), end.next());
    });
}

#[test]
fn secrets_open_with_the_same_key_and_with_no_other() {
    let database = Cluster::shared().database();
    let folder = fast_folder();
    runtime().block_on(async {
        installation::make(folder.path()).await;
        run(folder.path(), &database).await.unwrap();
        let (address, other) = (address(&database), other_key());
        let settings = Settings::default();
        let wrong = PostgresStore::open_with_key(&address, Path::new("/"), &other, settings);
        assert!(wrong.await.is_err());
        let store = open(&database).await;
        for counts in store.account_counts().await.unwrap() {
            let errors = read_all(&store, counts.account).await;
            assert!(errors.is_empty(), "{errors:?}");
        }
    });
    let sealed = "SELECT count(*) FROM payloads WHERE is_sealed AND payload LIKE 'ENC:%'";
    assert!(number(&database, sealed) >= 10);
    assert_eq!(
        number(
            &database,
            "SELECT count(*) FROM payloads WHERE payload LIKE '%canary%'"
        ),
        0
    );
}

/// The tables and their columns, by `table.column` lines.
fn columns(lines: impl IntoIterator<Item = String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut tables = BTreeMap::<String, BTreeSet<String>>::new();
    for line in lines {
        let (table, column) = line.split_once('.').unwrap();
        tables
            .entry(table.to_owned())
            .or_default()
            .insert(column.to_owned());
    }
    tables
}

#[test]
fn every_table_and_column_of_the_file_has_its_place() {
    let database = Cluster::shared().database();
    let folder = fast_folder();
    let copied = runtime().block_on(async {
        installation::make(folder.path()).await;
        run(folder.path(), &database).await.unwrap()
    });
    let file = rusqlite::Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let query = "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
    let mut statement = file.prepare(query).unwrap();
    let lines = statement.query_map([], |row| row.get(0)).unwrap();
    let file = columns(lines.map(Result::unwrap));
    let query = "SELECT table_name || '.' || column_name FROM information_schema.columns \
                 WHERE table_schema = 'public'";
    let there = columns(database.sql(query).lines().map(str::to_owned));
    let copied: BTreeSet<String> = copied
        .tables
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(file.keys().cloned().collect::<BTreeSet<_>>(), copied);
    for (table, columns) in file {
        let lost: Vec<_> = columns.difference(&there[&table]).collect();
        // What an account sent is counted by account there.
        let expected: &[&str] = if table == "sends" { &["lane"] } else { &[] };
        assert_eq!(lost, expected, "{table}");
    }
}
