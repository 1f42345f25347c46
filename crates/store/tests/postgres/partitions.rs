//! The parts of the events: made ahead, in order, and without losing what came before them.

use std::time::{Duration, Instant};

use model::{EventKind, Timestamp};
use store::postgres::{Address, migrate};
use store::{PostgresStore, Store, StoreError};

use crate::cluster::{Cluster, Database};
use crate::support::{accept, begin, event, facts, stored, whole_log};
use crate::{another_hand, open, runtime};

/// The parts, the one for all others left out.
fn parts(database: &Database<'_>) -> Vec<String> {
    let names = database.sql(
        "SELECT inhrelid::regclass FROM pg_inherits \
         WHERE inhparent = 'events'::regclass AND inhrelid <> 'events_other'::regclass ORDER BY 1::text",
    );
    names.lines().map(str::to_owned).collect()
}

/// The parts that there are to be now.
fn expected(database: &Database<'_>) -> Vec<String> {
    let names = database.sql(
        "SELECT to_char((now() AT TIME ZONE 'UTC') + make_interval(months => ahead), '\"events_\"YYYY_MM') \
         FROM generate_series(0, 2) AS ahead",
    );
    names.lines().map(str::to_owned).collect()
}

fn number(database: &Database<'_>, query: &str) -> i64 {
    database.sql(query).trim().parse().unwrap()
}

fn now(database: &Database<'_>) -> Timestamp {
    let query = "SELECT (extract(epoch FROM now()) * 1000)::bigint";
    Timestamp::from_millis(number(database, query))
}

/// Takes all parts away, as if nobody had made them for months.
fn remove_parts(database: &Database<'_>) {
    for part in parts(database) {
        database.sql(&format!("DROP TABLE {part}"));
    }
}

#[test]
fn they_are_made_with_the_schema_and_by_each_migration_after_it() {
    let database = Cluster::shared().database();
    assert_eq!(parts(&database), expected(&database));
    remove_parts(&database);
    runtime().block_on(async {
        let address = Address::parse(database.address()).unwrap();
        let migrated = migrate(&address).await.unwrap();
        assert_eq!(migrated.from, migrated.to);
        assert_eq!(parts(&database), expected(&database));
    });
}

#[test]
fn what_came_before_a_months_part_is_moved_into_it() {
    let database = Cluster::shared().database();
    remove_parts(&database);
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&store, &campaign, "ada", 20).await;
        for &seq in &seqs {
            let mut new = event(&stored(&store, seq).await, EventKind::Deferred);
            new.at = now(&database);
            store.record(&lease, vec![new]).await.unwrap();
        }
        let count = || number(&database, "SELECT count(*) FROM events_other");
        let log = whole_log(&store).await;
        assert_eq!((count(), log.len()), (20, 40));
        for _ in 0..2 {
            store.prepare_partitions().await.unwrap();
            assert_eq!(parts(&database), expected(&database));
            assert_eq!(count(), 0);
            assert_eq!(facts(&whole_log(&store).await), facts(&log));
        }
        let timeline = store.timeline(seqs[7]).await.unwrap().unwrap();
        assert_eq!(timeline.events.len(), 2);
        assert_eq!(timeline.events[1], log[27].event);
    });
}

#[test]
fn several_make_them_at_once_while_others_write() {
    let database = Cluster::shared().database();
    remove_parts(&database);
    runtime().block_on(async {
        let stores = [
            open(database.address()).await.unwrap(),
            open(database.address()).await.unwrap(),
            open(database.address()).await.unwrap(),
        ];
        let campaign = begin(&stores[0], "spring").await;
        let lease = stores[0].lease(campaign.lane_key()).await.unwrap();
        let at = now(&database);
        let write = async {
            for round in 0..30 {
                let seq = accept(&stores[0], &campaign, &format!("ada{round}-"), 1).await[0];
                let mut new = event(&stored(&stores[0], seq).await, EventKind::Delivered);
                new.at = at;
                stores[0].record(&lease, vec![new]).await.unwrap();
            }
        };
        let prepare = futures_util::future::try_join_all(
            stores
                .iter()
                .cycle()
                .take(9)
                .map(PostgresStore::prepare_partitions),
        );
        let ((), prepared) = tokio::join!(write, prepare);
        prepared.unwrap();
        assert_eq!(parts(&database), expected(&database));
        assert_eq!(whole_log(&stores[1]).await.len(), 60);
        assert_eq!(number(&database, "SELECT count(*) FROM events_other"), 0);
    });
}

/// A part is attached to the table that everybody writes to.
#[test]
fn who_reads_what_came_late_holds_up_nobody_who_writes() {
    let database = Cluster::shared().database();
    remove_parts(&database);
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let client = another_hand(&database).await;
        let look = "BEGIN; SELECT count(*) FROM events_other";
        client.batch_execute(look).await.unwrap();
        let begun = Instant::now();
        let (refused, _) = tokio::join!(store.prepare_partitions(), begin(&store, "spring"));
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert!(parts(&database).is_empty());
        client.batch_execute("COMMIT").await.unwrap();
        store.prepare_partitions().await.unwrap();
        assert_eq!(parts(&database), expected(&database));
    });
}
