//! The key at opening: found or made, and checked against what was sealed before.

use std::path::Path;

use model::Secret;

use super::{KEY_FILE_NAME, Key, KeyError, KeySource, Place, Vault};
use crate::{Result, StoreError};

/// Where a sealed text shows which key the store belongs to, before anything else was sealed.
const CHECK: Place<'_> = Place {
    table: "meta",
    row: "vault",
    column: "value",
};
/// What was sealed there.
const CHECK_TEXT: &str = "glasspost";

/// A vault that was opened.
pub(crate) struct Unlocked {
    pub(crate) vault: Vault,
    /// The check to keep, when there was none.
    pub(crate) new_check: Option<String>,
}

/// Opens the vault of a store that keeps this check, `None` when nothing was sealed there yet. A key that did not seal it
/// is refused. The caller sees to it that nobody else does so at the same time.
pub(crate) fn unlock(folder: &Path, source: &KeySource, check: Option<&str>) -> Result<Unlocked> {
    let key = match source {
        KeySource::Given(text) => Key::parse(text)?,
        KeySource::File => match Key::read(folder)? {
            Some(key) => key,
            None if check.is_none() => Key::make(folder)?,
            None => return Err(KeyError::Missing(folder.join(KEY_FILE_NAME)).into()),
        },
    };
    let vault = Vault::new(&key)?;
    let new_check = match check {
        Some(sealed) => {
            check_key(&vault, folder, sealed)?;
            None
        }
        None => Some(vault.seal(CHECK, &Secret::new(CHECK_TEXT))?),
    };
    Ok(Unlocked { vault, new_check })
}

fn check_key(vault: &Vault, folder: &Path, sealed: &str) -> Result<()> {
    match vault.open(CHECK, sealed) {
        Ok(_) => Ok(()),
        Err(StoreError::Damaged(_)) => Err(KeyError::Wrong(folder.to_owned()).into()),
        Err(error) => Err(error),
    }
}
