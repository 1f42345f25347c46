//! Tenants.

use model::{Tenant, TenantId, Timestamp};

use super::accounts;
use crate::directory::rows::tenant::{TenantRow, apply, to_tenant};
use crate::directory::{Change, Put};
use crate::postgres::row::at_most;
use crate::postgres::session::Session;
use crate::postgres::transaction::WriteTx;
use crate::vault::Vault;
use crate::{Result, StoreError};

/// What `to_tenant` reads.
const COLUMNS: &str = "id, name, client_auth, client_base_url, client_sync_path, client_attachment_path, webhook, \
     limit_per_hour, limit_per_day, large_files, is_active, suspension, created_at, updated_at";

pub(super) async fn put_first(tx: &WriteTx, vault: &Vault, tenant: &Tenant) -> Result<bool> {
    let is_any = tx
        .session
        .row_if_any("SELECT 1 FROM tenants LIMIT 1", &[])
        .await?
        .is_some();
    if is_any {
        return Ok(false);
    }
    put(tx, vault, tenant).await?;
    Ok(true)
}

pub(super) async fn put(tx: &WriteTx, vault: &Vault, tenant: &Tenant) -> Result<Put> {
    let put = match is_there(&tx.session, &tenant.id).await? {
        true => Put::Replaced,
        false => Put::Created,
    };
    let row = TenantRow::of(tenant, vault)?;
    tx.session
        .execute(
            "INSERT INTO tenants (id, name, client_auth, client_base_url, client_sync_path, \
             client_attachment_path, limit_per_hour, limit_per_day, large_files, is_active, suspension, \
             created_at, updated_at, webhook) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, client_auth = excluded.client_auth, \
             client_base_url = excluded.client_base_url, client_sync_path = excluded.client_sync_path, \
             client_attachment_path = excluded.client_attachment_path, \
             limit_per_hour = excluded.limit_per_hour, limit_per_day = excluded.limit_per_day, \
             large_files = excluded.large_files, is_active = excluded.is_active, \
             suspension = excluded.suspension, updated_at = excluded.updated_at, webhook = excluded.webhook",
            &[
                &row.id,
                &row.name,
                &row.client_auth,
                &row.client_base_url,
                &row.client_sync_path,
                &row.client_attachment_path,
                &row.limit_per_hour,
                &row.limit_per_day,
                &row.large_files,
                &row.is_active,
                &row.suspension,
                &row.created_at,
                &row.updated_at,
                &row.webhook,
            ],
        )
        .await?;
    Ok(put)
}

pub(super) async fn change(
    tx: &WriteTx,
    vault: &Vault,
    id: &TenantId,
    change: Change<Tenant>,
    at: Timestamp,
) -> Result<Option<Tenant>> {
    let Some(mut tenant) = get(&tx.session, vault, id).await? else {
        return Ok(None);
    };
    apply(&mut tenant, change, at)?;
    put(tx, vault, &tenant).await?;
    Ok(Some(tenant))
}

pub(super) async fn get(session: &Session, vault: &Vault, id: &TenantId) -> Result<Option<Tenant>> {
    let row = session
        .row_if_any(
            &format!("SELECT {COLUMNS} FROM tenants WHERE id = $1"),
            &[&id.as_str()],
        )
        .await?;
    row.map(|row| to_tenant(&row, vault)).transpose()
}

pub(super) async fn list(
    session: &Session,
    vault: &Vault,
    after: Option<&TenantId>,
    limit: usize,
) -> Result<Vec<Tenant>> {
    // No id is empty.
    let after = after.map_or("", TenantId::as_str);
    let rows = session
        .rows(
            &format!("SELECT {COLUMNS} FROM tenants WHERE id > $1 ORDER BY id LIMIT $2"),
            &[&after, &at_most(limit)],
        )
        .await?;
    rows.iter().map(|row| to_tenant(row, vault)).collect()
}

pub(super) async fn delete(tx: &mut WriteTx, tag: u32, id: &TenantId) -> Result<bool> {
    for account in accounts::of_tenant(&tx.session, id).await? {
        accounts::delete_by_pk(tx, tag, account).await?;
    }
    for statement in [
        "DELETE FROM report_counts WHERE tenant = $1",
        "DELETE FROM storages WHERE tenant = $1",
        "DELETE FROM api_keys WHERE tenant = $1",
    ] {
        tx.session.execute(statement, &[&id.as_str()]).await?;
    }
    let deleted = tx
        .session
        .execute("DELETE FROM tenants WHERE id = $1", &[&id.as_str()])
        .await?;
    Ok(deleted == 1)
}

/// Refuses what is about a tenant that is not there.
pub(super) async fn check(session: &Session, id: &TenantId) -> Result<()> {
    match is_there(session, id).await? {
        true => Ok(()),
        false => Err(StoreError::Missing(format!("tenant {id}"))),
    }
}

async fn is_there(session: &Session, id: &TenantId) -> Result<bool> {
    let found = session
        .row_if_any("SELECT 1 FROM tenants WHERE id = $1", &[&id.as_str()])
        .await?;
    Ok(found.is_some())
}
