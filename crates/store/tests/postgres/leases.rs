//! Leases when processes stop, servers go away, and many want one lane: at no time two who deliver from it.

use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::account::AccountPk;
use model::{EventKind, Seq};
use store::postgres::{Address, Settings};
use store::{LaneKey, Lease, PostgresStore, Store, StoreError};

use crate::cluster::{Cluster, Database, Options};
use crate::support::{Child, accept, begin, event, player, say, stored};
use crate::{another_hand, runtime};

/// A lease that is short, and long enough for a machine that is busy.
const SHORT: Duration = Duration::from_secs(2);
/// One that ends in no test.
const LONG: Duration = Duration::from_secs(120);
/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);

async fn open(database: &Database<'_>, lease: Duration) -> Arc<PostgresStore> {
    open_at(database.address(), lease).await
}

/// Opens a database by its address's text.
pub async fn open_at(place: &str, lease: Duration) -> Arc<PostgresStore> {
    let settings = Settings { lease, shards: 4 };
    let address = Address::parse(place).unwrap();
    Arc::new(PostgresStore::open(&address, settings).await.unwrap())
}

fn lane() -> LaneKey {
    LaneKey::job("nightly")
}

fn assert_held(outcome: Result<Lease, StoreError>) {
    assert!(
        matches!(outcome, Err(StoreError::LaneHeld { .. })),
        "{outcome:?}"
    );
}

/// Asks until the lane is had.
async fn lease_soon(store: &PostgresStore, key: LaneKey) -> Lease {
    let asked = Instant::now();
    loop {
        match store.lease(key.clone()).await {
            Err(StoreError::LaneHeld { .. }) if asked.elapsed() < DEADLINE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            outcome => return outcome.unwrap(),
        }
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn signal(child: &Child, signal: &str) {
    let id = child.process.id().to_string();
    let sent = Command::new("kill").args([signal, &id]).status().unwrap();
    assert!(sent.success());
}

fn ask(child: &mut Child, question: &str) -> String {
    let questions = child.process.stdin.as_mut().unwrap();
    writeln!(questions, "{question}").unwrap();
    child.hear().expect("it answers")
}

#[test]
fn of_twenty_who_want_a_lane_one_gets_it() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        for round in 0..5 {
            let key = LaneKey::job(&format!("round{round}"));
            let mut stores = Vec::new();
            for _ in 0..5 {
                stores.push(open(&database, LONG).await);
            }
            let tasks: Vec<_> = (0..20)
                .map(|number| {
                    let (store, key) = (Arc::clone(&stores[number % 5]), key.clone());
                    tokio::spawn(async move { store.lease(key).await })
                })
                .collect();
            let mut won = Vec::new();
            for task in tasks {
                match task.await.unwrap() {
                    Ok(lease) => won.push(lease),
                    refused => assert_held(refused),
                }
            }
            assert_eq!(won.len(), 1, "{won:?}");
            let holders = stores.iter().filter(|store| store.holds(&won[0]));
            assert_eq!(holders.count(), 1);
        }
        let lanes = database.sql("SELECT count(*), count(DISTINCT id) FROM lanes");
        assert_eq!(lanes, "5|5");
    });
}

/// A process that was asleep does not know how long it was.
#[test]
fn a_process_that_was_stopped_past_its_lease_knows_that_it_lost_the_lane() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database, SHORT).await;
        let campaign = begin(&*store, "spring").await;
        accept(&*store, &campaign, "ada", 1).await;
        let words = ["hold", database.address(), "spring"];
        let mut child = Child::start(player(&words));
        assert_eq!(child.hear().unwrap(), "it has the lane");
        // Far longer than a lease: it is moved on.
        tokio::time::sleep(2 * SHORT).await;
        assert_held(store.lease(campaign.lane_key()).await);
        assert_eq!(ask(&mut child, "holds"), "true");
        signal(&child, "-STOP");
        let stopped = Instant::now();
        let lease = lease_soon(&store, campaign.lane_key()).await;
        assert!(stopped.elapsed() > SHORT / 2, "{:?}", stopped.elapsed());
        // It is asked before it wakes, so that it has no time to find out.
        let questions = child.process.stdin.as_mut().unwrap();
        writeln!(questions, "holds").unwrap();
        signal(&child, "-CONT");
        assert_eq!(child.hear().unwrap(), "false");
        let refused = ask(&mut child, "record");
        assert!(refused.contains("was lost"), "{refused}");
        // Nor does it get it back by moving it on.
        tokio::time::sleep(SHORT).await;
        assert_eq!(ask(&mut child, "holds"), "false");
        assert!(store.holds(&lease));
    });
}

