//! The counters of an account, changed in the transaction that changes what they count.

use model::account::{AccountId, AccountPk};
use model::{BatchCode, FieldError, MessageState, Priority, TenantId, Timestamp};
use rusqlite::{Connection, params};

use crate::fact::Counts;
use crate::sqlite::transaction::WriteTx;
use crate::submissions::{AccountCounts, Waiting};
use crate::{Result, StoreError};

/// Adds to the counters of an account.
pub(super) fn add(tx: &WriteTx<'_>, account: AccountPk, counts: &Counts) -> Result<()> {
    tx.connection
        .prepare_cached(
            "UPDATE account_counts SET accepted = accepted + ?2, sent = sent + ?3, errors = errors + ?4, \
             cancelled = cancelled + ?5, deferred = deferred + ?6, rate_limited = rate_limited + ?7 \
             WHERE account = ?1",
        )?
        .execute([
            account.0,
            counts.accepted,
            counts.sent,
            counts.errors,
            counts.cancelled,
            counts.deferred,
            counts.rate_limited,
        ])?;
    Ok(())
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

/// How much waits, and since when: of each lane with mail, the first message of each priority.
pub(super) fn waiting(connection: &Connection) -> Result<Waiting> {
    let [one, two, three, four] = Priority::ALL.map(Priority::code);
    let (count, first_due_at): (i64, Option<i64>) = connection
        .prepare_cached(
            "WITH waiting AS MATERIALIZED ( \
                 SELECT l.id, b.count FROM lanes l INDEXED BY lanes_by_account \
                 CROSS JOIN books b ON b.lane = l.id AND b.state = ?1 \
                 WHERE l.account IS NOT NULL AND b.count > 0) \
             SELECT (SELECT ifnull(sum(count), 0) FROM waiting), \
                 (SELECT min((SELECT due_at FROM messages INDEXED BY due WHERE lane = w.id AND priority = p.column1 \
                              AND state = 0 AND held IS NULL ORDER BY due_at LIMIT 1)) \
                  FROM waiting w CROSS JOIN (VALUES (?2), (?3), (?4), (?5)) p)",
        )?
        .query_row(
            [MessageState::Queued.code(), one, two, three, four],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    Ok(Waiting {
        count: count.unsigned_abs(),
        first_due_at: first_due_at.map(Timestamp::from_millis),
    })
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
