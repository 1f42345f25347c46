//! The instance's settings: one row, once something was set.

use model::{FieldError, Line, Secret, Timestamp};
use rusqlite::{Connection, Row, params};

use super::{check_length, damaged};
use crate::directory::{Change, Instance, KeyHash};
use crate::sqlite::transaction::WriteTx;
use crate::vault::{Place, Vault};
use crate::{Result, StoreError};

const BOUNCE: Place<'_> = Place {
    table: "instance",
    row: "1",
    column: "bounce",
};

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
    let bounce = instance.bounce.as_ref();
    check_length("bounce", bounce.map_or("", Secret::expose))?;
    let sealed = bounce
        .map(|bounce| vault.seal(BOUNCE, bounce))
        .transpose()?;
    tx.connection
        .prepare_cached(
            "INSERT INTO instance (id, name, api_token, bounce, updated_at) VALUES (1, ?1, ?2, ?3, ?4) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, api_token = excluded.api_token, \
             bounce = excluded.bounce, updated_at = excluded.updated_at",
        )?
        .execute(params![
            instance.name.as_ref().map(Line::as_str),
            instance.api_token.as_ref().map(KeyHash::as_bytes),
            sealed,
            at.as_millis(),
        ])?;
    Ok(instance)
}

fn to_instance(row: &Row<'_>, vault: &Vault) -> Result<Instance> {
    let (name, bounce): (Option<String>, Option<String>) = (row.get("name")?, row.get("bounce")?);
    Ok(Instance {
        name: name
            .map(|name| Line::parse("name", &name))
            .transpose()
            .map_err(wrong)?,
        api_token: row
            .get::<_, Option<[u8; 32]>>("api_token")?
            .map(KeyHash::from_bytes),
        bounce: bounce
            .map(|sealed| vault.open(BOUNCE, &sealed))
            .transpose()?,
        updated_at: Some(Timestamp::from_millis(row.get("updated_at")?)),
    })
}

fn wrong(error: FieldError) -> StoreError {
    damaged(&"the instance's settings", &error)
}
