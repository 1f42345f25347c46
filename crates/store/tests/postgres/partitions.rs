//! The parts of the events: made ahead and dropped when they are empty, without losing what came before or comes after.

use std::time::{Duration, Instant};

use model::{EventKind, Seq, Timestamp};
use store::postgres::{Address, migrate};
use store::{Campaign, Nodes, PostgresStore, Store, StoreError};

use crate::cluster::{Cluster, Database};
use crate::support::{accept, begin, event, facts, stored, whole_log};
use crate::{another_hand, open, runtime};

/// The parts, the one for all others left out.
fn parts(database: &Database<'_>) -> Vec<String> {
    let names = database.sql(
        "SELECT inhrelid::regclass FROM pg_inherits \
         WHERE inhparent = 'events'::regclass AND inhrelid <> 'events_other'::regclass \
         ORDER BY inhrelid::regclass::text",
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

/// Makes a part of the month that was so many months ago; gives its name and a moment in it.
fn make_old_part(database: &Database<'_>, months_ago: u32) -> (String, Timestamp) {
    let first = format!(
        "date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => {months_ago})"
    );
    let millis = |moment: &str| {
        let query = format!("SELECT (extract(epoch FROM {moment}) * 1000)::bigint");
        number(database, &query)
    };
    let since = millis(&first);
    let until = millis(&format!("({first} + interval '1 month')"));
    let name = database.sql(&format!("SELECT to_char({first}, '\"events_\"YYYY_MM')"));
    let name = name.trim().to_owned();
    database.sql(&format!(
        "CREATE TABLE {name} PARTITION OF events FOR VALUES FROM ({since}) TO ({until}); \
         ALTER TABLE {name} OWNER TO glasspost"
    ));
    (name, Timestamp::from_millis(since + 1_000))
}

/// An event of a message that was accepted for it, at a moment.
async fn happen(store: &PostgresStore, campaign: &Campaign, prefix: &str, at: Timestamp) -> Seq {
    let seq = accept(store, campaign, prefix, 1).await[0];
    let mut new = event(&stored(store, seq).await, EventKind::Delivered);
    new.at = at;
    let lease = store.lease(campaign.lane_key()).await.unwrap();
    store.record(&lease, vec![new]).await.unwrap();
    store.release(lease).await.unwrap();
    seq
}

#[test]
fn a_month_long_over_goes_when_nothing_is_left_of_it_and_what_comes_late_finds_its_place() {
    let database = Cluster::shared().database();
    let made = [1, 2, 3, 14].map(|months_ago| make_old_part(&database, months_ago));
    let [(last, _), (empty, _), (filled, at), (_, long_ago)] = &made;
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        let kept = happen(&store, &campaign, "ada", *at).await;
        store.keep_house().await.unwrap();
        let mut there = vec![filled.clone(), last.clone()];
        there.extend(expected(&database));
        assert_eq!(parts(&database), there, "{empty} is empty");

        let late = happen(&store, &campaign, "bob", *long_ago).await;
        assert_eq!(number(&database, "SELECT count(*) FROM events_other"), 1);
        store.keep_house().await.unwrap();
        assert_eq!(parts(&database), there);
        assert_eq!(whole_log(&store).await.len(), 4);
        for (seq, at) in [(kept, *at), (late, *long_ago)] {
            let timeline = store.timeline(seq).await.unwrap().unwrap();
            assert_eq!(timeline.events.last().unwrap().at, at);
            let latest = store.messages(campaign.lane, seq_before(seq), 1).await;
            assert_eq!(latest.unwrap()[0].event.at, at);
        }

        database.sql(&format!("DELETE FROM {filled}"));
        store.keep_house().await.unwrap();
        there.remove(0);
        assert_eq!(parts(&database), there);
    });
}

fn seq_before(seq: Seq) -> Seq {
    Seq::new(seq.get() - 1)
}

/// It takes a moment alone with the table that everybody reads and writes.
#[test]
fn who_reads_an_old_month_only_puts_off_its_end_and_holds_up_nobody() {
    let database = Cluster::shared().database();
    let (name, _) = make_old_part(&database, 5);
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let client = another_hand(&database).await;
        for table in ["events", &name, "events_other"] {
            let look = format!("BEGIN; SELECT count(*) FROM {table}");
            client.batch_execute(&look).await.unwrap();
            let begun = Instant::now();
            let (kept, _) = tokio::join!(store.keep_house(), begin(&store, "spring"));
            kept.unwrap();
            assert!(begun.elapsed() < Duration::from_secs(1), "{table}");
            assert!(parts(&database).contains(&name), "{table}");
            client.batch_execute("COMMIT").await.unwrap();
        }
        store.keep_house().await.unwrap();
        assert_eq!(parts(&database), expected(&database));
    });
}

#[test]
fn an_event_of_a_month_that_is_being_dropped_is_not_lost() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let keeping = open(database.address()).await.unwrap();
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        let mut written = Vec::new();
        for round in 0..12 {
            let (_, at) = make_old_part(&database, 3 + round);
            let prefix = format!("ada{round}-");
            let (kept, seq) =
                tokio::join!(keeping.keep_house(), happen(&store, &campaign, &prefix, at));
            kept.unwrap();
            written.push((seq, at));
        }
        for (seq, at) in written {
            let timeline = store.timeline(seq).await.unwrap().unwrap();
            assert_eq!(timeline.events.last().unwrap().at, at);
        }
        assert_eq!(whole_log(&store).await.len(), 24);
    });
}
