//! What a tenant's application is to be told, until it was.

use model::{Seq, SubmissionId, TenantId, Timestamp};
use rusqlite::{Connection, params};

use super::read;
use crate::sqlite::history::to_logged;
use crate::sqlite::row::{EVENT_COLUMNS, EVENT_WIDTH, MESSAGE_COLUMNS, MESSAGE_WIDTH, at_most};
use crate::sqlite::transaction::WriteTx;
use crate::submissions::{PAGE_MAX, Report, ReportBacklog};
use crate::{Result, StoreError};

/// Adds a report; what it counts in is the caller's to count.
pub(super) fn insert(
    tx: &WriteTx<'_>,
    tenant: &str,
    seq: Seq,
    submission: SubmissionId,
    at: Timestamp,
) -> Result<()> {
    tx.connection
        .prepare_cached(
            "INSERT INTO reports (tenant, seq, submission, at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            tenant,
            seq.get(),
            submission.0.get(),
            at.as_millis()
        ])?;
    Ok(())
}

/// Counts reports that came, or went.
pub(super) fn count(tx: &WriteTx<'_>, tenant: &str, by: i64) -> Result<()> {
    if by == 0 {
        return Ok(());
    }
    tx.connection
        .prepare_cached(
            "INSERT INTO report_counts (tenant, count) VALUES (?1, ?2) \
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
        )?
        .execute(params![tenant, by])?;
    Ok(())
}

pub(super) fn list(
    connection: &Connection,
    tag: u32,
    tenant: &TenantId,
    after: Seq,
    limit: usize,
) -> Result<Vec<Report>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS}, {} \
         FROM reports r CROSS JOIN submissions s ON s.id = r.submission JOIN accounts a ON a.pk = s.account \
         JOIN events e ON e.seq = r.seq JOIN messages m ON m.seq = e.message \
         LEFT JOIN contents c ON c.id = m.content \
         WHERE r.tenant = ?1 AND r.seq > ?2 ORDER BY r.seq LIMIT ?3",
        read::COLUMNS
    ))?;
    let limit = at_most(limit.min(PAGE_MAX));
    let mut rows = statement.query(params![tenant.as_str(), after.get(), limit])?;
    let mut reports = Vec::new();
    while let Some(row) = rows.next()? {
        let logged = to_logged(row, tag)?;
        reports.push(Report {
            seq: logged.event.seq,
            submission: read::to_submission(row, MESSAGE_WIDTH + EVENT_WIDTH, tag)?,
            logged,
        });
    }
    Ok(reports)
}

pub(super) fn acknowledge(tx: &WriteTx<'_>, tenant: &str, reports: &[Seq]) -> Result<usize> {
    let mut gone = 0;
    for &seq in reports {
        gone += usize::from(delete(tx, tenant, seq)?);
    }
    count(tx, tenant, -at_most(gone))?;
    Ok(gone)
}

fn delete(tx: &WriteTx<'_>, tenant: &str, seq: Seq) -> Result<bool> {
    let mut statement = tx.connection.prepare_cached(
        "DELETE FROM reports WHERE tenant = ?1 AND seq = ?2 RETURNING submission",
    )?;
    let mut rows = statement.query(params![tenant, seq.get()])?;
    let submission: i64 = match rows.next()? {
        Some(row) => row.get(0)?,
        None => return Ok(false),
    };
    tx.connection
        .prepare_cached("UPDATE submissions SET reports = reports - 1 WHERE id = ?1")?
        .execute([submission])?;
    Ok(true)
}

/// Each tenant's number, and the moment of the first in the log's order.
pub(super) fn backlog(connection: &Connection) -> Result<Vec<ReportBacklog>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.tenant, c.count, r.at FROM report_counts c JOIN reports r ON r.tenant = c.tenant \
         AND r.seq = (SELECT min(seq) FROM reports WHERE tenant = c.tenant) \
         WHERE c.count > 0 ORDER BY c.tenant",
    )?;
    let mut rows = statement.query([])?;
    let mut backlog = Vec::new();
    while let Some(row) = rows.next()? {
        let tenant = row.get_ref(0)?.as_str().unwrap_or("");
        backlog.push(ReportBacklog {
            tenant: TenantId::parse(tenant)
                .map_err(|error| StoreError::Damaged(format!("report_counts: {error}")))?,
            count: row.get::<_, i64>(1)?.unsigned_abs(),
            oldest_at: Timestamp::from_millis(row.get(2)?),
        });
    }
    Ok(backlog)
}

/// Looks at the first `limit` of each tenant: they are the oldest, but for a clock that was set back.
pub(super) fn expire(tx: &WriteTx<'_>, before: Timestamp, limit: usize) -> Result<usize> {
    let tenants: Vec<String> = tx
        .connection
        .prepare_cached("SELECT tenant FROM report_counts WHERE count > 0")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut expired = 0;
    for tenant in tenants {
        let old = old(tx, &tenant, before, limit - expired)?;
        expired += acknowledge(tx, &tenant, &old)?;
    }
    Ok(expired)
}

fn old(tx: &WriteTx<'_>, tenant: &str, before: Timestamp, limit: usize) -> Result<Vec<Seq>> {
    let mut statement = tx.connection.prepare_cached(
        "SELECT seq FROM (SELECT seq, at FROM reports WHERE tenant = ?1 ORDER BY seq LIMIT ?3) WHERE at < ?2",
    )?;
    let rows = statement.query_map(params![tenant, before.as_millis(), at_most(limit)], |row| {
        Ok(Seq::new(row.get(0)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
