//! Connections to the data file, with the settings each needs.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

use super::migrate;
use crate::{Result, StoreError};

/// Page cache of the writer, in KiB.
const CACHE_KIB: i64 = 16 * 1024;
/// A page of a new file, in bytes. A commit of some outcomes changes the ends of a few trees and writes each of
/// those pages whole, so small ones save a fifth of all that is written.
const PAGE_BYTES: i64 = 2 * 1024;
/// Pages in the log before they are folded into the file: 32 MiB. A page that many commits changed meanwhile is
/// folded once.
const CHECKPOINT_PAGES: i64 = 16 * 1024;
/// What the log's file may keep when it was folded, in bytes.
const LOG_BYTES_KEPT: i64 = 64 * 1024 * 1024;
/// Prepared statements kept by one connection; more than the house has.
const STATEMENTS_MAX: usize = 256;

/// The writer's connection, to a file that is made and brought to the latest version where needed; with the
/// store's tag.
pub(super) fn create(file: &Path) -> Result<(Connection, u32)> {
    let mut connection = connect(file)?;
    // Both only before the first table. The second lets the file give space back without a rewrite of the whole.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    switch_to_wal(&connection)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let tag = migrate::to_latest(&mut connection)?;
    Ok((connection, tag))
}

/// SQLite does not wait by itself for who opens the same new file at the same time.
fn switch_to_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if is_busy(&error) && wait_for_other(tries) => tries += 1,
            outcome => return outcome,
        }
    }
}

/// A connection with the settings every connection needs.
pub(super) fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(file)?;
    connection.busy_handler(Some(wait_for_other))?;
    // Plans do not depend on the values bound, or each statement would be planned anew for each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // promise: P-01. The log is synced at every commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Waits a moment for another process that writes; `false` after about ten seconds. The waits are short and
/// even: with SQLite's own, which grow, a process that commits without pause starves all others.
pub(super) fn wait_for_other(tries: i32) -> bool {
    let pause_ms = match tries {
        0..1_000 => 1,
        1_000..2_800 => 5,
        _ => return false,
    };
    std::thread::sleep(Duration::from_millis(pause_ms));
    true
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                Self::Unavailable("no space is left on the disk".to_owned())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Unavailable("another process is writing".to_owned())
            }
            Some(ErrorCode::SystemIoFailure) => Self::Unavailable(error.to_string()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Backend(error.to_string()),
        }
    }
}
