//! Runs of campaigns, and readers' cursors.

use model::{ContentHash, LaneId, Timestamp};
use tokio_postgres::Row;

use super::row::storable;
use super::session::Session;
use super::transaction::WriteTx;
use super::{contents, lanes};
use crate::{Campaign, LaneKey, Lease, NewCampaign, Progress, Result, StoreError};

const COLUMNS: &str = "c.lane, c.job_id, c.identity, c.name, k.hash, c.settings, c.started_at, c.listed_at, c.finished_at \
     FROM campaigns c JOIN contents k ON k.id = c.content";

pub(super) async fn begin(tx: &WriteTx, lease: &Lease, new: NewCampaign) -> Result<Campaign> {
    new.check_is_its_lane(lease)?;
    lanes::check(tx, lease).await?;
    let content = contents::id(&tx.session, new.content).await?;
    let job_id = free_job_id(&tx.session, &storable(&new.job_id)).await?;
    let lane = lanes::id(&tx.session, &LaneKey::campaign(&job_id)).await?;
    let campaign = Campaign {
        lane,
        job_id,
        identity: storable(&new.identity).into_owned(),
        name: new.name.map(|name| storable(&name).into_owned()),
        content: new.content,
        settings: new.settings,
        started_at: new.at,
        listed_at: None,
        finished_at: None,
    };
    tx.session
        .execute(
            "INSERT INTO campaigns (lane, job_id, identity, name, content, settings, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                &lane.0,
                &campaign.job_id,
                &campaign.identity,
                &campaign.name,
                &content,
                &campaign.settings,
                &campaign.started_at.as_millis(),
            ],
        )
        .await?;
    Ok(campaign)
}

/// The wished id, or the first of `-2`, `-3` … that is free. Of one more than there are runs, one is.
async fn free_job_id(session: &Session, wished: &str) -> Result<String> {
    let row = session
        .row(
            "WITH candidates AS ( \
                 SELECT number, $1::text || CASE number WHEN 1 THEN '' ELSE '-' || number END AS job_id \
                 FROM generate_series(1, (SELECT count(*) + 1 FROM campaigns)) AS number \
             ) SELECT job_id FROM candidates \
             WHERE NOT EXISTS (SELECT FROM campaigns WHERE campaigns.job_id = candidates.job_id) \
             ORDER BY number LIMIT 1",
            &[&wished],
        )
        .await?;
    Ok(row.try_get(0)?)
}

pub(super) async fn list(
    session: &Session,
    identity: Option<&str>,
    limit: u32,
) -> Result<Vec<Campaign>> {
    let rows = session
        .rows(
            &format!(
                "SELECT {COLUMNS} WHERE $1::text IS NULL OR c.identity = $1 ORDER BY c.lane DESC LIMIT $2"
            ),
            &[&identity.map(storable), &i64::from(limit)],
        )
        .await?;
    rows.iter().map(to_campaign).collect()
}

pub(super) async fn by_job_id(session: &Session, job_id: &str) -> Result<Option<Campaign>> {
    let row = session
        .row_if_any(
            &format!("SELECT {COLUMNS} WHERE c.job_id = $1"),
            &[&storable(job_id)],
        )
        .await?;
    row.as_ref().map(to_campaign).transpose()
}

fn to_campaign(row: &Row) -> Result<Campaign> {
    let moment = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    let job_id: String = row.try_get(1)?;
    let hash: &[u8] = row.try_get(4)?;
    let hash = hash.try_into().map_err(|_| {
        StoreError::Damaged(format!("campaign {job_id}: its template's hash is none"))
    })?;
    Ok(Campaign {
        lane: LaneId(row.try_get(0)?),
        job_id,
        identity: row.try_get(2)?,
        name: row.try_get(3)?,
        content: ContentHash(hash),
        settings: row.try_get(5)?,
        started_at: Timestamp::from_millis(row.try_get(6)?),
        listed_at: moment(row.try_get(7)?),
        finished_at: moment(row.try_get(8)?),
    })
}

pub(super) async fn mark(tx: &WriteTx, lease: &Lease, progress: Progress) -> Result<()> {
    lanes::check(tx, lease).await?;
    let (statement, at) = match progress {
        Progress::Listing => (
            "UPDATE campaigns SET listed_at = $2, finished_at = $2 WHERE lane = $1",
            None,
        ),
        Progress::Listed(at) => (
            "UPDATE campaigns SET listed_at = $2 WHERE lane = $1",
            Some(at),
        ),
        Progress::Finished(at) => (
            "UPDATE campaigns SET finished_at = $2 WHERE lane = $1",
            Some(at),
        ),
    };
    tx.session
        .execute(statement, &[&lease.lane.0, &at.map(Timestamp::as_millis)])
        .await?;
    Ok(())
}

/// Notes that something of the run is queued again.
pub(super) async fn reopen(tx: &WriteTx, lane: LaneId) -> Result<()> {
    tx.session
        .execute(
            "UPDATE campaigns SET finished_at = NULL WHERE lane = $1",
            &[&lane.0],
        )
        .await?;
    Ok(())
}

// === cursors ===

pub(super) async fn save_cursor(tx: &WriteTx, reader: &str, place: &str) -> Result<()> {
    tx.session
        .execute(
            "INSERT INTO cursors (reader, place) VALUES ($1, $2) \
             ON CONFLICT (reader) DO UPDATE SET place = excluded.place",
            &[&storable(reader), &storable(place)],
        )
        .await?;
    Ok(())
}

pub(super) async fn cursor(session: &Session, reader: &str) -> Result<Option<String>> {
    let row = session
        .row_if_any(
            "SELECT place FROM cursors WHERE reader = $1",
            &[&storable(reader)],
        )
        .await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}
