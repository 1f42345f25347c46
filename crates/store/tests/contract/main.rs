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
mod commands;
mod contents;
mod controls;
mod counts;
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
mod walls;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use model::{EventKind, Timestamp};
use store::{Directory, SqliteStore, Store};
use tempfile::TempDir;

use service::Service;
use support::directory::given_key;

/// The backends, by name.
const BACKENDS: &[(&str, NewPlace)] = &[("sqlite", || Box::new(Folder(support::fast_folder())))];

type NewPlace = fn() -> Box<dyn Place>;

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

    /// The words by which a second process finds it: the backend's name and the place.
    fn words(&self) -> [&str; 2];
}

/// A data folder.
struct Folder(TempDir);

#[async_trait]
impl Place for Folder {
    async fn open(&self) -> Arc<dyn Store> {
        open("sqlite", self.0.path().to_str().unwrap())
    }

    async fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(SqliteStore::open_with_key(self.0.path(), &given_key()).unwrap())
    }

    async fn service(&self) -> Arc<dyn Service> {
        Arc::new(SqliteStore::open_with_key(self.0.path(), &given_key()).unwrap())
    }

    fn words(&self) -> [&str; 2] {
        ["sqlite", self.0.path().to_str().unwrap()]
    }
}

/// Opens a place by its words.
fn open(backend: &str, place: &str) -> Arc<dyn Store> {
    match backend {
        "sqlite" => Arc::new(SqliteStore::open(Path::new(place)).unwrap()),
        other => panic!("there is no backend {other}"),
    }
}

/// Runs a check on each backend, in a new place of its own.
fn on_each_backend(check: impl AsyncFn(&dyn Place)) {
    for (name, new_place) in BACKENDS {
        println!("on {name}");
        runtime().block_on(check(&*new_place()));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
