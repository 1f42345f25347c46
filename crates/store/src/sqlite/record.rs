//! Recording: every change of a message's state, with its event, in one transaction (promise: P-02).

use std::sync::Arc;

use model::{EventKind, Message, Seq, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::submissions::tally::Tally;
use super::transaction::WriteTx;
use super::{books, lanes, row, troubled};
use crate::fact::Fact;
use crate::outcome::{Moved, Moves, Outcome, check_is_covered};
use crate::{Lease, Logged, NewEvent, Result};

pub(super) fn record(tx: &mut WriteTx<'_>, lease: &Lease, batch: Vec<NewEvent>) -> Result<usize> {
    let account = lanes::check(tx, lease)?;
    let mut tally = account
        .map(|account| Tally::begin(tx, account))
        .transpose()?;
    let mut left_out = 0;
    let mut moved = Moves::default();
    for new in batch {
        let (state, fact) = (new.kind.state(), Fact::of(&new));
        let Some(seq) = append(tx, lease, new)? else {
            left_out += 1;
            continue;
        };
        moved.add(state);
        if let Some(tally) = &mut tally {
            tally.note(tx, seq, &fact)?;
        }
    }
    for &(state, count) in moved.counts() {
        books::finish(tx, lease.lane, state, count)?;
    }
    if let Some(tally) = tally {
        tally.write(tx, lease.lane)?;
    }
    Ok(left_out)
}

/// Takes back messages that are still queued.
pub(super) fn cancel(
    tx: &mut WriteTx<'_>,
    tag: u32,
    lease: &Lease,
    messages: &[Seq],
    reason: &str,
    at: Timestamp,
) -> Result<usize> {
    let mut batch = Vec::with_capacity(messages.len());
    for &seq in messages {
        let message = row::message(tx.connection, tag, seq)?.ok_or_else(|| row::missing(seq))?;
        batch.push(NewEvent::end(
            Arc::new(message),
            EventKind::Cancelled,
            at,
            reason,
        ));
    }
    let left_out = record(tx, lease, batch)?;
    Ok(messages.len() - left_out)
}

/// Appends the event and moves its message; `None` when that is queued no more.
fn append(tx: &mut WriteTx<'_>, lease: &Lease, new: NewEvent) -> Result<Option<Seq>> {
    let seq = tx.next_seq();
    let outcome = Outcome::new(new, seq)?;
    let Logged { event, message } = &outcome.logged;
    // The message's row says whether there is anything to append, and what came before.
    let appended = tx
        .connection
        .prepare_cached(
            "INSERT INTO events (seq, message, lane, kind, at, attempts, previous, detail) \
             SELECT ?1, seq, lane, ?4, ?5, ?6, last_event, ?7 FROM messages \
             WHERE seq = ?2 AND lane = ?3 AND state = 0",
        )?
        .execute(params![
            seq.get(),
            message.seq.get(),
            lease.lane.0,
            event.kind.code(),
            event.at.as_millis(),
            event.attempts,
            outcome.detail,
        ])?;
    if appended == 0 {
        check_is_covered(lane_of(tx, message.seq)?, lease, message)?;
        return Ok(None);
    }
    match &outcome.moved {
        Some(moved) => put(tx, message, moved, seq)?,
        None => lead_to(tx, message, seq)?,
    }
    tx.append(|| outcome.logged);
    Ok(Some(seq))
}

/// Puts a message where an event left it.
fn put(tx: &WriteTx<'_>, message: &Message, moved: &Moved, seq: Seq) -> Result<()> {
    tx.connection
        .prepare_cached(
            "UPDATE messages SET state = ?2, due_at = ?3, attempts = ?4, last_event = ?5, \
             code = ifnull(?6, code) WHERE seq = ?1",
        )?
        .execute(params![
            message.seq.get(),
            moved.state.code(),
            moved.due_at.map(Timestamp::as_millis),
            moved.attempts,
            seq.get(),
            moved.code,
        ])?;
    troubled::note(tx, message, moved.state, moved.attempts)
}

/// Lets a message lead to an event that was no attempt: it keeps its place in the queue.
fn lead_to(tx: &WriteTx<'_>, message: &Message, seq: Seq) -> Result<()> {
    tx.connection
        .prepare_cached("UPDATE messages SET last_event = ?2 WHERE seq = ?1")?
        .execute([message.seq.get(), seq.get()])?;
    Ok(())
}

fn lane_of(tx: &WriteTx<'_>, message: Seq) -> Result<Option<i64>> {
    Ok(tx
        .connection
        .prepare_cached("SELECT lane FROM messages WHERE seq = ?1")?
        .query_row([message.get()], |row| row.get(0))
        .optional()?)
}
