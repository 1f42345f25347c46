//! What is PostgreSQL's own: the way to the server and who may take it, the schema's versions, a server that goes away,
//! leases by the clock, what processes tell each other, the key that several machines need, the parts of the events, and how an
//! installation moves here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says by a panic what failed, and what it measured on its output"
)]

mod away;
#[path = "../support/canaries.rs"]
mod canaries;
#[path = "../../../../tests/postgres/certificate.rs"]
mod certificate;
mod child;
#[path = "../../../../tests/postgres/cluster.rs"]
mod cluster;
mod columns;
mod copy;
mod damaged;
mod encryption;
mod forgetting;
mod given_up;
mod gone;
mod leases;
mod listening;
mod login;
mod nodes;
mod orders;
mod partitions;
mod plans;
mod preparing;
mod repeated;
mod secrets;
mod shards;
mod statistics;
#[path = "../support/mod.rs"]
mod support;
mod turns;
mod versions;

use std::path::Path;
use std::time::{Duration, Instant};

use store::postgres::{Address, Settings};
use store::{KeySource, PostgresStore, StoreError};
use tokio_postgres::{Client, NoTls};

use cluster::Database;
use support::runtime;

/// How long a lane stays somebody's who is gone.
const LEASE: Duration = Duration::from_secs(1);
/// How long a session that ended may take to tell what it did.
const TOLD_MAX: Duration = Duration::from_secs(20);

/// A connection of somebody else's.
async fn another_hand(database: &Database<'_>) -> Client {
    let (client, connection) = tokio_postgres::connect(database.address(), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

async fn open(address: &str) -> store::Result<PostgresStore> {
    let settings = Settings {
        lease: LEASE,
        ..Settings::default()
    };
    PostgresStore::open(&Address::parse(address).unwrap(), settings).await
}

/// A store with the key to what is secret.
async fn open_with_key(
    database: &Database<'_>,
    key: &KeySource,
    settings: Settings,
) -> PostgresStore {
    // The key is given, so that nothing is looked for there.
    let (address, folder) = (Address::parse(database.address()).unwrap(), Path::new("/"));
    let opened = PostgresStore::open_with_key(&address, folder, key, settings);
    opened.await.unwrap()
}

/// Waits until no session of a database is left: each tells at its end what it did.
fn until_all_is_told(database: &Database<'_>) {
    let asked = Instant::now();
    let others = "SELECT count(*) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while database.sql(others).trim() != "0" {
        assert!(asked.elapsed() < TOLD_MAX, "a session did not end");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What is said of a database that cannot be used, without the words that every such error begins with.
async fn refusal(address: &str) -> String {
    match open(address).await.err() {
        Some(StoreError::Database { address, reason }) => {
            assert!(
                address.starts_with("postgres://glasspost@127.0.0.1:"),
                "{address}"
            );
            reason
        }
        other => panic!("{other:?}"),
    }
}
