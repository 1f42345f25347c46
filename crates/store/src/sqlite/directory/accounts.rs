//! Accounts.

use std::num::{NonZeroU16, NonZeroU32};

use model::account::{Account, AccountId, AccountLimits, AccountPk, Host, Inbox, WhenOver, port};
use model::{FieldError, Line, Secret, TenantId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{damaged, tenants};
use crate::directory::{KnownAccount, REMOVED_WITH_ACCOUNT_MAX};
use crate::sqlite::row::at_most;
use crate::sqlite::submissions::{counts, forget};
use crate::sqlite::transaction::WriteTx;
use crate::vault::{Place, Vault};
use crate::{Result, StoreError};

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
    let (limits, inbox) = (&account.limits, account.inbox.as_ref());
    let values = params![
        account.tenant.as_str(),
        account.id.as_str(),
        account.host.as_str(),
        account.port.get(),
        account.user.as_ref().map(Line::as_str),
        account.use_tls,
        account.ttl_s,
        account.batch_size.map(NonZeroU32::get),
        limits.per_minute.map(NonZeroU32::get),
        limits.per_hour.map(NonZeroU32::get),
        limits.per_day.map(NonZeroU32::get),
        limits.when_over.as_str(),
        account.is_pec,
        inbox.map(|inbox| inbox.host.as_str()),
        inbox.map(|inbox| inbox.port.get()),
        inbox
            .and_then(|inbox| inbox.user.as_ref())
            .map(Line::as_str),
        inbox
            .and_then(|inbox| inbox.folder.as_ref())
            .map(Line::as_str),
        account.created_at.as_millis(),
        account.updated_at.as_millis(),
    ];
    let pk = tx
        .connection
        .prepare_cached(PUT)?
        .query_row(values, |row| row.get(0).map(AccountPk))?;
    put_passwords(tx, vault, account, pk)?;
    counts::begin(tx, pk)?;
    Ok(pk)
}

fn put_passwords(tx: &WriteTx<'_>, vault: &Vault, account: &Account, pk: AccountPk) -> Result<()> {
    let row = place_row(&account.tenant, pk);
    let seal = |column, password: Option<&Secret>| {
        password
            .map(|password| vault.seal(place(&row, column), password))
            .transpose()
    };
    let imap_password = account
        .inbox
        .as_ref()
        .and_then(|inbox| inbox.password.as_ref());
    tx.connection
        .prepare_cached("UPDATE accounts SET password = ?2, imap_password = ?3 WHERE pk = ?1")?
        .execute(params![
            pk.0,
            seal("password", account.password.as_ref())?,
            seal("imap_password", imap_password)?,
        ])?;
    Ok(())
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
    if removed > REMOVED_WITH_ACCOUNT_MAX {
        let problem =
            format!("has more than {REMOVED_WITH_ACCOUNT_MAX} messages left: remove them first");
        return Err(StoreError::Refused(FieldError::new("account_id", problem)));
    }
    for statement in [
        "DELETE FROM sends WHERE lane = (SELECT id FROM lanes WHERE account = ?1)",
        "DELETE FROM account_counts WHERE account = ?1",
        "DELETE FROM accounts WHERE pk = ?1",
    ] {
        tx.connection.prepare_cached(statement)?.execute([pk.0])?;
    }
    Ok(())
}

/// An account's row as its passwords are bound to it: to the number, which is never given again, and the tenant.
fn place_row(tenant: &TenantId, pk: AccountPk) -> String {
    format!("{tenant}/{}", pk.0)
}

fn place<'a>(row: &'a str, column: &'static str) -> Place<'a> {
    Place {
        table: "accounts",
        row,
        column,
    }
}

fn to_account(row: &Row<'_>, vault: &Vault) -> Result<KnownAccount> {
    let pk = AccountPk(row.get("pk")?);
    let wrong = |error: FieldError| damaged(&format_args!("account {}", pk.0), &error);
    let tenant = TenantId::parse(&row.get::<_, String>("tenant")?).map_err(wrong)?;
    let id = AccountId::parse(&row.get::<_, String>("id")?).map_err(wrong)?;
    let host: String = row.get("host")?;
    let behavior: String = row.get("limit_behavior")?;
    let account = Account {
        host: Host::parse("host", &host).map_err(wrong)?,
        port: to_port(row, "port")?.map_err(wrong)?,
        user: to_line(row, "user")?.map_err(wrong)?,
        password: open(row, vault, &place_row(&tenant, pk), "password")?,
        use_tls: row.get("use_tls")?,
        ttl_s: row.get("ttl_s")?,
        batch_size: to_limit(row, "batch_size")?,
        limits: AccountLimits {
            per_minute: to_limit(row, "limit_per_minute")?,
            per_hour: to_limit(row, "limit_per_hour")?,
            per_day: to_limit(row, "limit_per_day")?,
            when_over: WhenOver::parse(&behavior).map_err(wrong)?,
        },
        is_pec: row.get("is_pec")?,
        inbox: to_inbox(row, vault, &tenant, pk)?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        updated_at: Timestamp::from_millis(row.get("updated_at")?),
        tenant,
        id,
    };
    Ok(KnownAccount { pk, account })
}

fn to_inbox(
    row: &Row<'_>,
    vault: &Vault,
    tenant: &TenantId,
    pk: AccountPk,
) -> Result<Option<Inbox>> {
    let Some(host) = row.get::<_, Option<String>>("imap_host")? else {
        return Ok(None);
    };
    let wrong = |error: FieldError| damaged(&format_args!("account {}", pk.0), &error);
    Ok(Some(Inbox {
        host: Host::parse("imap_host", &host).map_err(wrong)?,
        port: to_port(row, "imap_port")?.map_err(wrong)?,
        user: to_line(row, "imap_user")?.map_err(wrong)?,
        password: open(row, vault, &place_row(tenant, pk), "imap_password")?,
        folder: to_line(row, "imap_folder")?.map_err(wrong)?,
    }))
}

fn open(
    row: &Row<'_>,
    vault: &Vault,
    place_row: &str,
    column: &'static str,
) -> Result<Option<Secret>> {
    let sealed: Option<String> = row.get(column)?;
    sealed
        .map(|sealed| vault.open(place(place_row, column), &sealed))
        .transpose()
}

fn to_port(
    row: &Row<'_>,
    column: &'static str,
) -> rusqlite::Result<std::result::Result<NonZeroU16, FieldError>> {
    Ok(port(column, row.get(column)?))
}

fn to_line(
    row: &Row<'_>,
    column: &'static str,
) -> rusqlite::Result<std::result::Result<Option<Line<255>>, FieldError>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.map(|text| Line::parse(column, &text)).transpose())
}

fn to_limit(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<NonZeroU32>> {
    Ok(row.get::<_, Option<u32>>(column)?.and_then(NonZeroU32::new))
}
