//! The encryption key at opening: found or made, and checked against what is there.

use std::path::Path;

use model::Secret;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::vault::{KEY_FILE_NAME, Key, KeyError, KeySource, Place, Vault};
use crate::{Result, StoreError};

/// Where a sealed text shows which key the data file belongs to, before anything else was sealed.
const CHECK: Place<'_> = Place {
    table: "meta",
    row: "vault",
    column: "value",
};
/// What was sealed there.
const CHECK_TEXT: &str = "glasspost";

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
    let key = match source {
        KeySource::Given(text) => Key::parse(text)?,
        KeySource::File => match Key::read(folder)? {
            Some(key) => key,
            None if check.is_none() => Key::make(folder)?,
            None => return Err(KeyError::Missing(folder.join(KEY_FILE_NAME)).into()),
        },
    };
    let vault = Vault::new(&key)?;
    match check {
        Some(sealed) => check_key(&vault, folder, &sealed)?,
        None => {
            let sealed = vault.seal(CHECK, &Secret::new(CHECK_TEXT))?;
            tx.execute(
                "INSERT INTO meta (key, value) VALUES ('vault', ?1)",
                [sealed],
            )?;
        }
    }
    tx.commit()?;
    Ok(vault)
}

fn check_key(vault: &Vault, folder: &Path, sealed: &str) -> Result<()> {
    match vault.open(CHECK, sealed) {
        Ok(_) => Ok(()),
        Err(StoreError::Damaged(_)) => Err(KeyError::Wrong(folder.to_owned()).into()),
        Err(error) => Err(error),
    }
}