/// The part of the process that is stopped: it holds the lane of a run, and answers questions until it is killed.
pub async fn hold(place: &str, run: &str) {
    let store = open_at(place, SHORT).await;
    let campaign = store.campaign(run).await.unwrap().unwrap();
    let lease = store.lease(campaign.lane_key()).await.unwrap();
    let message = stored(&*store, Seq::new(1)).await;
    say("it has the lane");
    for question in std::io::stdin().lines() {
        match question.unwrap().as_str() {
            "holds" => say(store.holds(&lease)),
            _ => {
                let delivered = vec![event(&message, EventKind::Delivered)];
                say(match store.record(&lease, delivered).await {
                    Ok(_) => "recorded".to_owned(),
                    Err(error) => error.to_string(),
                });
            }
        }
    }
}

#[test]
fn leases_outlast_a_restart_of_the_database() {
    let cluster = Cluster::with(Options::default());
    let database = cluster.database();
    runtime().block_on(async {
        let (store, other) = tokio::join!(open(&database, 5 * SHORT), open(&database, 5 * SHORT));
        let campaign = begin(&*store, "spring").await;
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let message = stored(&*store, seq).await;
        let stopped = Instant::now();
        cluster.stop();
        let away = other.lease(campaign.lane_key()).await;
        assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
        cluster.start();
        assert!(stopped.elapsed() < 4 * SHORT, "{:?}", stopped.elapsed());
        // Sessions that were cut off say so once each.
        let begun = Instant::now();
        while begun.elapsed() < 5 * SHORT {
            assert!(store.holds(&lease), "after {:?}", begun.elapsed());
            let outcome = other.lease(campaign.lane_key()).await;
            assert!(outcome.is_err(), "{outcome:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_held(other.lease(campaign.lane_key()).await);
        let delivered = vec![event(&message, EventKind::Delivered)];
        assert_eq!(store.record(&lease, delivered).await.unwrap(), 0);
    });
}

/// With a database that hangs, nothing says that it does.
#[test]
fn a_lease_ends_for_its_holder_while_the_database_hangs() {
    let cluster = Cluster::with(Options::default());
    let database = cluster.database();
    runtime().block_on(async {
        let store = open(&database, SHORT).await;
        let lease = store.lease(lane()).await.unwrap();
        tokio::time::sleep(2 * SHORT).await;
        assert!(store.holds(&lease));
        let hung = Instant::now();
        cluster.freeze();
        until("it ends", || !store.holds(&lease)).await;
        // The last word of the database came after it hung at the latest.
        assert!(hung.elapsed() < SHORT + Duration::from_secs(1));
        let begun = Instant::now();
        let refused = store.lease(LaneKey::job("weekly")).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5));
        cluster.thaw();
        // Nobody took it meanwhile.
        until("it is held again", || store.holds(&lease)).await;
    });
}

#[test]
fn what_is_held_is_free_when_the_store_is_closed_or_dropped() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (first, second) = (open(&database, LONG).await, open(&database, LONG).await);
        let held = first.lease(lane()).await.unwrap();
        first.close().await;
        assert!(!first.holds(&held));
        let refused = first.lease(lane()).await;
        assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
        second.lease(lane()).await.unwrap();
        drop(second);
        let third = open(&database, LONG).await;
        lease_soon(&third, lane()).await;
    });
}

/// A lane whose holder is gone may still have an outcome that is being committed.
#[test]
fn whoever_overtakes_waits_for_what_is_being_committed() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database, LONG).await;
        let lease = store.lease(lane()).await.unwrap();
        store.release(lease).await.unwrap();
        let client = another_hand(&database).await;
        client
            .batch_execute("BEGIN; SELECT pg_advisory_xact_lock('log'::regclass::bigint)")
            .await
            .unwrap();
        // One that was given back is had at once.
        let lease = store.lease(lane()).await.unwrap();
        assert!(store.holds(&lease));
        let dead = "UPDATE lanes SET holder = 'dead', expires_at = now() - interval '1 second' WHERE key = $1";
        let made = store.lease(LaneKey::job("weekly")).await.unwrap();
        store.release(made).await.unwrap();
        database.sql(&dead.replace("$1", "'job/weekly'"));
        let overtaking = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.lease(LaneKey::job("weekly")).await })
        };
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!overtaking.is_finished());
        client.batch_execute("COMMIT").await.unwrap();
        overtaking.await.unwrap().unwrap();
    });
}

