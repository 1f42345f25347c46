//! Storages.

use model::TenantId;
use model::storage::{Storage, StorageName};
use rusqlite::{Connection, OptionalExtension, params};

use super::tenants;
use crate::Result;
use crate::directory::Put;
use crate::directory::rows::storage::{StorageRow, check_room, to_storage};
use crate::sqlite::transaction::WriteTx;
use crate::vault::Vault;

pub(super) fn put(tx: &WriteTx<'_>, vault: &Vault, storage: &Storage) -> Result<Put> {
    tenants::check(tx.connection, &storage.tenant)?;
    let row = StorageRow::of(storage, vault)?;
    let put = match is_there(tx.connection, storage)? {
        true => Put::Replaced,
        false => Put::Created,
    };
    if put == Put::Created {
        check_room(count(tx.connection, &storage.tenant)?)?;
    }
    tx.connection
        .prepare_cached(
            "INSERT INTO storages (tenant, name, protocol, config, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (tenant, name) DO UPDATE SET protocol = excluded.protocol, config = excluded.config, \
             updated_at = excluded.updated_at",
        )?
        .execute(params![
            row.tenant,
            row.name,
            row.protocol,
            row.config,
            row.created_at,
            row.updated_at,
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

fn count(connection: &Connection, tenant: &TenantId) -> Result<i64> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM storages WHERE tenant = ?1")?
        .query_row([tenant.as_str()], |row| row.get(0))?)
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
