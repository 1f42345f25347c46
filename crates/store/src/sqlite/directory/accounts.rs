//! Accounts.

use model::TenantId;
use model::account::{Account, AccountId, AccountPk};
use rusqlite::{Connection, OptionalExtension, params};

use super::tenants;
use crate::Result;
use crate::directory::rows::account::{AccountRow, Passwords, check_left, to_account};
use crate::directory::{KnownAccount, REMOVED_WITH_ACCOUNT_MAX};
use crate::sqlite::row::at_most;
use crate::sqlite::submissions::{counts, forget};
use crate::sqlite::transaction::WriteTx;
use crate::vault::Vault;

/// Writes all but the passwords, which are bound to the number that this gives.
const PUT: &str = "INSERT INTO accounts (tenant, id, host, port, user, use_tls, ttl_s, batch_size, \
     limit_per_minute, limit_per_hour, limit_per_day, limit_behavior, is_pec, imap_host, imap_port, imap_user, \
     imap_folder, created_at, updated_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) \
     ON CONFLICT (tenant, id) DO UPDATE SET host = excluded.host, port = excluded.port, user = excluded.user, \
     use_tls = excluded.use_tls, ttl_s = excluded.ttl_s, batch_size = excluded.batch_size, \
     limit_per_minute = excluded.limit_per_minute, limit_per_hour = excluded.limit_per_hour, \
     limit_per_day = excluded.limit_per_day, limit_behavior = excluded.limit_behavior, is_pec = excluded.is_pec, \
     imap_host = excluded.imap_host, imap_port = excluded.imap_port, imap_user = excluded.imap_user, \
     imap_folder = excluded.imap_folder, updated_at = excluded.updated_at \
     RETURNING pk";

pub(super) fn put(tx: &WriteTx<'_>, vault: &Vault, account: &Account) -> Result<AccountPk> {
    tenants::check(tx.connection, &account.tenant)?;
    let row = AccountRow::from(account);
    let values = params![
        row.tenant,
        row.id,
        row.host,
        row.port,
        row.user,
        row.use_tls,
        row.ttl_s,
        row.batch_size,
        row.limit_per_minute,
        row.limit_per_hour,
        row.limit_per_day,
        row.limit_behavior,
        row.is_pec,
        row.imap_host,
        row.imap_port,
        row.imap_user,
        row.imap_folder,
        row.created_at,
        row.updated_at,
    ];
    let pk = tx
        .connection
        .prepare_cached(PUT)?
        .query_row(values, |row| row.get(0).map(AccountPk))?;
    let sealed = Passwords::of(account, pk, vault)?;
    tx.connection
        .prepare_cached("UPDATE accounts SET password = ?2, imap_password = ?3 WHERE pk = ?1")?
        .execute(params![pk.0, sealed.password, sealed.imap_password])?;
    counts::begin(tx, pk)?;
    Ok(pk)
}

pub(super) fn get(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<Option<KnownAccount>> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM accounts WHERE tenant = ?1 AND id = ?2")?;
    let mut rows = statement.query([tenant.as_str(), id.as_str()])?;
    rows.next()?.map(|row| to_account(row, vault)).transpose()
}

pub(super) fn by_pk(
    connection: &Connection,
    vault: &Vault,
    pk: AccountPk,
) -> Result<Option<KnownAccount>> {
    let mut statement = connection.prepare_cached("SELECT * FROM accounts WHERE pk = ?1")?;
    let mut rows = statement.query([pk.0])?;
    rows.next()?.map(|row| to_account(row, vault)).transpose()
}

pub(super) fn list(
    connection: &Connection,
    vault: &Vault,
    tenant: Option<&TenantId>,
    after: Option<AccountPk>,
    limit: usize,
) -> Result<Vec<KnownAccount>> {
    let of_tenant = match tenant {
        Some(_) => "tenant = ?1",
        None => "?1 IS NULL",
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT * FROM accounts WHERE {of_tenant} AND pk > ?2 ORDER BY pk LIMIT ?3"
    ))?;
    let after = after.map_or(0, |pk| pk.0);
    let tenant = tenant.map(TenantId::as_str);
    let mut rows = statement.query(params![tenant, after, at_most(limit)])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        accounts.push(to_account(row, vault)?);
    }
    Ok(accounts)
}

/// The number of a tenant's account.
pub(in crate::sqlite) fn pk(
    connection: &Connection,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<Option<AccountPk>> {
    let pk = connection
        .prepare_cached("SELECT pk FROM accounts WHERE tenant = ?1 AND id = ?2")?
        .query_row([tenant.as_str(), id.as_str()], |row| row.get(0))
        .optional()?;
    Ok(pk.map(AccountPk))
}

/// The numbers of a tenant's accounts.
pub(in crate::sqlite) fn of_tenant(
    connection: &Connection,
    tenant: &TenantId,
) -> Result<Vec<AccountPk>> {
    let mut statement = connection.prepare_cached("SELECT pk FROM accounts WHERE tenant = ?1")?;
    let rows = statement.query_map([tenant.as_str()], |row| row.get(0).map(AccountPk))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The numbers of all accounts.
pub(in crate::sqlite) fn all(connection: &Connection) -> Result<Vec<AccountPk>> {
    let mut statement = connection.prepare_cached("SELECT pk FROM accounts")?;
    let rows = statement.query_map([], |row| row.get(0).map(AccountPk))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn delete(
    tx: &mut WriteTx<'_>,
    tag: u32,
    tenant: &TenantId,
    id: &AccountId,
) -> Result<bool> {
    let Some(pk) = pk(tx.connection, tenant, id)? else {
        return Ok(false);
    };
    delete_by_pk(tx, tag, pk)?;
    Ok(true)
}

/// Deletes an account with the little that may have been handed over to it meanwhile.
pub(super) fn delete_by_pk(tx: &mut WriteTx<'_>, tag: u32, pk: AccountPk) -> Result<()> {
    let removed = forget::remove_of_account(tx, tag, pk, None, REMOVED_WITH_ACCOUNT_MAX + 1)?;
    check_left(removed)?;
    for statement in [
        "DELETE FROM sends WHERE lane = (SELECT id FROM lanes WHERE account = ?1)",
        "DELETE FROM account_counts WHERE account = ?1",
        "DELETE FROM accounts WHERE pk = ?1",
    ] {
        tx.connection.prepare_cached(statement)?.execute([pk.0])?;
    }
    Ok(())
}
