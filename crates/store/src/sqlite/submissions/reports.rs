//! What a tenant's application is to be told, until it was.

use model::{Seq, SubmissionId, TenantId, Timestamp};
use rusqlite::{Connection, Row, params};

use super::read;
use crate::sqlite::history::to_logged;
use crate::sqlite::row::{EVENT_COLUMNS, EVENT_WIDTH, MESSAGE_COLUMNS, MESSAGE_WIDTH, at_most};
use crate::sqlite::transaction::WriteTx;
use crate::submissions::row::to_submission;
use crate::submissions::{Channel, PAGE_MAX, Report, ReportBacklog};
use crate::{Result, StoreError};

/// The channels of a tenant, by a column `t.webhook IS NOT NULL` of a row.
pub(super) fn channels(row: &Row<'_>, column: usize) -> rusqlite::Result<&'static [Channel]> {
    Ok(match row.get(column)? {
        true => &Channel::ALL,
        false => &[Channel::Sync],
    })
}

/// Adds a report; what it counts in is the caller's to count.
pub(super) fn insert(
    tx: &WriteTx<'_>,
    tenant: &str,
    channel: Channel,
    seq: Seq,
    submission: SubmissionId,
    at: Timestamp,
) -> Result<()> {
    tx.connection
        .prepare_cached(
            "INSERT INTO reports (tenant, channel, seq, submission, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            tenant,
            channel.code(),
            seq.get(),
            submission.0.get(),
            at.as_millis()
        ])?;
    Ok(())
}

/// Counts reports that came, or went.
pub(super) fn count(tx: &WriteTx<'_>, tenant: &str, channel: Channel, by: i64) -> Result<()> {
    if by == 0 {
        return Ok(());
    }
    tx.connection
        .prepare_cached(
            "INSERT INTO report_counts (tenant, channel, count) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
        )?
        .execute(params![tenant, channel.code(), by])?;
    Ok(())
}

pub(super) fn list(
    connection: &Connection,
    tag: u32,
    tenant: &TenantId,
    channel: Channel,
    after: Seq,
    limit: usize,
) -> Result<Vec<Report>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS}, {} \
         FROM reports r CROSS JOIN submissions s ON s.id = r.submission JOIN accounts a ON a.pk = s.account \
         JOIN events e ON e.seq = r.seq JOIN messages m ON m.seq = e.message \
         LEFT JOIN contents c ON c.id = m.content \
         WHERE r.tenant = ?1 AND r.channel = ?2 AND r.seq > ?3 ORDER BY r.seq LIMIT ?4",
        read::COLUMNS
    ))?;
    let limit = at_most(limit.min(PAGE_MAX));
    let mut rows = statement.query(params![tenant.as_str(), channel.code(), after.get(), limit])?;
    let mut reports = Vec::new();
    while let Some(row) = rows.next()? {
        let logged = to_logged(row, tag)?;
        reports.push(Report {
            seq: logged.event.seq,
            submission: to_submission(row, MESSAGE_WIDTH + EVENT_WIDTH, tag)?,
            logged,
        });
    }
    Ok(reports)
}

pub(super) fn acknowledge(
    tx: &WriteTx<'_>,
    tenant: &str,
    channel: Channel,
    reports: &[Seq],
) -> Result<usize> {
    let mut gone = 0;
    for &seq in reports {
        gone += usize::from(delete(tx, tenant, channel, seq)?);
    }
    count(tx, tenant, channel, -at_most(gone))?;
    Ok(gone)
}

fn delete(tx: &WriteTx<'_>, tenant: &str, channel: Channel, seq: Seq) -> Result<bool> {
    let mut statement = tx.connection.prepare_cached(
        "DELETE FROM reports WHERE tenant = ?1 AND channel = ?2 AND seq = ?3 RETURNING submission",
    )?;
    let mut rows = statement.query(params![tenant, channel.code(), seq.get()])?;
    let submission: i64 = match rows.next()? {
        Some(row) => row.get(0)?,
        None => return Ok(false),
    };
    tx.connection
        .prepare_cached("UPDATE submissions SET reports = reports - 1 WHERE id = ?1")?
        .execute([submission])?;
    Ok(true)
}

/// Deletes an event's reports on every channel, and counts them; gives how many it were. What they count in of their
/// submission goes with it.
pub(super) fn forget(tx: &WriteTx<'_>, tenant: &str, seq: Seq) -> Result<i64> {
    let mut gone = 0;
    for channel in Channel::ALL {
        let deleted = tx
            .connection
            .prepare_cached("DELETE FROM reports WHERE tenant = ?1 AND channel = ?2 AND seq = ?3")?
            .execute(params![tenant, channel.code(), seq.get()])?;
        count(tx, tenant, channel, -at_most(deleted))?;
        gone += at_most(deleted);
    }
    Ok(gone)
}

/// The number of each tenant and channel, and the moment of the first in the log's order.
pub(super) fn backlog(connection: &Connection) -> Result<Vec<ReportBacklog>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.tenant, c.count, r.at, c.channel FROM report_counts c \
         JOIN reports r ON r.tenant = c.tenant AND r.channel = c.channel \
         AND r.seq = (SELECT min(seq) FROM reports WHERE tenant = c.tenant AND channel = c.channel) \
         WHERE c.count > 0 ORDER BY c.tenant, c.channel",
    )?;
    let mut rows = statement.query([])?;
    let mut backlog = Vec::new();
    while let Some(row) = rows.next()? {
        let tenant = row.get_ref(0)?.as_str().unwrap_or("");
        backlog.push(ReportBacklog {
            tenant: TenantId::parse(tenant)
                .map_err(|error| StoreError::Damaged(format!("report_counts: {error}")))?,
            channel: Channel::of_code(row.get(3)?)?,
            count: row.get::<_, i64>(1)?.unsigned_abs(),
            oldest_at: Timestamp::from_millis(row.get(2)?),
        });
    }
    Ok(backlog)
}

/// Looks at the first `limit` of each tenant and channel: they are the oldest, but for a clock that was set back.
pub(super) fn expire(tx: &WriteTx<'_>, before: Timestamp, limit: usize) -> Result<usize> {
    let waiting: Vec<(String, i64)> = tx
        .connection
        .prepare_cached("SELECT tenant, channel FROM report_counts WHERE count > 0")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut expired = 0;
    for (tenant, channel) in waiting {
        let channel = Channel::of_code(channel)?;
        let old = old(tx, &tenant, channel, before, limit - expired)?;
        expired += acknowledge(tx, &tenant, channel, &old)?;
    }
    Ok(expired)
}

fn old(
    tx: &WriteTx<'_>,
    tenant: &str,
    channel: Channel,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<Seq>> {
    let mut statement = tx.connection.prepare_cached(
        "SELECT seq FROM (SELECT seq, at FROM reports WHERE tenant = ?1 AND channel = ?2 ORDER BY seq LIMIT ?4) \
         WHERE at < ?3",
    )?;
    let values = params![tenant, channel.code(), before.as_millis(), at_most(limit)];
    let rows = statement.query_map(values, |row| Ok(Seq::new(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
