//! What every backend of the store promises: each check runs on each of them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says by a panic what failed, and what it measured on its output"
)]

mod accept;
mod accounts;
mod api_keys;
mod books;
mod campaigns;
mod child;
mod clean_up;
#[expect(dead_code, reason = "no check here stops the server")]
#[path = "../../../../tests/postgres/cluster.rs"]
mod cluster;
mod commands;
mod contents;
mod controls;
mod counts;
mod damaged;
mod directory_model;
mod find;
mod find_model;
mod find_submissions;
mod groups;
mod instance;
mod jobs;
mod lanes;
mod lists;
mod log;
mod model_based;
mod news;
mod priorities;
mod queue;
mod record;
mod removal;
mod reports;
mod retry;
mod service;
mod statistics;
mod statistics_model;
mod storages;
mod submission_walls;
mod submissions;
mod submissions_model;
#[path = "../support/mod.rs"]
mod support;
mod suspension;
mod tail;
mod tenants;
mod timeline;
mod waiting;
mod walls;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use model::{EventKind, Timestamp};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::Connection;
use store::postgres::{Address, Settings};
use store::sqlite::FILE_NAME;
use store::{Directory, LaneKey, Lease, PostgresStore, SqliteStore, Store, StoreError};
use tempfile::TempDir;

use cluster::{Cluster, Database};
use service::Service;
use support::directory::given_key;
use support::runtime;

/// The backends, by name.
const BACKENDS: &[(&str, NewPlace)] = &[
    ("sqlite", || Box::new(Folder(support::fast_folder()))),
    ("postgres", || {
        Box::new(OnServer(Cluster::shared().database()))
    }),
];

type NewPlace = fn() -> Box<dyn Place>;

/// How long a lane stays somebody's who is gone, where the backend cannot know it at once.
const LEASE: Duration = Duration::from_secs(1);
/// How long to wait for such a lane: a lease's length, and time for a machine that is busy.
const FREE_MAX: Duration = Duration::from_secs(10);

/// The far end of time: everything queued is due.
const ALWAYS: Timestamp = Timestamp::from_millis(i64::MAX);

/// What an attempt at a message, or somebody, can make of it, in the order of the codes.
const OUTCOMES: [EventKind; 6] = [
    EventKind::Delivered,
    EventKind::Deferred,
    EventKind::Bounced,
    EventKind::Expired,
    EventKind::Dropped,
    EventKind::Cancelled,
];

/// Where one check's data is. Whoever opens it is a holder of lanes by himself.
#[async_trait]
trait Place {
    /// Opens it, as another process would.
    async fn open(&self) -> Arc<dyn Store>;

    /// Opens its directory, as another process would.
    async fn directory(&self) -> Arc<dyn Directory>;

    /// Opens all of it, as another process would.
    async fn service(&self) -> Arc<dyn Service>;

    /// Changes rows by another hand.
    fn alter(&self, statement: &str);

    /// What makes the row of a message unreadable, and what is said of it.
    fn damages(&self) -> &[(&str, &str)];

    /// The words by which a second process finds it: the backend's name and the place.
    fn words(&self) -> [&str; 2];
}

/// A data folder.
struct Folder(TempDir);

#[async_trait]
impl Place for Folder {
    async fn open(&self) -> Arc<dyn Store> {
        open("sqlite", self.0.path().to_str().unwrap()).await
    }

    async fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(SqliteStore::open_with_key(self.0.path(), &given_key()).unwrap())
    }

    async fn service(&self) -> Arc<dyn Service> {
        Arc::new(SqliteStore::open_with_key(self.0.path(), &given_key()).unwrap())
    }

    fn alter(&self, statement: &str) {
        let connection = Connection::open(self.0.path().join(FILE_NAME)).unwrap();
        assert_eq!(connection.execute(statement, []).unwrap(), 1);
    }

    fn damages(&self) -> &[(&str, &str)] {
        &[
            ("address = 'nobody'", "the address has no @"),
            ("address = CAST(x'fffe' AS TEXT)", "its address: "),
            ("data = x'00'", "its data: "),
            ("attempts = 'many'", "attempts"),
            ("attempts = -1", "attempts"),
            ("accepted_at = 'today'", "accepted_at"),
        ]
    }

    fn words(&self) -> [&str; 2] {
        ["sqlite", self.0.path().to_str().unwrap()]
    }
}

