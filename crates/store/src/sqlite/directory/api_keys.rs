//! API keys, by their hashes.

use model::{TenantId, Timestamp};
use rusqlite::{Connection, params};

use super::tenants;
use crate::Result;
use crate::directory::rows::api_key::{check_room, taken, to_key, to_owner};
use crate::directory::{ApiKey, KeyHash};
use crate::sqlite::transaction::WriteTx;

pub(super) fn add(
    tx: &WriteTx<'_>,
    tenant: &TenantId,
    hash: &KeyHash,
    expires_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<i64> {
    tenants::check(tx.connection, tenant)?;
    tx.connection
        .prepare_cached("DELETE FROM api_keys WHERE tenant = ?1 AND expires_at <= ?2")?
        .execute(params![tenant.as_str(), at.as_millis()])?;
    let count: i64 = tx
        .connection
        .prepare_cached("SELECT count(*) FROM api_keys WHERE tenant = ?1")?
        .query_row([tenant.as_str()], |row| row.get(0))?;
    check_room(count)?;
    let added = tx
        .connection
        .prepare_cached(
            "INSERT INTO api_keys (tenant, hash, created_at, expires_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (hash) DO NOTHING",
        )?
        .execute(params![
            tenant.as_str(),
            hash.as_bytes(),
            at.as_millis(),
            expires_at.map(Timestamp::as_millis),
        ])?;
    match added {
        0 => Err(taken()),
        _ => Ok(tx.connection.last_insert_rowid()),
    }
}

pub(super) fn list(connection: &Connection, tenant: &TenantId) -> Result<Vec<ApiKey>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, created_at, expires_at FROM api_keys WHERE tenant = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([tenant.as_str()])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(to_key(row)?);
    }
    Ok(keys)
}

pub(super) fn revoke(tx: &WriteTx<'_>, tenant: &TenantId, id: i64) -> Result<bool> {
    let revoked = tx
        .connection
        .prepare_cached("DELETE FROM api_keys WHERE tenant = ?1 AND id = ?2")?
        .execute(params![tenant.as_str(), id])?;
    Ok(revoked == 1)
}

pub(super) fn revoke_all(tx: &WriteTx<'_>, tenant: &TenantId) -> Result<usize> {
    Ok(tx
        .connection
        .prepare_cached("DELETE FROM api_keys WHERE tenant = ?1")?
        .execute([tenant.as_str()])?)
}

pub(super) fn owner(
    connection: &Connection,
    hash: &KeyHash,
    now: Timestamp,
) -> Result<Option<TenantId>> {
    let mut statement = connection.prepare_cached(
        "SELECT tenant FROM api_keys WHERE hash = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
    )?;
    let mut rows = statement.query(params![hash.as_bytes(), now.as_millis()])?;
    rows.next()?.map(to_owner).transpose()
}
