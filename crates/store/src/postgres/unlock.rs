//! The encryption key at opening: found or made, and checked against what is there.

use std::path::Path;

use tokio_postgres::Client;

use super::transaction::TAKE_TURN;
use crate::vault::{KeyError, KeySource, Unlocked, Vault};
use crate::{Result, StoreError, folder};

/// The vault of a database; the key's file is in `of_machine`. A key that did not seal what is in the database is refused.
pub(super) async fn unlock(
    client: &mut Client,
    of_machine: &Path,
    source: &KeySource,
) -> Result<Vault> {
    if let KeySource::File = source {
        folder::make(of_machine)?;
    }
    let tx = client.transaction().await?;
    // As whoever writes, so that of two processes that open a new database at once only one makes a key.
    tx.batch_execute(TAKE_TURN).await?;
    let check = tx
        .query_opt("SELECT value FROM meta WHERE key = 'vault'", &[])
        .await?;
    let check: Option<String> = check.map(|row| row.try_get(0)).transpose()?;
    let unlocked = crate::vault::unlock(of_machine, source, check.as_deref());
    let Unlocked { vault, new_check } = unlocked.map_err(of_many)?;
    if let Some(sealed) = new_check {
        tx.execute(
            "INSERT INTO meta (key, value) VALUES ('vault', $1)",
            &[&sealed],
        )
        .await?;
    }
    tx.commit().await?;
    Ok(vault)
}

/// The error of a key, where other machines may have the one that is needed.
fn of_many(error: StoreError) -> StoreError {
    match error {
        StoreError::Key(KeyError::Missing(path)) => KeyError::MissingHere(path).into(),
        StoreError::Key(KeyError::Wrong(folder)) => KeyError::WrongHere(folder).into(),
        other => other,
    }
}