/// A database.
struct OnServer(Database<'static>);

impl OnServer {
    async fn open_with_key(&self) -> Arc<PostgresStore> {
        // The key is given, so that nothing is looked for there.
        let (address, folder) = (Address::parse(self.0.address()).unwrap(), Path::new("/"));
        let key = given_key();
        let opened = PostgresStore::open_with_key(&address, folder, &key, settings());
        Arc::new(opened.await.unwrap())
    }
}

#[async_trait]
impl Place for OnServer {
    async fn open(&self) -> Arc<dyn Store> {
        open("postgres", self.0.address()).await
    }

    async fn directory(&self) -> Arc<dyn Directory> {
        self.open_with_key().await
    }

    async fn service(&self) -> Arc<dyn Service> {
        self.open_with_key().await
    }

    fn alter(&self, statement: &str) {
        self.0.sql(statement);
    }

    fn damages(&self) -> &[(&str, &str)] {
        &[
            ("address = 'nobody'", "the address has no @"),
            ("attempts = -1", "out of range"),
            ("attempts = 5000000000", "out of range"),
        ]
    }

    fn words(&self) -> [&str; 2] {
        ["postgres", self.0.address()]
    }
}

/// An account has one lane, as in a file: what is promised of the order holds within a lane.
fn settings() -> Settings {
    Settings {
        lease: LEASE,
        shards: 1,
    }
}

/// Opens a place by its words.
async fn open(backend: &str, place: &str) -> Arc<dyn Store> {
    match backend {
        "sqlite" => Arc::new(SqliteStore::open(Path::new(place)).unwrap()),
        "postgres" => {
            let address = Address::parse(place).unwrap();
            Arc::new(PostgresStore::open(&address, settings()).await.unwrap())
        }
        other => panic!("there is no backend {other}"),
    }
}

/// A setting of the whole test run.
#[expect(clippy::disallowed_methods, reason = "it is the run's own environment")]
fn of_run(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The backends that this run is about: all, or the one that `GLASSPOST_TEST_BACKENDS` names.
fn backends() -> impl Iterator<Item = &'static (&'static str, NewPlace)> {
    let only = of_run("GLASSPOST_TEST_BACKENDS");
    let is_known = |only: &String| BACKENDS.iter().any(|(name, _)| name == only);
    assert!(only.as_ref().is_none_or(is_known), "no backend is {only:?}");
    BACKENDS
        .iter()
        .filter(move |(name, _)| only.as_ref().is_none_or(|only| name == only))
}

/// How many cases a model is compared with. On a server each costs a database and many ways there, so that it is fewer of
/// them, unless the run is a soak.
fn cases(backend: &str, in_file: u32) -> u32 {
    match (backend, of_run("GLASSPOST_SOAK")) {
        ("postgres", None) => in_file / 8,
        _ => in_file,
    }
}

/// Runs a check on as many random values as `in_file` and the backend allow.
fn on_random_values<S: Strategy>(
    backend: &str,
    in_file: u32,
    values: S,
    check: impl AsyncFn(S::Value),
) {
    println!("on {backend}");
    let runtime = runtime();
    let config = Config {
        cases: cases(backend, in_file),
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&values, |value| {
            runtime.block_on(check(value));
            Ok(())
        })
        .unwrap();
}

/// Runs a check on each backend, in a new place of its own.
fn on_each_backend(check: impl AsyncFn(&dyn Place)) {
    for (name, new_place) in backends() {
        println!("on {name}");
        // The runtime goes first, and with it whatever still uses the place.
        let place = new_place();
        runtime().block_on(check(&*place));
    }
}

/// Takes a lane whose holder is gone. It is free within the length of a lease: a holder that closed its store may still be at
/// giving it back, and one that was killed says nothing.
async fn lease_soon(store: &dyn Store, lane: LaneKey) -> Lease {
    let asked = Instant::now();
    loop {
        match store.lease(lane.clone()).await {
            Err(StoreError::LaneHeld { .. }) if asked.elapsed() < FREE_MAX => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            outcome => return outcome.unwrap(),
        }
    }
}
