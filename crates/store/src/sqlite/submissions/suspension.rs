//! What a tenant holds back: its queued mail brought to what its suspension says, some at a time.
//!
//! New mail is held, or not, in the transaction that accepts it; so what does not stand as the suspension says is older
//! than its last change, and it leaves the index that it is found by when it is brought into line.

use model::{BatchCode, TenantId};
use rusqlite::{OptionalExtension, ToSql, params};

use crate::Result;
use crate::sqlite::directory::{accounts, tenants};
use crate::sqlite::row::at_most;
use crate::sqlite::transaction::WriteTx;

/// An account's submissions that go.
const GOING_OF_ACCOUNT: &str = "SELECT id FROM submissions INDEXED BY open_submissions \
     WHERE account = ?1 AND open > 0 AND held IS NULL LIMIT ?2";
/// A batch's that go.
const GOING_OF_BATCH: &str = "SELECT id FROM submissions INDEXED BY going_batches \
     WHERE tenant = ?1 AND batch = ?2 AND open > 0 AND held IS NULL LIMIT ?3";
/// A batch's that are held, or those without a batch.
const HELD_OF_BATCH: &str = "SELECT id FROM submissions INDEXED BY held_submissions \
     WHERE tenant = ?1 AND batch IS ?2 AND open > 0 AND held IS NOT NULL LIMIT ?3";

pub(super) fn align(tx: &WriteTx<'_>, tenant: &TenantId, limit: usize) -> Result<usize> {
    let Some(suspension) = tenants::suspension(tx.connection, tenant)? else {
        return Ok(0);
    };
    let mut changed = 0;
    if suspension.is_all() {
        for account in accounts::of_tenant(tx.connection, tenant)? {
            let room = at_most(limit - changed);
            changed += set_held(tx, GOING_OF_ACCOUNT, params![account.0, room], Some(1))?;
        }
        return Ok(changed);
    }
    for batch in suspension.batches() {
        let room = at_most(limit - changed);
        let values = params![tenant.as_str(), batch.as_str(), room];
        changed += set_held(tx, GOING_OF_BATCH, values, Some(1))?;
    }
    let mut batch = first_held_batch(tx, tenant)?;
    while let Some(held) = batch
        && changed < limit
    {
        let code = held.as_deref().map(BatchCode::parse).transpose();
        // A code that is none any more is no batch that could be suspended.
        if !code.is_ok_and(|code| suspension.holds(code.as_ref())) {
            let values = params![tenant.as_str(), held, at_most(limit - changed)];
            changed += set_held(tx, HELD_OF_BATCH, values, None)?;
        }
        batch = held_batch_after(tx, tenant, held.as_deref())?;
    }
    Ok(changed)
}

/// The first batch that something is held of; `Some(None)` for what is held without a batch.
fn first_held_batch(tx: &WriteTx<'_>, tenant: &TenantId) -> Result<Option<Option<String>>> {
    let batch = tx
        .connection
        .prepare_cached(
            "SELECT batch FROM submissions INDEXED BY held_submissions \
             WHERE tenant = ?1 AND open > 0 AND held IS NOT NULL ORDER BY batch LIMIT 1",
        )?
        .query_row([tenant.as_str()], |row| row.get(0))
        .optional()?;
    Ok(batch)
}

fn held_batch_after(
    tx: &WriteTx<'_>,
    tenant: &TenantId,
    batch: Option<&str>,
) -> Result<Option<Option<String>>> {
    let batch = tx
        .connection
        .prepare_cached(
            "SELECT batch FROM submissions INDEXED BY held_submissions \
             WHERE tenant = ?1 AND batch > ?2 AND open > 0 AND held IS NOT NULL ORDER BY batch LIMIT 1",
        )?
        // No code is empty, so that is before the first.
        .query_row([tenant.as_str(), batch.unwrap_or("")], |row| row.get(0))
        .optional()?;
    Ok(batch)
}

/// Holds back, or lets go, the submissions that a query finds.
fn set_held(
    tx: &WriteTx<'_>,
    query: &str,
    values: &[&dyn ToSql],
    held: Option<i64>,
) -> Result<usize> {
    let ids: Vec<i64> = tx
        .connection
        .prepare_cached(query)?
        .query_map(values, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for &id in &ids {
        let messages: i64 = tx
            .connection
            .prepare_cached("UPDATE submissions SET held = ?2 WHERE id = ?1 RETURNING messages")?
            .query_row(params![id, held], |row| row.get(0))?;
        tx.connection
            .prepare_cached(
                "UPDATE messages SET held = ?3 WHERE seq >= ?1 AND seq < ?1 + ?2 AND state = 0",
            )?
            .execute(params![id, messages, held])?;
    }
    Ok(ids.len())
}
