//! The schema and its versions: files, forward only.
//!
//! A database is brought to the latest version by [`migrate`] alone, before newer processes start; no start changes it.
//! Each version says which is the oldest whose programs can work with it, so that old and new processes may run on one
//! database while it is updated.

use tokio_postgres::Transaction;

use super::address::Address;
use super::connect;
use super::partitions::PREPARE;
use crate::{Result, StoreError};

/// A version of the schema.
struct Migration {
    /// Its statements.
    statements: &'static str,
    /// The oldest version whose programs can work with it.
    oldest: i64,
}

/// Every migration, in order: the first is version 1.
const MIGRATIONS: &[Migration] = &[
    Migration {
        statements: include_str!("migrations/0001_store.sql"),
        oldest: 1,
    },
    Migration {
        statements: include_str!("migrations/0002_statistics.sql"),
        oldest: 1,
    },
    Migration {
        statements: include_str!("migrations/0003_preparing.sql"),
        oldest: 1,
    },
];

/// Keeps two who migrate at once apart. Any number does, as long as it stays the same.
const LOCK: i64 = 7_266_461_531;

/// What a migration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version before; 0 for an empty database.
    pub from: i64,
    /// The version now.
    pub to: i64,
}

/// Brings a database to the latest version.
pub async fn migrate(address: &Address) -> Result<Migrated> {
    let (mut client, _task) = connect::open(address).await?;
    let tx = client.transaction().await?;
    // Rows may have to be moved or indexed, however many they are.
    tx.batch_execute("SET LOCAL statement_timeout = 0").await?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])
        .await?;
    tx.batch_execute(
        "CREATE TABLE IF NOT EXISTS schema_versions (\
         version BIGINT PRIMARY KEY, oldest BIGINT NOT NULL, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())",
    )
    .await?;
    let (found, oldest) = latest(&tx).await?;
    check_not_newer(found, oldest)?;
    let known = known();
    for (version, migration) in (1_i64..)
        .zip(MIGRATIONS)
        .skip(usize::try_from(found).unwrap_or(0))
    {
        tx.batch_execute(migration.statements).await?;
        tx.execute(
            "INSERT INTO schema_versions (version, oldest) VALUES ($1, $2)",
            &[&version, &migration.oldest],
        )
        .await?;
    }
    if found == 0 {
        // Thirty bits: as many as a message id has room for.
        tx.execute(
            "INSERT INTO meta (key, value) VALUES ('tag', floor(random() * 1073741824)::bigint::text)",
            &[],
        )
        .await?;
    }
    tx.batch_execute(PREPARE).await?;
    tx.commit().await?;
    Ok(Migrated {
        from: found,
        to: known.max(found),
    })
}

/// Refuses a database that this program cannot work with; says the remedy.
pub(super) async fn check(client: &mut tokio_postgres::Client) -> Result<()> {
    let tx = client.transaction().await?;
    let there = tx
        .query_one("SELECT to_regclass('schema_versions') IS NOT NULL", &[])
        .await?;
    let (found, oldest) = match there.try_get(0)? {
        true => latest(&tx).await?,
        false => (0, 0),
    };
    check_version(found, oldest)
}

/// Refuses a version that this program cannot work with.
pub(super) fn check_version(found: i64, oldest: i64) -> Result<()> {
    check_not_newer(found, oldest)?;
    match found < known() {
        true => Err(StoreError::Older {
            found,
            known: known(),
        }),
        false => Ok(()),
    }
}

/// The store's tag.
pub(super) async fn tag(client: &tokio_postgres::Client) -> Result<u32> {
    let row = client
        .query_one("SELECT value FROM meta WHERE key = 'tag'", &[])
        .await?;
    let text: &str = row.try_get(0)?;
    text.parse()
        .map_err(|_| StoreError::Damaged("the store's tag is no number".to_owned()))
}

fn known() -> i64 {
    MIGRATIONS.len() as i64
}

/// The database's version, and the oldest whose programs can work with it.
async fn latest(tx: &Transaction<'_>) -> Result<(i64, i64)> {
    let row = tx
        .query_opt(
            "SELECT version, oldest FROM schema_versions ORDER BY version DESC LIMIT 1",
            &[],
        )
        .await?;
    match row {
        Some(row) => Ok((row.try_get(0)?, row.try_get(1)?)),
        None => Ok((0, 0)),
    }
}

fn check_not_newer(found: i64, oldest: i64) -> Result<()> {
    match oldest > known() {
        true => Err(StoreError::Newer {
            found,
            known: known(),
        }),
        false => Ok(()),
    }
}
