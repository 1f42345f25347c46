//! The counters of an account, changed in the transaction that changes what they count.

use model::account::{AccountId, AccountPk};
use model::{BatchCode, FieldError, TenantId};
use rusqlite::{Connection, params};

use crate::sqlite::transaction::WriteTx;
use crate::submissions::AccountCounts;
use crate::{Result, StoreError};

/// What is added to the counters of one account.
#[derive(Default)]
pub(in crate::sqlite) struct Counts {
    pub(super) accepted: i64,
    pub(super) sent: i64,
    pub(super) errors: i64,
    pub(super) cancelled: i64,
    pub(super) deferred: i64,
    pub(super) rate_limited: i64,
}

impl Counts {
    pub(super) fn add(&self, tx: &WriteTx<'_>, account: AccountPk) -> Result<()> {
        tx.connection
            .prepare_cached(
                "UPDATE account_counts SET accepted = accepted + ?2, sent = sent + ?3, errors = errors + ?4, \
                 cancelled = cancelled + ?5, deferred = deferred + ?6, rate_limited = rate_limited + ?7 \
                 WHERE account = ?1",
            )?
            .execute([
                account.0,
                self.accepted,
                self.sent,
                self.errors,
                self.cancelled,
                self.deferred,
                self.rate_limited,
            ])?;
        Ok(())
    }
}

/// Gives a new account its counters, so that each is there from the beginning.
pub(in crate::sqlite) fn begin(tx: &WriteTx<'_>, account: AccountPk) -> Result<()> {
    tx.connection
        .prepare_cached("INSERT INTO account_counts (account) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([account.0])?;
    Ok(())
}

/// The counters of every account.
pub(super) fn all(connection: &Connection) -> Result<Vec<AccountCounts>> {
    let mut statement = connection.prepare_cached(
        "SELECT a.pk, a.id, a.tenant, t.name, c.accepted, c.sent, c.errors, c.cancelled, c.deferred, c.rate_limited \
         FROM account_counts c JOIN accounts a ON a.pk = c.account JOIN tenants t ON t.id = a.tenant \
         ORDER BY c.account",
    )?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let account = AccountPk(row.get(0)?);
        let wrong =
            |error: FieldError| StoreError::Damaged(format!("account {}: {error}", account.0));
        let count = |column: usize| row.get(column).map(i64::unsigned_abs);
        all.push(AccountCounts {
            account,
            account_id: AccountId::parse(row.get_ref(1)?.as_str().unwrap_or("")).map_err(wrong)?,
            tenant: TenantId::parse(row.get_ref(2)?.as_str().unwrap_or("")).map_err(wrong)?,
            tenant_name: row.get::<_, Option<String>>(3)?.map(String::into_boxed_str),
            accepted: count(4)?,
            sent: count(5)?,
            errors: count(6)?,
            cancelled: count(7)?,
            deferred: count(8)?,
            rate_limited: count(9)?,
        });
    }
    Ok(all)
}

/// How many submissions of a tenant, or of one of its batches, are not final.
pub(super) fn pending(
    connection: &Connection,
    tenant: &TenantId,
    batch: Option<&BatchCode>,
) -> Result<u64> {
    let count: i64 = match batch {
        None => connection
            .prepare_cached(
                "SELECT ifnull(sum(c.accepted - c.sent - c.errors - c.cancelled), 0) \
                 FROM accounts a JOIN account_counts c ON c.account = a.pk WHERE a.tenant = ?1",
            )?
            .query_row([tenant.as_str()], |row| row.get(0))?,
        Some(batch) => connection
            .prepare_cached(
                "SELECT (SELECT count(*) FROM submissions INDEXED BY going_batches \
                         WHERE tenant = ?1 AND batch = ?2 AND open > 0 AND held IS NULL) \
                      + (SELECT count(*) FROM submissions INDEXED BY held_submissions \
                         WHERE tenant = ?1 AND batch = ?2 AND open > 0 AND held IS NOT NULL)",
            )?
            .query_row(params![tenant.as_str(), batch.as_str()], |row| row.get(0))?,
    };
    Ok(count.unsigned_abs())
}
