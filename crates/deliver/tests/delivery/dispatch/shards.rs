//! One database, accounts with several lanes, and several processes that share them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deliver::dispatch::{Placement, Settings};
use model::EventKind;
use model::account::AccountPk;
use store::submissions::AccountCounts;
use tempfile::TempDir;

use super::world::{World, per_minute};
use crate::cluster::{Cluster, Database, Options};
use crate::relay::Relay;

const SHARDS: u16 = 4;
/// How long a lane stays a process's that is not heard of, where that does not matter.
const LEASE: Duration = Duration::from_secs(10);
/// How soon work goes on after the database is back.
const SOON: Duration = Duration::from_secs(10);

/// A place for processes.
struct Place {
    database: Database<'static>,
    /// Where the encryption key is.
    folder: Arc<TempDir>,
}

impl Place {
    fn new() -> Self {
        Self {
            database: Cluster::shared().database(),
            folder: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    async fn open(&self, settings: Settings) -> World {
        let how = (SHARDS, LEASE);
        World::on_postgres(self.database.address(), &self.folder, how, settings).await
    }
}

/// Settings of one of so many processes.
fn one_of(me: &str, nodes: &[&str]) -> Settings {
    let placement = Placement::alone();
    let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    placement.set(me, &nodes);
    Settings {
        placement,
        connections_per_account: 4,
        ..Settings::default()
    }
}

async fn fill(world: &World, relay: &Relay, mails: usize) -> AccountPk {
    let account = world.put(world.account("main", relay)).await;
    world
        .submit_many("main", (0..mails).map(|number| format!("m{number}")))
        .await;
    account
}

fn assert_once(relay: &Relay, mails: usize) {
    let taken = relay.seen().taken;
    let different: HashSet<&String> = taken.iter().collect();
    assert_eq!((taken.len(), different.len()), (mails, mails));
}

/// How long processes take to deliver what waits, with a server that takes 50 ms for a message.
async fn time_of(nodes: &[&str]) -> Duration {
    const MAILS: usize = 640;
    let place = Place::new();
    let relay = Relay::start().await;
    relay.slow(Duration::from_millis(50));
    let mut worlds = Vec::new();
    for node in nodes {
        let settings = Settings {
            is_active: false,
            ..one_of(node, nodes)
        };
        worlds.push(place.open(settings).await);
    }
    let account = fill(&worlds[0], &relay, MAILS).await;
    let began = Instant::now();
    for world in &worlds {
        world.dispatch.set_active(true);
    }
    let all = |counts: &AccountCounts| counts.sent == MAILS as u64;
    let counts = worlds[0].until_counts(account, all).await;
    let took = began.elapsed();
    assert_eq!((counts.errors, counts.pending()), (0, 0));
    assert_once(&relay, MAILS);
    for world in &mut worlds {
        world.stop().await;
    }
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_one_account_and_are_nearly_twice_as_fast() {
    let one = time_of(&["a"]).await;
    let two = time_of(&["a", "b"]).await;
    let times = one.as_secs_f64() / two.as_secs_f64();
    assert!(times >= 1.6, "{one:?} and {two:?}: {times:.2} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lanes_of_an_account_share_its_connections_and_are_shown_as_one() {
    let place = Place::new();
    let mut world = place
        .open(Settings {
            connections_per_account: 3,
            ..Settings::default()
        })
        .await;
    let relay = Relay::start().await;
    relay.hold();
    let account = fill(&world, &relay, 100).await;
    relay.until(|seen| seen.begun.len() == 3).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((relay.seen().open, relay.seen().begun.len()), (3, 3));
    let lanes = world.dispatch.lanes();
    let shown: Vec<_> = lanes
        .iter()
        .map(|lane| (lane.account, lane.connections, lane.sending))
        .collect();
    assert_eq!(shown, [(account, 3, 3)]);
    relay.slow(Duration::from_millis(5));
    relay.go_on();
    let most = async {
        loop {
            let open = world.lane(account).map_or(0, |lane| lane.connections);
            assert!(open <= 3, "{open} connections");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let all = world.until_counts(account, |counts| counts.sent == 100);
    tokio::select! {
        _ = all => {}
        () = most => {}
    }
    assert_once(&relay, 100);
    world.stop().await;
}

/// It got its limit when mail waited in all of its lanes.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_holds_to_the_message_over_all_lanes_and_processes() {
    let place = Place::new();
    let waiting = |node| Settings {
        is_active: false,
        ..one_of(node, &["a", "b"])
    };
    let mut worlds = [
        place.open(waiting("a")).await,
        place.open(waiting("b")).await,
    ];
    let relay = Relay::start().await;
    relay.slow(Duration::from_millis(20));
    let pk = fill(&worlds[0], &relay, 200).await;
    let mut account = worlds[0].account("main", &relay);
    per_minute(&mut account, 30);
    worlds[0].put(account).await;
    for world in &worlds {
        world.dispatch.set_active(true);
    }
    relay.until(|seen| seen.taken.len() >= 30).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(relay.seen().taken.len(), 30);
    let limited: Vec<_> = worlds
        .iter()
        .flat_map(|world| world.lane(pk))
        .filter_map(|lane| lane.limited_until)
        .collect();
    assert!(!limited.is_empty());
    assert!(limited.iter().all(|at| at.as_millis() % 60_000 == 0));
    for world in &mut worlds {
        world.stop().await;
    }
}

/// As soon as a limited account's lane has nothing more to send, the next one has its turn.
#[tokio::test(flavor = "multi_thread")]
async fn the_lanes_of_a_limited_account_are_delivered_one_after_the_other() {
    let place = Place::new();
    let mut world = place
        .open(Settings {
            is_active: false,
            ..Settings::default()
        })
        .await;
    let relay = Relay::start().await;
    let pk = fill(&world, &relay, 200).await;
    let mut account = world.account("main", &relay);
    account.ttl_s = 0;
    per_minute(&mut account, 1_000);
    world.put(account).await;
    world.dispatch.set_active(true);
    let began = Instant::now();
    world.until_counts(pk, |counts| counts.sent == 200).await;
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_once(&relay, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_one_process_accepts_is_sent_at_once_by_the_other() {
    let place = Place::new();
    let front = place.open(one_of("a", &["b"])).await;
    let mut back = place.open(one_of("b", &["b"])).await;
    let relay = Relay::start().await;
    let account = front.put(front.account("main", &relay)).await;
    for number in 0..5 {
        let id = format!("m{number}");
        front.submit_all(vec![front.mail("main", &id)]).await;
        let told = Instant::now();
        relay.until(|seen| seen.taken.len() == number + 1).await;
        assert!(
            told.elapsed() < Duration::from_secs(1),
            "{:?}",
            told.elapsed()
        );
    }
    assert!(front.dispatch.lanes().is_empty());
    back.until_counts(account, |counts| counts.sent == 5).await;
    back.stop().await;
}

/// A process that does not know whether it still holds a lane begins nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_without_a_live_lease_and_all_goes_on_when_the_database_is_back() {
    const SHORT: Duration = Duration::from_secs(2);
    let cluster = Cluster::with(Options {
        is_durable: true,
        ..Options::default()
    });
    let database = cluster.database();
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let settings = Settings::default();
    let mut world =
        World::on_postgres(database.address(), &folder, (SHARDS, SHORT), settings).await;
    let relay = Relay::start().await;
    relay.slow(Duration::from_millis(50));
    let account = fill(&world, &relay, 400).await;
    relay.until(|seen| seen.taken.len() >= 50).await;
    cluster.freeze();
    tokio::time::sleep(SHORT).await;
    let begun = relay.seen().begun.len();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(relay.seen().begun.len(), begun);
    cluster.thaw();
    let back = Instant::now();
    relay.until(|seen| seen.begun.len() > begun).await;
    assert!(back.elapsed() < SOON, "{:?}", back.elapsed());
    world
        .until_counts(account, |counts| counts.sent == 400)
        .await;
    // What was under way is not sent again: what came of it was kept.
    assert_once(&relay, 400);
    world.stop().await;
}

/// What a process did that another took for dead is refused; the other does it, and nobody does it a third time.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_of_messages_after_their_lane_was_taken_over_is_refused() {
    let place = Place::new();
    let settings = Settings {
        connections_per_account: 1,
        ..one_of("a", &["a"])
    };
    let mut world = World::on_postgres(
        place.database.address(),
        &place.folder,
        (1, LEASE),
        settings,
    )
    .await;
    let relay = Relay::start().await;
    relay.slow(Duration::from_millis(100));
    relay.hold();
    let account = fill(&world, &relay, 10).await;
    relay.until(|seen| seen.begun.len() == 1).await;
    place.database.sql(
        "UPDATE lanes SET holder = 'another', token = token + 1, \
         expires_at = now() + interval '3 seconds' WHERE account IS NOT NULL",
    );
    relay.go_on();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // One more may have begun before the first outcome was refused.
    let taken = relay.seen().taken.len();
    assert!(taken <= 2, "{taken}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(relay.seen().taken.len(), taken, "it is another's");
    world
        .until_counts(account, |counts| counts.sent == 10)
        .await;
    assert_eq!(relay.seen().taken.len(), 10 + taken);
    let first = relay.seen().taken[0].replace("@example.org", "");
    let history = world.history(world.submission(&first).await).await;
    let kinds: Vec<EventKind> = history.iter().map(|one| one.event.kind).collect();
    assert_eq!(kinds, [EventKind::Accepted, EventKind::Delivered]);
    world.stop().await;
}
