//! Accounts.

use model::TenantId;
use model::account::{Account, AccountId, AccountPk};
use tokio_postgres::Row;

use super::tenants;
use crate::Result;
use crate::directory::rows::account::{AccountRow, Passwords, check_left, to_account};
use crate::directory::{KnownAccount, REMOVED_WITH_ACCOUNT_MAX};
use crate::postgres::row::at_most;
use crate::postgres::session::Session;
use crate::postgres::submissions::{counts, forget};
use crate::postgres::transaction::WriteTx;
use crate::vault::Vault;

/// What `to_account` reads.
const COLUMNS: &str = "pk, tenant, id, host, port, \"user\", password, use_tls, ttl_s, batch_size, limit_per_minute, \
     limit_per_hour, limit_per_day, limit_behavior, is_pec, imap_host, imap_port, imap_user, imap_password, \
     imap_folder, created_at, updated_at";

/// Writes all but the passwords, which are bound to the number that this gives.
const PUT: &str = "INSERT INTO accounts (tenant, id, host, port, \"user\", use_tls, ttl_s, batch_size, \
     limit_per_minute, limit_per_hour, limit_per_day, limit_behavior, is_pec, imap_host, imap_port, imap_user, \
     imap_folder, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
     ON CONFLICT (tenant, id) DO UPDATE SET host = excluded.host, port = excluded.port, \"user\" = excluded.\"user\", \
     use_tls = excluded.use_tls, ttl_s = excluded.ttl_s, batch_size = excluded.batch_size, \
     limit_per_minute = excluded.limit_per_minute, limit_per_hour = excluded.limit_per_hour, \
     limit_per_day = excluded.limit_per_day, limit_behavior = excluded.limit_behavior, is_pec = excluded.is_pec, \
     imap_host = excluded.imap_host, imap_port = excluded.imap_port, imap_user = excluded.imap_user, \
     imap_folder = excluded.imap_folder, updated_at = excluded.updated_at \
     RETURNING pk";

pub(super) async fn put(tx: &WriteTx, vault: &Vault, account: &Account) -> Result<AccountPk> {
    tenants::check(&tx.session, &account.tenant).await?;
    let row = AccountRow::from(account);
    let put = tx
        .session
        .row(
            PUT,
            &[
                &row.tenant,
                &row.id,
                &row.host,
                &row.port,
                &row.user,
                &row.use_tls,
                &row.ttl_s,
                &row.batch_size,
                &row.limit_per_minute,
                &row.limit_per_hour,
                &row.limit_per_day,
                &row.limit_behavior,
                &row.is_pec,
                &row.imap_host,
                &row.imap_port,
                &row.imap_user,
                &row.imap_folder,
                &row.created_at,
                &row.updated_at,
            ],
        )
        .await?;
    let pk = AccountPk(put.try_get(0)?);
    let sealed = Passwords::of(account, pk, vault)?;
    tx.session
        .execute(
            "UPDATE accounts SET password = $2, imap_password = $3 WHERE pk = $1",
            &[&pk.0, &sealed.password, &sealed.imap_password],
        )
        .await?;
    counts::begin(&tx.session, pk).await?;
    Ok(pk)
}

pub(super) async fn get(
    session: &Session,
    vault: &Vault,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<Option<KnownAccount>> {
    let row = session
        .row_if_any(
            &format!("SELECT {COLUMNS} FROM accounts WHERE tenant = $1 AND id = $2"),
            &[&tenant.as_str(), &id.as_str()],
        )
        .await?;
    row.map(|row| to_account(&row, vault)).transpose()
}

pub(super) async fn by_pk(
    session: &Session,
    vault: &Vault,
    pk: AccountPk,
) -> Result<Option<KnownAccount>> {
    let row = session
        .row_if_any(
            &format!("SELECT {COLUMNS} FROM accounts WHERE pk = $1"),
            &[&pk.0],
        )
        .await?;
    row.map(|row| to_account(&row, vault)).transpose()
}

pub(super) async fn list(
    session: &Session,
    vault: &Vault,
    tenant: Option<&TenantId>,
    after: Option<AccountPk>,
    limit: usize,
) -> Result<Vec<KnownAccount>> {
    let of_tenant = match tenant {
        Some(_) => "tenant = $1",
        None => "$1::text IS NULL",
    };
    let query = format!(
        "SELECT {COLUMNS} FROM accounts WHERE {of_tenant} AND pk > $2 ORDER BY pk LIMIT $3"
    );
    let after = after.map_or(0, |pk| pk.0);
    let tenant = tenant.map(TenantId::as_str);
    let rows = session
        .rows(&query, &[&tenant, &after, &at_most(limit)])
        .await?;
    rows.iter().map(|row| to_account(row, vault)).collect()
}

/// The number of a tenant's account.
pub(in crate::postgres) async fn pk(
    session: &Session,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<Option<AccountPk>> {
    let row = session
        .row_if_any(
            "SELECT pk FROM accounts WHERE tenant = $1 AND id = $2",
            &[&tenant.as_str(), &id.as_str()],
        )
        .await?;
    row.as_ref().map(to_pk).transpose()
}

/// The numbers of a tenant's accounts.
pub(in crate::postgres) async fn of_tenant(
    session: &Session,
    tenant: &TenantId,
) -> Result<Vec<AccountPk>> {
    let rows = session
        .rows(
            "SELECT pk FROM accounts WHERE tenant = $1",
            &[&tenant.as_str()],
        )
        .await?;
    rows.iter().map(to_pk).collect()
}

fn to_pk(row: &Row) -> Result<AccountPk> {
    Ok(AccountPk(row.try_get(0)?))
}

pub(super) async fn delete(
    tx: &mut WriteTx,
    tag: u32,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<bool> {
    let Some(pk) = pk(&tx.session, tenant, id).await? else {
        return Ok(false);
    };
    delete_by_pk(tx, tag, pk).await?;
    Ok(true)
}

/// Deletes an account with the little that may have been handed over to it meanwhile.
pub(super) async fn delete_by_pk(tx: &mut WriteTx, tag: u32, pk: AccountPk) -> Result<()> {
    let removed =
        forget::remove_of_account(tx, tag, pk, None, REMOVED_WITH_ACCOUNT_MAX + 1).await?;
    check_left(removed)?;
    for statement in [
        "DELETE FROM sends WHERE account = $1",
        "DELETE FROM account_counts WHERE account = $1",
        "DELETE FROM accounts WHERE pk = $1",
    ] {
        tx.session.execute(statement, &[&pk.0]).await?;
    }
    Ok(())
}
