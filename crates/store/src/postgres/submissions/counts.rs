//! The counters of an account, changed in the transaction that changes what they count.

use model::account::{AccountId, AccountPk};
use model::{BatchCode, FieldError, MessageState, Priority, TenantId, Timestamp};
use tokio_postgres::Row;

use crate::fact::Counts;
use crate::postgres::session::Session;
use crate::submissions::{AccountCounts, Waiting};
use crate::{Result, StoreError};

/// Adds to the counters of an account.
pub(super) async fn add(session: &Session, account: AccountPk, counts: &Counts) -> Result<()> {
    if *counts == Counts::default() {
        return Ok(());
    }
    session
        .execute(
            "UPDATE account_counts SET accepted = accepted + $2, sent = sent + $3, errors = errors + $4, \
             cancelled = cancelled + $5, deferred = deferred + $6, rate_limited = rate_limited + $7 \
             WHERE account = $1",
            &[
                &account.0,
                &counts.accepted,
                &counts.sent,
                &counts.errors,
                &counts.cancelled,
                &counts.deferred,
                &counts.rate_limited,
            ],
        )
        .await?;
    Ok(())
}

/// Gives a new account its counters, so that each is there from the beginning.
pub(in crate::postgres) async fn begin(session: &Session, account: AccountPk) -> Result<()> {
    session
        .execute(
            "INSERT INTO account_counts (account) VALUES ($1) ON CONFLICT DO NOTHING",
            &[&account.0],
        )
        .await?;
    Ok(())
}

/// The counters of every account.
pub(super) async fn all(session: &Session) -> Result<Vec<AccountCounts>> {
    let rows = session
        .rows(
            "SELECT a.pk, a.id, a.tenant, t.name, \
             c.accepted, c.sent, c.errors, c.cancelled, c.deferred, c.rate_limited \
             FROM account_counts c JOIN accounts a ON a.pk = c.account JOIN tenants t ON t.id = a.tenant \
             ORDER BY c.account",
            &[],
        )
        .await?;
    rows.iter().map(to_counts).collect()
}

fn to_counts(row: &Row) -> Result<AccountCounts> {
    let account = AccountPk(row.try_get(0)?);
    let wrong = |error: FieldError| StoreError::Damaged(format!("account {}: {error}", account.0));
    let count = |column: usize| row.try_get(column).map(i64::unsigned_abs);
    Ok(AccountCounts {
        account,
        account_id: AccountId::parse(row.try_get(1)?).map_err(wrong)?,
        tenant: TenantId::parse(row.try_get(2)?).map_err(wrong)?,
        tenant_name: row
            .try_get::<_, Option<String>>(3)?
            .map(String::into_boxed_str),
        accepted: count(4)?,
        sent: count(5)?,
        errors: count(6)?,
        cancelled: count(7)?,
        deferred: count(8)?,
        rate_limited: count(9)?,
    })
}

/// How much waits, and since when: of each lane with mail, the first message of each priority.
pub(super) async fn waiting(session: &Session) -> Result<Waiting> {
    let priorities = Priority::ALL.map(Priority::code);
    let row = session
        .row(
            "WITH waiting AS MATERIALIZED ( \
                 SELECT l.id, b.count FROM lanes l JOIN books b ON b.lane = l.id AND b.state = $1 \
                 WHERE l.account IS NOT NULL AND b.count > 0) \
             SELECT (SELECT coalesce(sum(count), 0) FROM waiting)::bigint, \
                 (SELECT min(first.due_at) FROM waiting w CROSS JOIN unnest($2::bigint[]) AS p (priority) \
                  CROSS JOIN LATERAL (SELECT due_at FROM messages \
                      WHERE lane = w.id AND messages.priority = p.priority AND state = 0 AND NOT held \
                      ORDER BY due_at, seq LIMIT 1) AS first)",
            &[&MessageState::Queued.code(), &priorities.as_slice()],
        )
        .await?;
    let first_due_at: Option<i64> = row.try_get(1)?;
    Ok(Waiting {
        count: row.try_get::<_, i64>(0)?.unsigned_abs(),
        first_due_at: first_due_at.map(Timestamp::from_millis),
    })
}

/// How many submissions of a tenant, or of one of its batches, are not final.
pub(super) async fn pending(
    session: &Session,
    tenant: &TenantId,
    batch: Option<&BatchCode>,
) -> Result<u64> {
    let row =
        match batch {
            None => session
                .row(
                    "SELECT coalesce(sum(c.accepted - c.sent - c.errors - c.cancelled), 0)::bigint \
                     FROM accounts a JOIN account_counts c ON c.account = a.pk WHERE a.tenant = $1",
                    &[&tenant.as_str()],
                )
                .await?,
            // Either index has a part of them.
            Some(batch) => {
                session
                    .row(
                        "SELECT (SELECT count(*) FROM submissions \
                             WHERE tenant = $1 AND batch = $2 AND open > 0 AND NOT held) \
                          + (SELECT count(*) FROM submissions \
                             WHERE tenant = $1 AND batch = $2 AND open > 0 AND held)",
                        &[&tenant.as_str(), &batch.as_str()],
                    )
                    .await?
            }
        };
    Ok(row.try_get::<_, i64>(0)?.unsigned_abs())
}
