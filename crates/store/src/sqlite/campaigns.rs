//! Runs of campaigns, and readers' cursors.

use model::{ContentHash, LaneId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::transaction::WriteTx;
use super::{contents, lanes};
use crate::{Campaign, LaneKey, Lease, NewCampaign, Progress, Result};

const COLUMNS: &str = "c.lane, c.job_id, c.identity, c.name, k.hash, c.settings, c.started_at, c.listed_at, c.finished_at \
     FROM campaigns c JOIN contents k ON k.id = c.content";

pub(super) fn begin(tx: &WriteTx<'_>, lease: &Lease, new: NewCampaign) -> Result<Campaign> {
    new.check_is_its_lane(lease)?;
    lanes::check(tx, lease)?;
    let content = contents::id(tx.connection, new.content)?;
    let job_id = free_job_id(tx.connection, &new.job_id)?;
    let lane = lanes::id(tx, &LaneKey::campaign(&job_id))?;
    tx.connection
        .prepare_cached(
            "INSERT INTO campaigns (lane, job_id, identity, name, content, settings, started_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            lane.0,
            job_id,
            new.identity,
            new.name,
            content,
            new.settings,
            new.at.as_millis()
        ])?;
    Ok(Campaign {
        lane,
        job_id,
        identity: new.identity,
        name: new.name,
        content: new.content,
        settings: new.settings,
        started_at: new.at,
        listed_at: None,
        finished_at: None,
    })
}

/// The wished id, or the first of `-2`, `-3` … that is free.
fn free_job_id(connection: &Connection, wished: &str) -> Result<String> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM campaigns WHERE job_id = ?1")?;
    let mut candidate = wished.to_owned();
    let mut number = 1;
    while statement.exists([&candidate])? {
        number += 1;
        candidate = format!("{wished}-{number}");
    }
    Ok(candidate)
}

pub(super) fn list(
    connection: &Connection,
    identity: Option<&str>,
    limit: u32,
) -> Result<Vec<Campaign>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE ?1 IS NULL OR c.identity = ?1 ORDER BY c.lane DESC LIMIT ?2"
    ))?;
    let rows = statement.query_map(params![identity, limit], to_campaign)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn by_job_id(connection: &Connection, job_id: &str) -> Result<Option<Campaign>> {
    Ok(connection
        .prepare_cached(&format!("SELECT {COLUMNS} WHERE c.job_id = ?1"))?
        .query_row([job_id], to_campaign)
        .optional()?)
}

fn to_campaign(row: &Row<'_>) -> rusqlite::Result<Campaign> {
    let moment = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    Ok(Campaign {
        lane: LaneId(row.get(0)?),
        job_id: row.get(1)?,
        identity: row.get(2)?,
        name: row.get(3)?,
        content: ContentHash(row.get(4)?),
        settings: row.get(5)?,
        started_at: Timestamp::from_millis(row.get(6)?),
        listed_at: moment(row.get(7)?),
        finished_at: moment(row.get(8)?),
    })
}

pub(super) fn mark(tx: &WriteTx<'_>, lease: &Lease, progress: Progress) -> Result<()> {
    lanes::check(tx, lease)?;
    let (statement, at) = match progress {
        Progress::Listing => (
            "UPDATE campaigns SET listed_at = ?2, finished_at = ?2 WHERE lane = ?1",
            None,
        ),
        Progress::Listed(at) => (
            "UPDATE campaigns SET listed_at = ?2 WHERE lane = ?1",
            Some(at),
        ),
        Progress::Finished(at) => (
            "UPDATE campaigns SET finished_at = ?2 WHERE lane = ?1",
            Some(at),
        ),
    };
    tx.connection
        .prepare_cached(statement)?
        .execute(params![lease.lane.0, at.map(Timestamp::as_millis)])?;
    Ok(())
}

/// Notes that something of the run is queued again.
pub(super) fn reopen(tx: &WriteTx<'_>, lane: LaneId) -> Result<()> {
    tx.connection
        .prepare_cached("UPDATE campaigns SET finished_at = NULL WHERE lane = ?1")?
        .execute([lane.0])?;
    Ok(())
}

// === cursors ===

pub(super) fn save_cursor(tx: &WriteTx<'_>, reader: &str, place: &str) -> Result<()> {
    tx.connection
        .prepare_cached(
            "INSERT INTO cursors (reader, place) VALUES (?1, ?2) \
             ON CONFLICT DO UPDATE SET place = excluded.place",
        )?
        .execute([reader, place])?;
    Ok(())
}

pub(super) fn cursor(connection: &Connection, reader: &str) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT place FROM cursors WHERE reader = ?1")?
        .query_row([reader], |row| row.get(0))
        .optional()?)
}
