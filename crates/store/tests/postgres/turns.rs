//! Writers come one after the other, whoever holds them up and however the database is set.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Seq;
use store::{Nodes, Store, StoreError};

use crate::cluster::{Cluster, Database};
use crate::support::{accept, begin, facts, messages, whole_log};
use crate::{another_hand, open, runtime};

/// A caller is refused within five seconds.
const REFUSED_MAX: Duration = Duration::from_secs(5);

/// A session of somebody's who is having a turn.
async fn turn(database: &Database<'_>) -> tokio_postgres::Client {
    let client = another_hand(database).await;
    // It is kept for longer than anybody of ours may.
    client
        .batch_execute(
            "SET idle_in_transaction_session_timeout = 0; \
             BEGIN; SELECT pg_advisory_xact_lock('log'::regclass::bigint)",
        )
        .await
        .unwrap();
    client
}

#[test]
fn who_gets_no_turn_is_refused_within_five_seconds() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        accept(&store, &campaign, "ada", 1).await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let holding = turn(&database).await;
        let asked = Instant::now();
        let refused = store.accept(&lease, messages(&campaign, "lost", 1)).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        assert!(asked.elapsed() < REFUSED_MAX, "{:?}", asked.elapsed());
        // Reading waits for nobody.
        assert_eq!(whole_log(&store).await.len(), 1);
        holding.batch_execute("ROLLBACK").await.unwrap();
        accept(&store, &campaign, "bob", 1).await;
    });
}

/// What was committed while somebody waited for a turn must be seen by them.
#[test]
fn places_have_no_gaps_whatever_the_isolation_is_by_default() {
    let database = Cluster::shared().database();
    let name = database.sql("SELECT current_database()");
    database.sql(&format!(
        "ALTER DATABASE \"{}\" SET default_transaction_isolation = 'repeatable read'",
        name.trim()
    ));
    runtime().block_on(async {
        let mut tasks = Vec::new();
        for process in 0..3 {
            let store = Arc::new(open(database.address()).await.unwrap());
            let campaign = begin(&*store, &format!("run{process}")).await;
            tasks.push(tokio::spawn(async move {
                for round in 0..20 {
                    accept(&*store, &campaign, &format!("round{round}-"), 3).await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let store = open(database.address()).await.unwrap();
        let found: Vec<i64> = facts(&whole_log(&store).await)
            .iter()
            .map(|fact| fact.0.get())
            .collect();
        assert_eq!(found, (1..=180).collect::<Vec<_>>());
        assert_eq!(store.end_of_log().await.unwrap(), Seq::new(180));
    });
}

#[test]
fn of_the_ends_of_commits_the_last_is_kept() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        for round in 0..5 {
            accept(&store, &campaign, &format!("round{round}-"), 2).await;
        }
        assert_eq!(database.sql("SELECT count(*) FROM log"), "6");
        for _ in 0..2 {
            store.keep_house().await.unwrap();
            assert_eq!(database.sql("SELECT last FROM log"), "10");
        }
        assert_eq!(store.end_of_log().await.unwrap(), Seq::new(10));
        let next = accept(&store, &campaign, "next", 1).await;
        assert_eq!(next, [Seq::new(11)]);
    });
}

/// Somebody listens and does not hear: the server keeps what is told, until it has no room for more.
#[test]
fn commits_go_through_though_nothing_more_can_be_told() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let name = database.sql("SELECT current_database()");
        database.sql(
            "CREATE FUNCTION public.pg_notification_queue_usage() RETURNS double precision \
             LANGUAGE sql AS 'SELECT 0.9::double precision'; \
             CREATE FUNCTION public.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'too many notifications' USING ERRCODE = '54000'; END $$",
        );
        database.sql(&format!(
            "ALTER DATABASE \"{}\" SET search_path = public, pg_catalog",
            name.trim()
        ));
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        let seqs = accept(&store, &campaign, "ada", 2).await;
        assert_eq!(store.end_of_log().await.unwrap(), seqs[1]);
        // With room for it, it would be told.
        database.sql(
            "CREATE OR REPLACE FUNCTION public.pg_notification_queue_usage() RETURNS double precision \
             LANGUAGE sql AS 'SELECT 0.1::double precision'",
        );
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let told = store.accept(&lease, messages(&campaign, "bob", 1)).await;
        assert!(told.is_err(), "{told:?}");
    });
}
