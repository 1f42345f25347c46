//! What a tenant's application is to be told, until it was.

use std::collections::BTreeMap;

use model::{Seq, SubmissionId, TenantId, Timestamp};
use tokio_postgres::Row;

use super::read;
use crate::postgres::row::{
    EVENT_COLUMNS, EVENT_WIDTH, MESSAGE_COLUMNS, MESSAGE_WIDTH, at_most, to_logged,
};
use crate::postgres::session::Session;
use crate::postgres::transaction::WriteTx;
use crate::submissions::row::to_submission;
use crate::submissions::{Channel, PAGE_MAX, Report, ReportBacklog};
use crate::{Result, StoreError};

/// An event that a tenant's application is to be told.
pub(super) struct Told {
    pub(super) seq: Seq,
    pub(super) submission: SubmissionId,
    pub(super) at: Timestamp,
}

/// The channels of a tenant, by a column `t.webhook IS NOT NULL` of a row.
pub(super) fn channels(row: &Row, column: usize) -> Result<&'static [Channel]> {
    Ok(match row.try_get(column)? {
        true => &Channel::ALL,
        false => &[Channel::Sync],
    })
}

/// Adds reports of events on some channels, and counts them; what they count in of their submissions is the caller's to
/// count.
pub(super) async fn insert(
    session: &Session,
    tenant: &str,
    channels: &[Channel],
    told: &[Told],
) -> Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    let channels: Vec<i64> = channels.iter().map(|channel| channel.code()).collect();
    let column = |value: fn(&Told) -> i64| told.iter().map(value).collect::<Vec<_>>();
    session
        .execute(
            "WITH told AS (INSERT INTO reports (tenant, channel, seq, submission, at) \
             SELECT $1, channel, told.* FROM unnest($2::bigint[]) AS channel, \
             unnest($3::bigint[], $4::bigint[], $5::bigint[]) AS told) \
             INSERT INTO report_counts (tenant, channel, count) \
             SELECT $1, channel, cardinality($3) FROM unnest($2::bigint[]) AS channel \
             ON CONFLICT (tenant, channel) DO UPDATE SET count = report_counts.count + excluded.count",
            &[
                &tenant,
                &channels,
                &column(|told| told.seq.get()),
                &column(|told| told.submission.0.get()),
                &column(|told| told.at.as_millis()),
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn list(
    session: &Session,
    tag: u32,
    tenant: &TenantId,
    channel: Channel,
    after: Seq,
    limit: usize,
) -> Result<Vec<Report>> {
    // An event is in the part that its moment says.
    let query = format!(
        "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS}, {} \
         FROM (SELECT * FROM reports WHERE (tenant, channel, seq) > ($1, $2, $3) AND (tenant, channel) <= ($1, $2) \
               ORDER BY tenant, channel, seq LIMIT $4) r \
         JOIN submissions s ON s.id = r.submission JOIN accounts a ON a.pk = s.account \
         JOIN events e ON e.seq = r.seq AND e.at = r.at \
         JOIN messages m ON m.seq = e.message LEFT JOIN contents c ON c.id = m.content ORDER BY r.seq",
        read::COLUMNS
    );
    let limit = at_most(limit.min(PAGE_MAX));
    let rows = session
        .rows(
            &query,
            &[&tenant.as_str(), &channel.code(), &after.get(), &limit],
        )
        .await?;
    rows.iter().map(|row| to_report(row, tag)).collect()
}

fn to_report(row: &Row, tag: u32) -> Result<Report> {
    let logged = to_logged(row, tag)?;
    Ok(Report {
        seq: logged.event.seq,
        submission: to_submission(row, MESSAGE_WIDTH + EVENT_WIDTH, tag)?,
        logged,
    })
}

/// Deletes those of the reports that are there, and counts them; gives how many it were.
pub(super) async fn acknowledge(
    tx: &WriteTx,
    tenant: &str,
    channel: Channel,
    reports: &[Seq],
) -> Result<usize> {
    let reports: Vec<i64> = reports.iter().map(|seq| seq.get()).collect();
    let row = tx
        .session
        .row(
            "WITH gone AS (DELETE FROM reports WHERE tenant = $1 AND channel = $2 AND seq = ANY ($3) \
             RETURNING submission), \
             counted AS (UPDATE report_counts SET count = count - (SELECT count(*) FROM gone) \
             WHERE tenant = $1 AND channel = $2 AND EXISTS (SELECT FROM gone)), \
             less AS (SELECT submission, count(*) FROM gone GROUP BY submission), \
             told AS (UPDATE submissions s SET reports = s.reports - less.count FROM less WHERE s.id = less.submission) \
             SELECT count(*) FROM gone",
            &[&tenant, &channel.code(), &reports],
        )
        .await?;
    let gone: i64 = row.try_get(0)?;
    Ok(usize::try_from(gone).unwrap_or_default())
}

/// The number of each tenant and channel, and the moment of the first in the log's order.
pub(super) async fn backlog(session: &Session) -> Result<Vec<ReportBacklog>> {
    let rows = session
        .rows(
            "SELECT c.tenant, c.channel, c.count, first.at FROM report_counts c \
             CROSS JOIN LATERAL (SELECT at FROM reports WHERE tenant = c.tenant AND channel = c.channel \
                                 ORDER BY tenant, channel, seq LIMIT 1) AS first \
             WHERE c.count > 0 ORDER BY c.tenant, c.channel",
            &[],
        )
        .await?;
    rows.iter().map(to_backlog).collect()
}

fn to_backlog(row: &Row) -> Result<ReportBacklog> {
    let tenant = TenantId::parse(row.try_get(0)?);
    Ok(ReportBacklog {
        tenant: tenant.map_err(|error| StoreError::Damaged(format!("report_counts: {error}")))?,
        channel: Channel::of_code(row.try_get(1)?)?,
        count: row.try_get::<_, i64>(2)?.unsigned_abs(),
        oldest_at: Timestamp::from_millis(row.try_get(3)?),
    })
}

/// Reports of one tenant on one channel.
type Old = BTreeMap<(String, i64), Vec<Seq>>;

/// Looks at the first `limit` of each tenant and channel: they are the oldest, but for a clock that was set back.
pub(super) async fn expire(tx: &WriteTx, before: Timestamp, limit: usize) -> Result<usize> {
    let mut expired = 0;
    for ((tenant, channel), old) in old(tx, before, limit).await? {
        let channel = Channel::of_code(channel)?;
        expired += acknowledge(tx, &tenant, channel, &old).await?;
    }
    Ok(expired)
}

async fn old(tx: &WriteTx, before: Timestamp, limit: usize) -> Result<Old> {
    let rows = tx
        .session
        .rows(
            "SELECT c.tenant, c.channel, first.seq FROM report_counts c \
             CROSS JOIN LATERAL (SELECT seq, at FROM reports WHERE tenant = c.tenant AND channel = c.channel \
                                 ORDER BY tenant, channel, seq LIMIT $2) AS first \
             WHERE c.count > 0 AND first.at < $1 LIMIT $2",
            &[&before.as_millis(), &at_most(limit)],
        )
        .await?;
    let mut old = Old::new();
    for row in &rows {
        let of = (row.try_get(0)?, row.try_get(1)?);
        old.entry(of).or_default().push(Seq::new(row.try_get(2)?));
    }
    Ok(old)
}
