//! The schema and its versions: files, forward only.

use rusqlite::{Connection, TransactionBehavior};

use crate::{Result, StoreError};

/// Every migration, in order; a data file's `user_version` says how many it has.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_spine.sql"),
    include_str!("migrations/0002_directory.sql"),
];

/// Brings a data file to the latest version; gives the store's tag.
pub(super) fn to_latest(connection: &mut Connection) -> Result<u32> {
    // Immediate, so that of two processes that open a new folder at once one waits for the other.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for migration in &MIGRATIONS[found as usize..] {
        tx.execute_batch(migration)?;
    }
    if found == 0 {
        // Thirty bits: as many as a message id has room for.
        tx.execute(
            "INSERT INTO meta (key, value) VALUES ('tag', random() & 0x3fffffff)",
            [],
        )?;
    }
    if found < known {
        tx.pragma_update(None, "user_version", known)?;
    }
    let tag = tx.query_row("SELECT value FROM meta WHERE key = 'tag'", [], |row| {
        row.get(0)
    })?;
    tx.commit()?;
    Ok(tag)
}
