//! Recording: every change of a message's state, with its event, in one transaction (promise: P-02).

use std::sync::Arc;

use model::{Attempt, Event, EventKind, Message, MessageState, News, Seq, Timestamp};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::transaction::WriteTx;
use super::{books, lanes, row, troubled};
use crate::{Lease, Logged, NewEvent, Result, StoreError};

/// What an event's `detail` column holds, as JSON. Absent when there is nothing to say.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Detail {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) attempt: Option<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) due_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) news: Option<News>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) reason: Option<Box<str>>,
}

/// The code of an attempt without an answer.
const NO_ANSWER: u16 = 0;

pub(super) fn record(tx: &mut WriteTx<'_>, lease: &Lease, batch: Vec<NewEvent>) -> Result<usize> {
    lanes::check(tx, lease)?;
    let mut left_out = 0;
    let mut moved = Moves::default();
    for new in batch {
        let state = new.kind.state();
        match append(tx, lease, new)? {
            true => moved.add(state),
            false => left_out += 1,
        }
    }
    moved.write(tx, lease)?;
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
        batch.push(NewEvent {
            at,
            kind: EventKind::Cancelled,
            attempts: message.attempts,
            message: Arc::new(message),
            due_at: None,
            attempt: None,
            reason: Some(reason.into()),
        });
    }
    let left_out = record(tx, lease, batch)?;
    Ok(messages.len() - left_out)
}

/// Appends the event and moves its message; `false` when that is queued no more.
fn append(tx: &mut WriteTx<'_>, lease: &Lease, new: NewEvent) -> Result<bool> {
    if new.kind == EventKind::Accepted {
        return Err(StoreError::Invalid(
            "an event `accepted` for a message that was accepted before".to_owned(),
        ));
    }
    let seq = tx.next_seq();
    let code = new.attempt.as_ref().map(code);
    let detail = Detail {
        attempt: new.attempt,
        due_at: new.due_at,
        news: None,
        reason: new.reason,
    };
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
            new.message.seq.get(),
            lease.lane.0,
            new.kind.code(),
            new.at.as_millis(),
            new.attempts,
            encode(&detail)?,
        ])?;
    if appended == 0 {
        check_is_of_lane(tx, lease, &new.message)?;
        return Ok(false);
    }
    // Only a queued message is due, and one that nobody gave a time is due at once.
    let due_at = match new.kind.state() {
        MessageState::Queued => Some(new.due_at.unwrap_or(new.at)),
        _ => None,
    };
    tx.connection
        .prepare_cached(
            "UPDATE messages SET state = ?2, due_at = ?3, attempts = ?4, last_event = ?5, \
             code = ifnull(?6, code) WHERE seq = ?1",
        )?
        .execute(params![
            new.message.seq.get(),
            new.kind.state().code(),
            due_at.map(Timestamp::as_millis),
            new.attempts,
            seq.get(),
            code,
        ])?;
    troubled::note(tx, &new.message, new.kind.state(), new.attempts)?;
    tx.append(|| Logged {
        event: Event {
            seq,
            message: new.message.seq,
            lane: new.message.lane,
            at: new.at,
            kind: new.kind,
            attempts: new.attempts,
            attempt: detail.attempt,
            due_at: detail.due_at,
            news: detail.news,
            reason: detail.reason,
        },
        message: new.message,
    });
    Ok(true)
}

fn code(attempt: &Attempt) -> u16 {
    attempt.reply.as_ref().map_or(NO_ANSWER, |reply| reply.code)
}

/// Refuses a message that the lease does not cover (promise: P-03).
fn check_is_of_lane(tx: &WriteTx<'_>, lease: &Lease, message: &Message) -> Result<()> {
    let is_there = tx
        .connection
        .prepare_cached("SELECT 1 FROM messages WHERE seq = ?1 AND lane = ?2")?
        .exists([message.seq.get(), lease.lane.0])?;
    match is_there {
        true => Ok(()),
        false => Err(StoreError::Missing(format!(
            "message {} of lane {}",
            message.seq.get(),
            lease.key
        ))),
    }
}

fn encode(detail: &Detail) -> Result<Option<String>> {
    if detail.attempt.is_none() && detail.due_at.is_none() && detail.reason.is_none() {
        return Ok(None);
    }
    serde_json::to_string(detail)
        .map(Some)
        .map_err(|error| StoreError::Backend(error.to_string()))
}

/// Changes of the books, summed up so that a batch writes each counter once.
#[derive(Default)]
struct Moves(Vec<(MessageState, i64)>);

impl Moves {
    fn add(&mut self, state: MessageState) {
        if state == MessageState::Queued {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => self.0.push((state, 1)),
        }
    }

    fn write(self, tx: &WriteTx<'_>, lease: &Lease) -> Result<()> {
        for (state, count) in self.0 {
            books::finish(tx, lease.lane, state, count)?;
        }
        Ok(())
    }
}
