//! API keys, by their hashes.

use model::{TenantId, Timestamp};

use super::tenants;
use crate::Result;
use crate::directory::rows::api_key::{check_room, taken, to_key, to_owner};
use crate::directory::{ApiKey, KeyHash};
use crate::postgres::row::touched;
use crate::postgres::session::Session;
use crate::postgres::transaction::WriteTx;

pub(super) async fn add(
    tx: &WriteTx,
    tenant: &TenantId,
    hash: &KeyHash,
    expires_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<i64> {
    tenants::check(&tx.session, tenant).await?;
    tx.session
        .execute(
            "DELETE FROM api_keys WHERE tenant = $1 AND expires_at <= $2",
            &[&tenant.as_str(), &at.as_millis()],
        )
        .await?;
    let count = tx
        .session
        .row(
            "SELECT count(*) FROM api_keys WHERE tenant = $1",
            &[&tenant.as_str()],
        )
        .await?;
    check_room(count.try_get(0)?)?;
    let added = tx
        .session
        .row_if_any(
            "INSERT INTO api_keys (tenant, hash, created_at, expires_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (hash) DO NOTHING RETURNING id",
            &[
                &tenant.as_str(),
                &hash.as_bytes(),
                &at.as_millis(),
                &expires_at.map(Timestamp::as_millis),
            ],
        )
        .await?;
    Ok(added.ok_or_else(taken)?.try_get(0)?)
}

pub(super) async fn list(session: &Session, tenant: &TenantId) -> Result<Vec<ApiKey>> {
    let rows = session
        .rows(
            "SELECT id, created_at, expires_at FROM api_keys WHERE tenant = $1 ORDER BY id",
            &[&tenant.as_str()],
        )
        .await?;
    rows.iter().map(to_key).collect()
}

pub(super) async fn revoke(tx: &WriteTx, tenant: &TenantId, id: i64) -> Result<bool> {
    let revoked = tx
        .session
        .execute(
            "DELETE FROM api_keys WHERE tenant = $1 AND id = $2",
            &[&tenant.as_str(), &id],
        )
        .await?;
    Ok(revoked == 1)
}

pub(super) async fn revoke_all(tx: &WriteTx, tenant: &TenantId) -> Result<usize> {
    let revoked = tx
        .session
        .execute(
            "DELETE FROM api_keys WHERE tenant = $1",
            &[&tenant.as_str()],
        )
        .await?;
    Ok(touched(revoked))
}

pub(super) async fn owner(
    session: &Session,
    hash: &KeyHash,
    now: Timestamp,
) -> Result<Option<TenantId>> {
    let row = session
        .row_if_any(
            "SELECT tenant FROM api_keys WHERE hash = $1 AND (expires_at IS NULL OR expires_at > $2)",
            &[&hash.as_bytes(), &now.as_millis()],
        )
        .await?;
    row.as_ref().map(to_owner).transpose()
}
