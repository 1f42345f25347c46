//! A server that stops, is killed or does not answer, and comes back.

use std::time::{Duration, Instant};

use model::Seq;
use store::{Campaign, Lease, PostgresStore, Store, StoreError};

use crate::cluster::{Cluster, Database, Options};
use crate::support::{accept, accept_as_holder, begin, messages};
use crate::{open, runtime};

/// A caller is refused within five seconds; the rest is for a machine that is busy.
const REFUSED_MAX: Duration = Duration::from_secs(8);
/// How long the first operation may take that goes well again.
const BACK_MAX: Duration = Duration::from_secs(20);

fn durable() -> Cluster {
    Cluster::with(Options {
        is_durable: true,
        ..Options::default()
    })
}

/// A store with a run, of which some messages were accepted.
async fn begun(database: &Database<'_>, count: usize) -> (PostgresStore, Campaign, Vec<Seq>) {
    let store = open(database.address()).await.unwrap();
    let campaign = begin(&store, "spring").await;
    let accepted = accept(&store, &campaign, "ada", count).await;
    (store, campaign, accepted)
}

/// Reading and writing are refused soon, as what may go well later.
async fn assert_away(store: &PostgresStore, campaign: &Campaign) {
    // The first that was taken, and has been given back: nobody is there who says so.
    let lease = Lease {
        lane: campaign.lane,
        key: campaign.lane_key(),
        token: 1,
    };
    let asked = Instant::now();
    let refusals = tokio::join!(async { store.end_of_log().await.err() }, async {
        store
            .accept(&lease, messages(campaign, "lost", 1))
            .await
            .err()
    },);
    for error in [refusals.0, refusals.1] {
        assert!(
            matches!(error, Some(StoreError::Unavailable(_))),
            "{error:?}"
        );
    }
    assert!(asked.elapsed() < REFUSED_MAX, "{:?}", asked.elapsed());
}

/// The same store reads and writes again, without anybody's doing.
async fn assert_back(store: &PostgresStore, campaign: &Campaign, prefix: &str) {
    let asked = Instant::now();
    let batch = || messages(campaign, prefix, 2);
    while let Err(error) = accept_as_holder(store, campaign, batch()).await {
        assert!(asked.elapsed() < BACK_MAX, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let books = store.books(campaign.lane).await.unwrap();
    assert_eq!(books, store.count_books(campaign.lane).await.unwrap());
}

#[test]
fn a_server_that_is_restarted_is_used_again() {
    let cluster = durable();
    let database = cluster.database();
    runtime().block_on(async {
        let (store, campaign, _) = begun(&database, 5).await;
        for prefix in ["first", "second"] {
            cluster.stop();
            assert_away(&store, &campaign).await;
            cluster.start();
            assert_back(&store, &campaign, prefix).await;
        }
    });
}

#[test]
fn what_was_answered_survives_the_kill_of_the_server() {
    let cluster = durable();
    let database = cluster.database();
    runtime().block_on(async {
        let (store, campaign, answered) = begun(&database, 50).await;
        cluster.kill();
        assert_away(&store, &campaign).await;
        cluster.start();
        assert_back(&store, &campaign, "later").await;
        for seq in answered {
            assert!(store.message(seq).await.unwrap().is_some(), "{seq:?}");
        }
    });
}

#[test]
fn a_server_that_does_not_answer_is_given_up_soon_and_used_again() {
    let cluster = durable();
    let database = cluster.database();
    runtime().block_on(async {
        let (store, campaign, _) = begun(&database, 5).await;
        cluster.freeze();
        assert_away(&store, &campaign).await;
        cluster.thaw();
        assert_back(&store, &campaign, "later").await;
    });
}
