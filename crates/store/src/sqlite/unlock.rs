//! The encryption key at opening: found or made, and checked against what is there.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::Result;
use crate::vault::{KeySource, Unlocked, Vault};

/// The vault of a data folder. A key that did not seal what is in the file is refused.
pub(super) fn unlock(
    connection: &mut Connection,
    folder: &Path,
    source: &KeySource,
) -> Result<Vault> {
    // Immediate, so that of two processes that open a new folder at once only one makes a key.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let check: Option<String> = tx
        .query_row("SELECT value FROM meta WHERE key = 'vault'", [], |row| {
            row.get(0)
        })
        .optional()?;
    let Unlocked { vault, new_check } = crate::vault::unlock(folder, source, check.as_deref())?;
    if let Some(sealed) = new_check {
        tx.execute(
            "INSERT INTO meta (key, value) VALUES ('vault', ?1)",
            [sealed],
        )?;
    }
    tx.commit()?;
    Ok(vault)
}
