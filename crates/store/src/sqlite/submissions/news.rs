//! News of delivered messages: events that change no state (promise: P-02).

use std::sync::Arc;

use model::account::AccountPk;
use model::{Event, Seq, SubmissionId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::reports;
use crate::sqlite::row::at_most;
use crate::sqlite::transaction::WriteTx;
use crate::sqlite::{campaigns, row};
use crate::submissions::{Channel, NewNews, PAGE_MAX, Place, news};
use crate::{Logged, Result};

pub(super) fn note(
    tx: &mut WriteTx<'_>,
    tag: u32,
    batch: Vec<NewNews>,
    place: Option<Place>,
) -> Result<usize> {
    let mut noted = 0;
    for new in batch {
        noted += usize::from(note_one(tx, tag, new)?);
    }
    if let Some(Place { reader, place }) = place {
        campaigns::save_cursor(tx, &reader, &place)?;
    }
    Ok(noted)
}

fn note_one(tx: &mut WriteTx<'_>, tag: u32, new: NewNews) -> Result<bool> {
    news::check(new.kind)?;
    let Some(message) = row::message(tx.connection, tag, new.message)? else {
        return Ok(false);
    };
    let (previous, count) = so_far(tx, message.seq)?;
    if !news::may_have(&message, count) {
        return Ok(false);
    }
    let event = news::event(new, &message, tx.next_seq());
    insert(tx, &event, previous)?;
    if let Some(submission) = message.content.submission() {
        report(tx, submission, &event)?;
    }
    tx.append(|| Logged {
        event,
        message: Arc::new(message),
    });
    Ok(true)
}

/// The message's latest event, and how many of its events were news.
fn so_far(tx: &WriteTx<'_>, message: Seq) -> Result<(Option<i64>, i64)> {
    let so_far = tx
        .connection
        .prepare_cached(
            "SELECT ifnull(n.last_event, m.last_event), ifnull(n.count, 0) \
             FROM messages m LEFT JOIN news n ON n.message = m.seq WHERE m.seq = ?1",
        )?
        .query_row([message.get()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(so_far)
}

/// Appends the event; the message's row stays as its outcome left it.
fn insert(tx: &WriteTx<'_>, event: &Event, previous: Option<i64>) -> Result<()> {
    tx.connection
        .prepare_cached(
            "INSERT INTO events (seq, message, lane, kind, at, attempts, previous, detail) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            event.seq.get(),
            event.message.get(),
            event.lane.0,
            event.kind.code(),
            event.at.as_millis(),
            event.attempts,
            previous,
            news::detail(event)?,
        ])?;
    tx.connection
        .prepare_cached(
            "INSERT INTO news (message, last_event, count) VALUES (?1, ?2, 1) \
             ON CONFLICT DO UPDATE SET last_event = excluded.last_event, count = count + 1",
        )?
        .execute([event.message.get(), event.seq.get()])?;
    tx.connection
        .prepare_cached("DELETE FROM unanswered WHERE message = ?1")?
        .execute([event.message.get()])?;
    Ok(())
}

/// The messages of an account that nothing was learned of since they were delivered, the oldest delivery first.
pub(super) fn unanswered(
    connection: &Connection,
    account: AccountPk,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<Seq>> {
    let mut statement = connection.prepare_cached(
        "SELECT message FROM unanswered INDEXED BY unanswered_by_account \
         WHERE account = ?1 AND since < ?2 ORDER BY since, message LIMIT ?3",
    )?;
    let values = params![account.0, before.as_millis(), at_most(limit.min(PAGE_MAX))];
    let rows = statement.query_map(values, |row| Ok(Seq::new(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whoever handed the message over is to be told.
fn report(tx: &WriteTx<'_>, submission: SubmissionId, event: &Event) -> Result<()> {
    let told: Option<(String, &[Channel])> = tx
        .connection
        .prepare_cached(
            "SELECT s.tenant, t.webhook IS NOT NULL \
             FROM submissions s LEFT JOIN tenants t ON t.id = s.tenant WHERE s.id = ?1",
        )?
        .query_row([submission.0.get()], |row| {
            Ok((row.get(0)?, reports::channels(row, 1)?))
        })
        .optional()?;
    let Some((tenant, channels)) = told else {
        return Ok(());
    };
    tx.connection
        .prepare_cached(
            "UPDATE submissions SET reports = reports + ?3, updated_at = max(updated_at, ?2) WHERE id = ?1",
        )?
        .execute([
            submission.0.get(),
            event.at.as_millis(),
            at_most(channels.len()),
        ])?;
    for &channel in channels {
        reports::insert(tx, &tenant, channel, event.seq, submission, event.at)?;
        reports::count(tx, &tenant, channel, 1)?;
    }
    Ok(())
}
