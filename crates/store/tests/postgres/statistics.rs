//! Statistics are counted beside the mail: nobody who sends waits for who counts, nor the other way round.

use std::time::{Duration, Instant};

use model::{EventKind, Seq, SubmissionId, Timestamp};
use store::postgres::Settings;
use store::statistics::{Each, Rebuilt, Span};
use store::submissions::Channel;
use store::{
    Directory, LaneKey, Lease, NewEvent, PostgresStore, Statistics, StatisticsQuery, Store,
    StoreError, Submissions, Submitted,
};
use tokio_postgres::Client;

use crate::cluster::{Cluster, Database};
use crate::support::directory::{account_id, given_key, tenant_id};
use crate::support::submissions::{mail, settle};
use crate::support::{START, event, second, stored};
use crate::{another_hand, open_with_key, runtime, until_all_is_told};

/// What nobody has to wait for is done by then, also on a machine that is busy. Whoever waits for a lock is refused later.
const AT_ONCE: Duration = Duration::from_secs(3);
/// Messages of a log that was never short.
const MANY: u32 = 2_000;
/// Accounts beside the one that has most of it.
const OTHERS: u32 = 50;
/// How often something is added to it.
const ROUNDS: u32 = 20;
const NEVER: Timestamp = Timestamp::from_millis(0);
const ALWAYS: Timestamp = Timestamp::from_millis(i64::MAX);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

async fn open(database: &Database<'_>) -> PostgresStore {
    let settings = Settings {
        shards: 1,
        ..Settings::default()
    };
    open_with_key(database, &given_key(), settings).await
}

async fn submit(store: &PostgresStore, id: &str) -> SubmissionId {
    let new = mail("acme", id, &["ada@example.org", "bob@example.org"]);
    match store.submit(vec![new]).await.unwrap()[..] {
        [Submitted::New(id)] => id,
        ref other => panic!("it is new, but {other:?}"),
    }
}

async fn deliver(store: &PostgresStore, lease: &Lease, message: Seq, at: Timestamp) {
    let message = stored(store, message).await;
    let new = NewEvent {
        at,
        ..event(&message, EventKind::Delivered)
    };
    assert_eq!(store.record(lease, vec![new]).await.unwrap(), 0);
}

/// Mail comes, is sent, is replaced, and is forgotten in each of the ways.
async fn mail_comes_and_goes(store: &PostgresStore, lease: &Lease, round: &str) {
    let begun = Instant::now();
    let tenant = tenant_id("acme");
    let name = |number| format!("{round}{number}");
    let sent = submit(store, &name(1)).await;
    deliver(store, lease, sent.0, second(1)).await;
    deliver(store, lease, sent.0.next(), second(2)).await;
    submit(store, &name(2)).await;
    let others = mail("acme", &name(2), &["cleo@example.org"]);
    store.submit(vec![others]).await.unwrap();
    let named = vec![model::Line::parse("id", &name(2)).unwrap()];
    assert_eq!(
        store.remove(&tenant, named, second(3)).await.unwrap(),
        [true]
    );
    submit(store, &name(3)).await;
    let reports = store
        .reports(&tenant, Channel::Sync, Seq::START, 99)
        .await
        .unwrap();
    let told = reports.iter().map(|report| report.seq).collect();
    store
        .acknowledge(&tenant, Channel::Sync, told)
        .await
        .unwrap();
    assert_eq!(store.clean_up(None, ALWAYS, 9).await.unwrap(), 1);
    let account = store.lane_account(lease.lane).await.unwrap().unwrap();
    assert_eq!(
        store
            .remove_of_account(account, second(4), 9)
            .await
            .unwrap(),
        1
    );
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

/// Somebody who counts holds all that they may hold, and stays.
async fn counts_and_stays(database: &Database<'_>) -> Client {
    let client = another_hand(database).await;
    client
        .batch_execute(
            "SET idle_in_transaction_session_timeout = 0; \
             SELECT pg_advisory_lock('statistics_progress'::regclass::bigint); \
             BEGIN; SELECT pg_advisory_xact_lock('statistics'::regclass::bigint); \
             UPDATE statistics SET count = count + 1; \
             UPDATE statistics_progress SET upto = upto; \
             DELETE FROM forgotten_events; \
             LOCK TABLE statistics IN ACCESS EXCLUSIVE MODE",
        )
        .await
        .unwrap();
    client
}

#[test]
fn mail_waits_for_nobody_who_counts() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database).await;
        let pk = settle(&store, "acme").await;
        let lease = store.lease(LaneKey::account(pk)).await.unwrap();
        mail_comes_and_goes(&store, &lease, "first").await;
        store.roll_up(4).await.unwrap();
        mail_comes_and_goes(&store, &lease, "second").await;
        let counting = counts_and_stays(&database).await;
        mail_comes_and_goes(&store, &lease, "third").await;
        submit(&store, "left").await;
        let removed = store
            .delete_account(&tenant_id("acme"), &account_id("main"))
            .await;
        assert!(removed.unwrap());
        // Of two who count, one waits for the other, and not for long.
        let refused = store.roll_up(9).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        let refused = store.rebuild(NEVER, ALWAYS).await;
        assert!(
            matches!(refused, Err(StoreError::Refused(_))),
            "{refused:?}"
        );
        counting.batch_execute("ROLLBACK").await.unwrap();
        // Hours are still being counted anew: none is forgotten.
        assert_eq!(store.expire_statistics(ALWAYS, 9).await.unwrap(), 0);
        drop(counting);
        check(&store).await;
    });
}

