//! Tenants.

use model::{Suspension, Tenant, TenantId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::accounts;
use crate::directory::rows::tenant::{TenantRow, apply, to_suspension, to_tenant};
use crate::directory::{Change, Put};
use crate::sqlite::row::at_most;
use crate::sqlite::transaction::WriteTx;
use crate::vault::Vault;
use crate::{Result, StoreError};

pub(super) fn put_first(tx: &WriteTx<'_>, vault: &Vault, tenant: &Tenant) -> Result<bool> {
    let is_any = tx
        .connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM tenants)")?
        .query_row([], |row| row.get(0))?;
    if is_any {
        return Ok(false);
    }
    put(tx, vault, tenant)?;
    Ok(true)
}

pub(super) fn put(tx: &WriteTx<'_>, vault: &Vault, tenant: &Tenant) -> Result<Put> {
    let put = match is_there(tx.connection, &tenant.id)? {
        true => Put::Replaced,
        false => Put::Created,
    };
    let row = TenantRow::of(tenant, vault)?;
    tx.connection
        .prepare_cached(
            "INSERT INTO tenants (id, name, client_auth, client_base_url, client_sync_path, \
             client_attachment_path, limit_per_hour, limit_per_day, large_files, is_active, suspension, \
             created_at, updated_at, webhook) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, client_auth = excluded.client_auth, \
             client_base_url = excluded.client_base_url, client_sync_path = excluded.client_sync_path, \
             client_attachment_path = excluded.client_attachment_path, \
             limit_per_hour = excluded.limit_per_hour, limit_per_day = excluded.limit_per_day, \
             large_files = excluded.large_files, is_active = excluded.is_active, \
             suspension = excluded.suspension, updated_at = excluded.updated_at, webhook = excluded.webhook",
        )?
        .execute(params![
            row.id,
            row.name,
            row.client_auth,
            row.client_base_url,
            row.client_sync_path,
            row.client_attachment_path,
            row.limit_per_hour,
            row.limit_per_day,
            row.large_files,
            row.is_active,
            row.suspension,
            row.created_at,
            row.updated_at,
            row.webhook,
        ])?;
    Ok(put)
}

pub(super) fn change(
    tx: &WriteTx<'_>,
    vault: &Vault,
    id: &TenantId,
    change: Change<Tenant>,
    at: Timestamp,
) -> Result<Option<Tenant>> {
    let Some(mut tenant) = get(tx.connection, vault, id)? else {
        return Ok(None);
    };
    apply(&mut tenant, change, at)?;
    put(tx, vault, &tenant)?;
    Ok(Some(tenant))
}

pub(super) fn get(connection: &Connection, vault: &Vault, id: &TenantId) -> Result<Option<Tenant>> {
    let mut statement = connection.prepare_cached("SELECT * FROM tenants WHERE id = ?1")?;
    let mut rows = statement.query([id.as_str()])?;
    rows.next()?.map(|row| to_tenant(row, vault)).transpose()
}

pub(super) fn list(
    connection: &Connection,
    vault: &Vault,
    after: Option<&TenantId>,
    limit: usize,
) -> Result<Vec<Tenant>> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM tenants WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    // No id is empty.
    let after = after.map_or("", TenantId::as_str);
    let mut rows = statement.query(params![after, at_most(limit)])?;
    let mut tenants = Vec::new();
    while let Some(row) = rows.next()? {
        tenants.push(to_tenant(row, vault)?);
    }
    Ok(tenants)
}

pub(super) fn delete(tx: &mut WriteTx<'_>, tag: u32, id: &TenantId) -> Result<bool> {
    for account in accounts::of_tenant(tx.connection, id)? {
        accounts::delete_by_pk(tx, tag, account)?;
    }
    for statement in [
        "DELETE FROM report_counts WHERE tenant = ?1",
        "DELETE FROM storages WHERE tenant = ?1",
        "DELETE FROM api_keys WHERE tenant = ?1",
    ] {
        tx.connection
            .prepare_cached(statement)?
            .execute([id.as_str()])?;
    }
    let deleted = tx
        .connection
        .prepare_cached("DELETE FROM tenants WHERE id = ?1")?
        .execute([id.as_str()])?;
    Ok(deleted == 1)
}

/// What a tenant holds back; `None` when there is none such.
pub(in crate::sqlite) fn suspension(
    connection: &Connection,
    id: &TenantId,
) -> Result<Option<Suspension>> {
    Ok(standing(connection, id)?.map(|(_, suspension)| suspension))
}

/// The same of a tenant that is active.
pub(in crate::sqlite) fn suspension_of_active(
    connection: &Connection,
    id: &TenantId,
) -> Result<Option<Suspension>> {
    let active = standing(connection, id)?.filter(|(is_active, _)| *is_active);
    Ok(active.map(|(_, suspension)| suspension))
}

/// Whether a tenant is active, and what it holds back.
fn standing(connection: &Connection, id: &TenantId) -> Result<Option<(bool, Suspension)>> {
    let mut statement =
        connection.prepare_cached("SELECT is_active, suspension FROM tenants WHERE id = ?1")?;
    let mut rows = statement.query([id.as_str()])?;
    match rows.next()? {
        Some(row) => Ok(Some((row.get(0)?, to_suspension(id, row.get(1)?)?))),
        None => Ok(None),
    }
}

/// Refuses what is about a tenant that is not there.
pub(super) fn check(connection: &Connection, id: &TenantId) -> Result<()> {
    match is_there(connection, id)? {
        true => Ok(()),
        false => Err(StoreError::Missing(format!("tenant {id}"))),
    }
}

fn is_there(connection: &Connection, id: &TenantId) -> Result<bool> {
    let found = connection
        .prepare_cached("SELECT 1 FROM tenants WHERE id = ?1")?
        .query_row([id.as_str()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}
