//! The instance's settings: one row, once something was set.

use model::Timestamp;
use rusqlite::{Connection, params};

use crate::directory::rows::instance::{InstanceRow, to_instance};
use crate::directory::{Change, Instance};
use crate::sqlite::transaction::WriteTx;
use crate::vault::Vault;
use crate::{Result, StoreError};

pub(super) fn get(connection: &Connection, vault: &Vault) -> Result<Instance> {
    let mut statement = connection.prepare_cached("SELECT * FROM instance WHERE id = 1")?;
    let mut rows = statement.query([])?;
    match rows.next()? {
        Some(row) => to_instance(row, vault),
        None => Ok(Instance::default()),
    }
}

pub(super) fn change(
    tx: &WriteTx<'_>,
    vault: &Vault,
    change: Change<Instance>,
    at: Timestamp,
) -> Result<Instance> {
    let mut instance = get(tx.connection, vault)?;
    change(&mut instance).map_err(StoreError::Refused)?;
    instance.updated_at = Some(at);
    let row = InstanceRow::of(&instance, vault)?;
    tx.connection
        .prepare_cached(
            "INSERT INTO instance (id, name, api_token, bounce, updated_at) VALUES (1, ?1, ?2, ?3, ?4) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, api_token = excluded.api_token, \
             bounce = excluded.bounce, updated_at = excluded.updated_at",
        )?
        .execute(params![
            row.name,
            row.api_token,
            row.bounce,
            at.as_millis(),
        ])?;
    Ok(instance)
}
