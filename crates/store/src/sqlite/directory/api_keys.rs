//! API keys, by their hashes.

use model::{FieldError, TenantId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{damaged, tenants};
use crate::directory::{ApiKey, KEYS_MAX, KeyHash};
use crate::sqlite::transaction::WriteTx;
use crate::{Result, StoreError};

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
    let count: u32 = tx
        .connection
        .prepare_cached("SELECT count(*) FROM api_keys WHERE tenant = ?1")?
        .query_row([tenant.as_str()], |row| row.get(0))?;
    if count >= KEYS_MAX {
        let problem = format!("the tenant has {KEYS_MAX} keys, which is the most: revoke one");
        return Err(refused(problem));
    }
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
        0 => Err(refused("is in use already: make another one".to_owned())),
        _ => Ok(tx.connection.last_insert_rowid()),
    }
}

fn refused(problem: String) -> StoreError {
    StoreError::Refused(FieldError::new("api_key", problem))
}

pub(super) fn list(connection: &Connection, tenant: &TenantId) -> Result<Vec<ApiKey>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, created_at, expires_at FROM api_keys WHERE tenant = ?1 ORDER BY id",
    )?;
    let keys = statement.query_map([tenant.as_str()], |row| {
        Ok(ApiKey {
            id: row.get(0)?,
            created_at: Timestamp::from_millis(row.get(1)?),
            expires_at: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis),
        })
    })?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
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
    let owner: Option<String> = connection
        .prepare_cached(
            "SELECT tenant FROM api_keys WHERE hash = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        )?
        .query_row(params![hash.as_bytes(), now.as_millis()], |row| row.get(0))
        .optional()?;
    owner
        .map(|owner| TenantId::parse(&owner).map_err(|error| damaged(&"an API key", &error)))
        .transpose()
}
