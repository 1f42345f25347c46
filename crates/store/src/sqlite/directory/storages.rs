//! Storages.

use model::storage::{Storage, StorageName, StorageProtocol};
use model::{FieldError, TenantId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{check_length, damaged, tenants};
use crate::directory::{Put, STORAGES_MAX};
use crate::sqlite::transaction::WriteTx;
use crate::vault::{Place, Vault};
use crate::{Result, StoreError};

pub(super) fn put(tx: &WriteTx<'_>, vault: &Vault, storage: &Storage) -> Result<Put> {
    tenants::check(tx.connection, &storage.tenant)?;
    check_length("config", storage.config.expose())?;
    let put = match is_there(tx.connection, storage)? {
        true => Put::Replaced,
        false => Put::Created,
    };
    if put == Put::Created {
        check_room(tx.connection, &storage.tenant)?;
    }
    let row = place_row(&storage.tenant, &storage.name);
    tx.connection
        .prepare_cached(
            "INSERT INTO storages (tenant, name, protocol, config, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (tenant, name) DO UPDATE SET protocol = excluded.protocol, config = excluded.config, \
             updated_at = excluded.updated_at",
        )?
        .execute(params![
            storage.tenant.as_str(),
            storage.name.as_str(),
            storage.protocol.as_str(),
            vault.seal(place(&row), &storage.config)?,
            storage.created_at.as_millis(),
            storage.updated_at.as_millis(),
        ])?;
    Ok(put)
}

fn is_there(connection: &Connection, storage: &Storage) -> Result<bool> {
    let found = connection
        .prepare_cached("SELECT 1 FROM storages WHERE tenant = ?1 AND name = ?2")?
        .query_row([storage.tenant.as_str(), storage.name.as_str()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

fn check_room(connection: &Connection, tenant: &TenantId) -> Result<()> {
    let count: u32 = connection
        .prepare_cached("SELECT count(*) FROM storages WHERE tenant = ?1")?
        .query_row([tenant.as_str()], |row| row.get(0))?;
    if count < STORAGES_MAX {
        return Ok(());
    }
    let problem = format!("the tenant has {STORAGES_MAX} storages, which is the most: delete one");
    Err(StoreError::Refused(FieldError::new("name", problem)))
}

pub(super) fn get(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    name: &StorageName,
) -> Result<Option<Storage>> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM storages WHERE tenant = ?1 AND name = ?2")?;
    let mut rows = statement.query([tenant.as_str(), name.as_str()])?;
    rows.next()?.map(|row| to_storage(row, vault)).transpose()
}

pub(super) fn list(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
) -> Result<Vec<Storage>> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM storages WHERE tenant = ?1 ORDER BY name")?;
    let mut rows = statement.query([tenant.as_str()])?;
    let mut storages = Vec::new();
    while let Some(row) = rows.next()? {
        storages.push(to_storage(row, vault)?);
    }
    Ok(storages)
}

pub(super) fn delete(tx: &WriteTx<'_>, tenant: &TenantId, name: &StorageName) -> Result<bool> {
    let deleted = tx
        .connection
        .prepare_cached("DELETE FROM storages WHERE tenant = ?1 AND name = ?2")?
        .execute([tenant.as_str(), name.as_str()])?;
    Ok(deleted == 1)
}

fn place_row(tenant: &TenantId, name: &StorageName) -> String {
    format!("{tenant}/{name}")
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "storages",
        row,
        column: "config",
    }
}

fn to_storage(row: &Row<'_>, vault: &Vault) -> Result<Storage> {
    let (tenant, name): (String, String) = (row.get("tenant")?, row.get("name")?);
    let wrong = |error: FieldError| damaged(&format_args!("storage {tenant}/{name}"), &error);
    let protocol: String = row.get("protocol")?;
    let sealed: String = row.get("config")?;
    let (owner, own_name) = (
        TenantId::parse(&tenant).map_err(wrong)?,
        StorageName::parse(&name).map_err(wrong)?,
    );
    let place_row = place_row(&owner, &own_name);
    Ok(Storage {
        tenant: owner,
        name: own_name,
        protocol: StorageProtocol::parse(&protocol).map_err(wrong)?,
        config: vault.open(place(&place_row), &sealed)?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        updated_at: Timestamp::from_millis(row.get("updated_at")?),
    })
}
