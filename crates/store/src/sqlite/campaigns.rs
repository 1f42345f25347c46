//! Runs of campaigns, their counters, and readers' cursors.

use model::{CampaignId, ContentHash, MessageState, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::transaction::WriteTx;
use super::{contents, lanes};
use crate::{Books, Campaign, NewCampaign, Progress, Result, StoreError};

/// What the books call the sum of all: a code that no state has.
const ACCEPTED: i64 = -1;
const COLUMNS: &str = "c.id, c.job_id, c.identity, c.name, k.hash, c.settings, c.started_at, c.listed_at, c.finished_at \
     FROM campaigns c JOIN contents k ON k.id = c.content";

pub(super) fn begin(tx: &WriteTx<'_>, new: NewCampaign) -> Result<Campaign> {
    let content = contents::id(tx.connection, new.content)?;
    let job_id = free_job_id(tx.connection, &new.job_id)?;
    tx.connection
        .prepare_cached(
            "INSERT INTO campaigns (job_id, identity, name, content, settings, started_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            job_id,
            new.identity,
            new.name,
            content,
            new.settings,
            new.at.as_millis()
        ])?;
    let campaign = Campaign {
        id: CampaignId(tx.connection.last_insert_rowid()),
        job_id,
        identity: new.identity,
        name: new.name,
        content: new.content,
        settings: new.settings,
        started_at: new.at,
        listed_at: None,
        finished_at: None,
    };
    lanes::id(tx, &campaign.lane())?;
    Ok(campaign)
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
        "SELECT {COLUMNS} WHERE ?1 IS NULL OR c.identity = ?1 ORDER BY c.id DESC LIMIT ?2"
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
        id: CampaignId(row.get(0)?),
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

pub(super) fn mark(tx: &WriteTx<'_>, campaign: CampaignId, progress: Progress) -> Result<()> {
    check(tx.connection, campaign)?;
    let (statement, at) = match progress {
        Progress::Listing => (
            "UPDATE campaigns SET listed_at = ?2, finished_at = ?2 WHERE id = ?1",
            None,
        ),
        Progress::Listed(at) => (
            "UPDATE campaigns SET listed_at = ?2 WHERE id = ?1",
            Some(at),
        ),
        Progress::Finished(at) => (
            "UPDATE campaigns SET finished_at = ?2 WHERE id = ?1",
            Some(at),
        ),
    };
    tx.connection
        .prepare_cached(statement)?
        .execute(params![campaign.0, at.map(Timestamp::as_millis)])?;
    Ok(())
}

/// Notes that something of the run is queued again.
pub(super) fn reopen(tx: &WriteTx<'_>, campaign: CampaignId) -> Result<()> {
    tx.connection
        .prepare_cached("UPDATE campaigns SET finished_at = NULL WHERE id = ?1")?
        .execute([campaign.0])?;
    Ok(())
}

/// Refuses a run that is not there.
pub(super) fn check(connection: &Connection, campaign: CampaignId) -> Result<()> {
    let is_there = connection
        .prepare_cached("SELECT 1 FROM campaigns WHERE id = ?1")?
        .exists([campaign.0])?;
    match is_there {
        true => Ok(()),
        false => Err(StoreError::Missing(format!("campaign {}", campaign.0))),
    }
}

// === the books ===

pub(super) fn add_to_books(
    tx: &WriteTx<'_>,
    campaign: CampaignId,
    state: MessageState,
    count: i64,
) -> Result<()> {
    change_books(tx, campaign, ACCEPTED, count)?;
    change_books(tx, campaign, state.code(), count)
}

/// Moves messages from queued to a final state.
pub(super) fn move_in_books(
    tx: &WriteTx<'_>,
    campaign: CampaignId,
    state: MessageState,
    count: i64,
) -> Result<()> {
    change_books(tx, campaign, MessageState::Queued.code(), -count)?;
    change_books(tx, campaign, state.code(), count)
}

fn change_books(tx: &WriteTx<'_>, campaign: CampaignId, state: i64, by: i64) -> Result<()> {
    if by == 0 {
        return Ok(());
    }
    tx.connection
        .prepare_cached(
            "INSERT INTO books (campaign, state, count) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
        )?
        .execute(params![campaign.0, state, by])?;
    Ok(())
}

pub(super) fn books(connection: &Connection, campaign: CampaignId) -> Result<Books> {
    let mut books = Books::default();
    let mut statement =
        connection.prepare_cached("SELECT state, count FROM books WHERE campaign = ?1")?;
    let mut rows = statement.query([campaign.0])?;
    while let Some(row) = rows.next()? {
        let (code, count): (i64, i64) = (row.get(0)?, row.get(1)?);
        let count = count.unsigned_abs();
        match MessageState::from_code(code) {
            Some(state) => *books.count_mut(state) = count,
            None => books.accepted = count,
        }
    }
    Ok(books)
}

pub(super) fn count_books(connection: &Connection, campaign: CampaignId) -> Result<Books> {
    let mut books = Books::default();
    let mut statement = connection.prepare_cached(
        "SELECT state, count(*) FROM messages INDEXED BY messages_by_campaign \
         WHERE campaign = ?1 GROUP BY state",
    )?;
    let mut rows = statement.query([campaign.0])?;
    while let Some(row) = rows.next()? {
        let (code, count): (i64, i64) = (row.get(0)?, row.get(1)?);
        let count = count.unsigned_abs();
        books.accepted += count;
        if let Some(state) = MessageState::from_code(code) {
            *books.count_mut(state) = count;
        }
    }
    Ok(books)
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