/// The limits of an account are kept by whoever holds a lane of it.
#[test]
fn of_an_account_with_limits_one_lane_is_held_at_a_time() {
    let database = Cluster::shared().database();
    let pk = settle(&database, "limit_per_hour = 100");
    let shard = |number| LaneKey::account_shard(pk, number);
    runtime().block_on(async {
        let (first, second) = (open(&database, LONG).await, open(&database, LONG).await);
        let held = first.lease(shard(0)).await.unwrap();
        assert_held(second.lease(shard(1)).await);
        assert_held(first.lease(shard(1)).await);
        match second.lease(shard(3)).await {
            Err(StoreError::LaneHeld { holder, expires_in }) => {
                assert_eq!(holder, std::process::id());
                let left = expires_in.expect("a lease ends");
                assert!(left <= LONG && left > LONG / 2, "{left:?}");
            }
            other => panic!("{other:?}"),
        }
        first.release(held).await.unwrap();
        let held = second.lease(shard(1)).await.unwrap();
        assert_held(first.lease(shard(0)).await);
        second.release(held).await.unwrap();
        for _ in 0..10 {
            let tasks: Vec<_> = (0..16)
                .map(|number: u16| {
                    let store = Arc::clone([&first, &second][usize::from(number % 2)]);
                    let key = shard(number / 2);
                    tokio::spawn(async move { (store.lease(key).await, store) })
                })
                .collect();
            let mut won = Vec::new();
            for task in tasks {
                let (outcome, store) = task.await.unwrap();
                match outcome {
                    Ok(lease) => won.push((lease, store)),
                    refused => assert_held(refused),
                }
            }
            assert_eq!(won.len(), 1);
            for (lease, store) in won {
                store.release(lease).await.unwrap();
            }
        }
    });
}

#[test]
fn an_account_that_gets_limits_keeps_the_first_of_its_lanes() {
    let database = Cluster::shared().database();
    let pk = settle(&database, "limit_per_hour = NULL");
    runtime().block_on(async {
        let (first, second) = (open(&database, SHORT).await, open(&database, SHORT).await);
        let kept = first.lease(LaneKey::account_shard(pk, 1)).await.unwrap();
        let lost = second.lease(LaneKey::account_shard(pk, 2)).await.unwrap();
        tokio::time::sleep(2 * SHORT).await;
        assert!(first.holds(&kept) && second.holds(&lost));
        database.sql("UPDATE accounts SET limit_per_day = 5");
        let told = Instant::now();
        until("the other is lost", || !second.holds(&lost)).await;
        assert!(told.elapsed() < SHORT);
        tokio::time::sleep(2 * SHORT).await;
        assert!(first.holds(&kept) && !second.holds(&lost));
        // It cannot be had again either.
        assert_held(second.lease(LaneKey::account_shard(pk, 2)).await);
    });
}

/// Somebody may be taking another lane of the account in the moment in which it would come back.
#[test]
fn an_expired_lease_on_an_account_with_limits_is_lost() {
    let database = Cluster::shared().database();
    let pk = settle(&database, "limit_per_hour = 100");
    runtime().block_on(async {
        let store = open(&database, SHORT).await;
        let limited = store.lease(LaneKey::account_shard(pk, 0)).await.unwrap();
        let other = store.lease(lane()).await.unwrap();
        database.sql("UPDATE lanes SET expires_at = now() - interval '1 millisecond'");
        let expired = Instant::now();
        until("it is lost", || !store.holds(&limited)).await;
        assert!(expired.elapsed() < SHORT / 2, "{:?}", expired.elapsed());
        tokio::time::sleep(SHORT).await;
        assert!(store.holds(&other));
        // Nobody else has it.
        store.lease(LaneKey::account_shard(pk, 0)).await.unwrap();
    });
}

/// A tenant with an account; gives the account.
fn settle(database: &Database<'_>, limit: &str) -> AccountPk {
    database.sql(
        "INSERT INTO tenants (id, client_sync_path, client_attachment_path, is_active, created_at, updated_at) \
         VALUES ('acme', '', '', TRUE, 0, 0)",
    );
    let pk = database.sql(
        "INSERT INTO accounts (tenant, id, host, port, ttl_s, limit_behavior, is_pec, created_at, updated_at) \
         VALUES ('acme', 'main', 'localhost', 25, 60, 'defer', FALSE, 0, 0) RETURNING pk",
    );
    database.sql(&format!("UPDATE accounts SET {limit}"));
    AccountPk(pk.trim().parse().unwrap())
}
