//! What other processes did, as the followers of one are told it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Priority, Seq};
use store::{LogBatch, Nodes, Ordered, Origin, PostgresStore, Store, Tail};

use crate::cluster::{Cluster, Database};
use crate::runtime;
use crate::support::{accept, accept_as_holder, begin};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// In which nothing is told that is not to be.
const SILENCE: Duration = Duration::from_millis(500);

async fn open(database: &Database<'_>) -> PostgresStore {
    crate::open(database.address()).await.unwrap()
}

async fn next(tail: &mut Tail) -> Arc<LogBatch> {
    tokio::time::timeout(DEADLINE, tail.next())
        .await
        .expect("something is told")
        .expect("the store is open")
}

async fn assert_silent(tail: &mut Tail) {
    let told = tokio::time::timeout(SILENCE, tail.next()).await;
    assert!(told.is_err(), "{told:?}");
}

#[test]
fn mail_that_another_process_took_in_is_told_with_its_lane() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (store, other) = (open(&database).await, open(&database).await);
        let (campaign, mut tail) = (begin(&other, "spring").await, store.tail());
        accept(&other, &campaign, "ada", 2).await;
        let told = next(&mut tail).await;
        let mail = vec![(campaign.lane, Priority::default())];
        assert_eq!(told.origin, Origin::Elsewhere(mail));
        assert_eq!((told.previous, told.last), (Seq::new(2), Seq::new(2)));
        assert!(told.events.is_empty());
        // Our own are told by ourselves, once.
        accept(&store, &campaign, "bob", 1).await;
        let told = next(&mut tail).await;
        assert_eq!(told.origin, Origin::Here { after: Seq::START });
        assert_eq!((told.previous, told.last), (Seq::new(2), Seq::new(3)));
        accept(&store, &campaign, "eve", 1).await;
        let after = Seq::new(3);
        assert_eq!(next(&mut tail).await.origin, Origin::Here { after });
        assert_silent(&mut tail).await;
    });
}

#[test]
fn commits_in_a_burst_are_told_together() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (store, other) = (open(&database).await, open(&database).await);
        let (campaign, mut tail) = (begin(&other, "spring").await, store.tail());
        let begun = Instant::now();
        for round in 0..100 {
            accept(&other, &campaign, &format!("round{round}-"), 1).await;
        }
        let took = begun.elapsed();
        let mut batches = 0;
        while next(&mut tail).await.last < Seq::new(100) {
            batches += 1;
        }
        // Twenty a second, and one at either end.
        let most = took.as_millis() / 50 + 2;
        assert!(batches <= most, "{batches} in {took:?}");
    });
}

/// Anybody who may open the database may say something there.
#[test]
fn what_strangers_say_moves_no_follower() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (store, other) = (open(&database).await, open(&database).await);
        let (campaign, mut tail) = (begin(&other, "spring").await, store.tail());
        for said in ["", "hello", "1-0 5 4", "1-0 0 1 x", "1-0 0 1 7:9"] {
            database.sql(&format!("SELECT pg_notify('glasspost', '{said}')"));
        }
        assert_silent(&mut tail).await;
        // One that looks right moves nobody beyond the end of the log.
        database.sql("SELECT pg_notify('glasspost', '1-0 0 999999999 7:1')");
        assert_eq!(next(&mut tail).await.last, Seq::START);
        accept(&other, &campaign, "ada", 1).await;
        assert_eq!(next(&mut tail).await.last, Seq::new(1));
    });
}

#[test]
fn after_a_lost_connection_anything_may_have_happened() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (store, other) = (open(&database).await, open(&database).await);
        let (campaign, mut tail) = (begin(&other, "spring").await, store.tail());
        for round in 0..3 {
            database.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
            // Its own session was ended as well, which it may be told once.
            let accepted = async {
                let batch = || crate::support::messages(&campaign, &format!("round{round}-"), 1);
                while accept_as_holder(&other, &campaign, batch()).await.is_err() {}
            };
            accepted.await;
            let end = Seq::new(round + 1);
            let mut is_untold = false;
            loop {
                let told = next(&mut tail).await;
                is_untold |= told.origin == Origin::Untold;
                if told.last == end && is_untold {
                    break;
                }
            }
        }
        accept(&other, &campaign, "ada", 1).await;
        let told = next(&mut tail).await;
        assert!(matches!(told.origin, Origin::Elsewhere(_)), "{told:?}");
    });
}

/// The answers of the server come on the same connection.
#[test]
fn a_burst_of_what_is_said_deafens_nobody() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (store, other) = (open(&database).await, open(&database).await);
        let (campaign, mut tail) = (begin(&other, "spring").await, store.tail());
        let mut orders = store.orders();
        accept(&other, &campaign, "ada", 3).await;
        let begun = Instant::now();
        database.sql("SELECT pg_notify('glasspost', '1-0 0 ' || n || ' 7:1') FROM generate_series(1, 50000) AS n");
        while next(&mut tail).await.origin != Origin::Untold {}
        let missed = tokio::time::timeout(DEADLINE, orders.next()).await.unwrap();
        assert_eq!(missed, Some(Ordered::Missed));
        accept(&other, &campaign, "bob", 1).await;
        while next(&mut tail).await.last < Seq::new(4) {}
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    });
}
