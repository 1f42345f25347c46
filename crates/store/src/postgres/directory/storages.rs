//! Storages.

use model::TenantId;
use model::storage::{Storage, StorageName};

use super::tenants;
use crate::Result;
use crate::directory::Put;
use crate::directory::rows::storage::{StorageRow, check_room, to_storage};
use crate::postgres::session::Session;
use crate::postgres::transaction::WriteTx;
use crate::vault::Vault;

/// What `to_storage` reads.
const COLUMNS: &str = "tenant, name, protocol, config, created_at, updated_at";

pub(super) async fn put(tx: &WriteTx, vault: &Vault, storage: &Storage) -> Result<Put> {
    tenants::check(&tx.session, &storage.tenant).await?;
    let row = StorageRow::of(storage, vault)?;
    let put = match is_there(&tx.session, storage).await? {
        true => Put::Replaced,
        false => Put::Created,
    };
    if put == Put::Created {
        check_room(count(&tx.session, &storage.tenant).await?)?;
    }
    tx.session
        .execute(
            "INSERT INTO storages (tenant, name, protocol, config, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (tenant, name) DO UPDATE SET protocol = excluded.protocol, config = excluded.config, \
             updated_at = excluded.updated_at",
            &[
                &row.tenant,
                &row.name,
                &row.protocol,
                &row.config,
                &row.created_at,
                &row.updated_at,
            ],
        )
        .await?;
    Ok(put)
}

async fn is_there(session: &Session, storage: &Storage) -> Result<bool> {
    let found = session
        .row_if_any(
            "SELECT 1 FROM storages WHERE tenant = $1 AND name = $2",
            &[&storage.tenant.as_str(), &storage.name.as_str()],
        )
        .await?;
    Ok(found.is_some())
}

async fn count(session: &Session, tenant: &TenantId) -> Result<i64> {
    let row = session
        .row(
            "SELECT count(*) FROM storages WHERE tenant = $1",
            &[&tenant.as_str()],
        )
        .await?;
    Ok(row.try_get(0)?)
}

pub(super) async fn get(
    session: &Session,
    vault: &Vault,
    tenant: &TenantId,
    name: &StorageName,
) -> Result<Option<Storage>> {
    let row = session
        .row_if_any(
            &format!("SELECT {COLUMNS} FROM storages WHERE tenant = $1 AND name = $2"),
            &[&tenant.as_str(), &name.as_str()],
        )
        .await?;
    row.map(|row| to_storage(&row, vault)).transpose()
}

pub(super) async fn list(
    session: &Session,
    vault: &Vault,
    tenant: &TenantId,
) -> Result<Vec<Storage>> {
    let rows = session
        .rows(
            &format!("SELECT {COLUMNS} FROM storages WHERE tenant = $1 ORDER BY name"),
            &[&tenant.as_str()],
        )
        .await?;
    rows.iter().map(|row| to_storage(row, vault)).collect()
}

pub(super) async fn delete(tx: &WriteTx, tenant: &TenantId, name: &StorageName) -> Result<bool> {
    let deleted = tx
        .session
        .execute(
            "DELETE FROM storages WHERE tenant = $1 AND name = $2",
            &[&tenant.as_str(), &name.as_str()],
        )
        .await?;
    Ok(deleted == 1)
}