/// Everything is counted, and rightly.
async fn check(store: &PostgresStore) {
    while store.roll_up(1_000).await.unwrap().is_behind {}
    let all = StatisticsQuery {
        from: NEVER,
        until: ALWAYS,
        by: Span::Month,
        tenant: None,
        account: None,
        each: Each::Total,
    };
    let rows = store.statistics(all).await.unwrap();
    let count: u64 = rows
        .iter()
        .flat_map(|row| row.counts.iter())
        .map(|(_, count)| count)
        .sum();
    let counted = rebuild_soon(store).await;
    assert_eq!(
        counted,
        Rebuilt {
            counted: count,
            corrected: 0
        }
    );
    assert_eq!(
        count,
        store.end_of_log().await.unwrap().get().unsigned_abs()
    );
}

/// A session that was dropped may still hold what it held.
async fn rebuild_soon(store: &PostgresStore) -> Rebuilt {
    let asked = Instant::now();
    loop {
        match store.rebuild(NEVER, ALWAYS).await {
            Err(StoreError::Refused(_)) if asked.elapsed() < AT_ONCE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            outcome => return outcome.unwrap(),
        }
    }
}

#[test]
fn who_counts_waits_for_no_mail() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database).await;
        let pk = settle(&store, "acme").await;
        let lease = store.lease(LaneKey::account(pk)).await.unwrap();
        mail_comes_and_goes(&store, &lease, "first").await;
        submit(&store, "left").await;
        let writing = another_hand(&database).await;
        writing
            .batch_execute(
                "SET idle_in_transaction_session_timeout = 0; \
                 BEGIN; SELECT pg_advisory_xact_lock('log'::regclass::bigint); \
                 UPDATE messages SET attempts = attempts; DELETE FROM events; UPDATE accounts SET ttl_s = ttl_s; \
                 INSERT INTO forgotten_events VALUES (9999, 0, 'acme', 'main', 0, 1)",
            )
            .await
            .unwrap();
        let begun = Instant::now();
        check(&store).await;
        store.expire_statistics(START, 9).await.unwrap();
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
        writing.batch_execute("ROLLBACK").await.unwrap();
    });
}

/// How often tables were gone through that grow with the mail, and how many rows were looked at by an index of them.
fn looks(database: &Database<'_>) -> (u64, u64) {
    let told = database.sql(
        "SELECT sum(seq_scan), sum(idx_tup_fetch) FROM pg_stat_user_tables \
         WHERE relname IN ('messages', 'forgotten_events', 'statistics', 'lanes') OR relname LIKE 'events%'",
    );
    let (whole, rows) = told.trim().split_once('|').unwrap();
    (whole.parse().unwrap(), rows.parse().unwrap())
}

/// The same when all sessions that are gone have told what they did.
fn looks_when_told(database: &Database<'_>) -> (u64, u64) {
    until_all_is_told(database);
    looks(database)
}

/// Mail that was delivered in several months, and of which half was forgotten.
async fn fill(database: &Database<'_>) {
    let store = open(database).await;
    let pk = settle(&store, "acme").await;
    let lease = store.lease(LaneKey::account(pk)).await.unwrap();
    // Plans are made while there is little.
    submit(&store, "first").await;
    database.sql("VACUUM ANALYZE");
    let new = |number: u32| mail("acme", &number.to_string(), &["ada@example.org"]);
    store.submit((0..MANY).map(new).collect()).await.unwrap();
    for number in 0..OTHERS {
        let owner = format!("other{number}");
        settle(&store, &owner).await;
        let new = mail(&owner, "1", &["ada@example.org"]);
        store.submit(vec![new]).await.unwrap();
    }
    let seqs: Vec<i64> = (3..i64::from(MANY)).collect();
    for part in seqs.chunks(500) {
        let mut batch = Vec::new();
        for &seq in part {
            let message = stored(&store, Seq::new(seq)).await;
            let at = START + MONTH * u32::try_from(seq % 3).unwrap();
            let kind = EventKind::Delivered;
            batch.push(NewEvent {
                at,
                ..event(&message, kind)
            });
        }
        assert_eq!(store.record(&lease, batch).await.unwrap(), 0);
    }
    while store.roll_up(1_000).await.unwrap().is_behind {}
    let half = usize::try_from(MANY / 2).unwrap();
    let removed = store.remove_of_account(pk, second(9), half).await.unwrap();
    assert_eq!(removed, half);
    while store.roll_up(1_000).await.unwrap().is_behind {}
    store.release(lease).await.unwrap();
}

/// The log goes on through the parts of several months, and each time only what it has gained is looked at.
#[test]
fn what_the_log_has_gained_is_found_by_its_places() {
    let database = Cluster::shared().database();
    runtime().block_on(fill(&database));
    let (before, rows) = looks_when_told(&database);
    runtime().block_on(async {
        let store = open(&database).await;
        for round in 0..ROUNDS {
            submit(&store, &format!("again{round}")).await;
            assert!(!store.roll_up(1_000).await.unwrap().is_behind);
            let named = vec![model::Line::parse("id", &format!("again{round}")).unwrap()];
            let removed = store.remove(&tenant_id("acme"), named, second(9)).await;
            assert_eq!(removed.unwrap(), [true]);
            assert!(!store.roll_up(1_000).await.unwrap().is_behind);
        }
    });
    let (whole, more) = looks_when_told(&database);
    assert_eq!(whole, before, "a table was gone through");
    let each = (more - rows) / u64::from(ROUNDS);
    assert!(
        (1..40).contains(&each),
        "{each} rows were looked at each time"
    );
    runtime().block_on(async { check(&open(&database).await).await });
}
