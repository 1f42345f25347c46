//! Recording: every change of a message's state, with its event, in one transaction (promise: P-02).

use std::sync::Arc;

use model::{Attempt, Event, EventKind, Message, MessageState, News, Seq, Timestamp};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::submissions::tally::{Fact, Tally};
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
    moved.write(tx, lease)?;
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

/// Appends the event and moves its message; `None` when that is queued no more.
fn append(tx: &mut WriteTx<'_>, lease: &Lease, new: NewEvent) -> Result<Option<Seq>> {
    check_is_outcome(new.kind)?;
    let seq = tx.next_seq();
    let moved = Moved::by(&new);
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
        return Ok(None);
    }
    match new.kind {
        EventKind::RateLimited => lead_to(tx, &new.message, seq)?,
        _ => moved.write(tx, &new.message, seq)?,
    }
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
    Ok(Some(seq))
}

/// Refuses what is recorded in another way.
fn check_is_outcome(kind: EventKind) -> Result<()> {
    match kind {
        EventKind::Accepted => Err(StoreError::Invalid(
            "an event `accepted` for a message that was accepted before".to_owned(),
        )),
        EventKind::Returned | EventKind::Receipt => Err(StoreError::Invalid(
            "news of a message as its outcome".to_owned(),
        )),
        EventKind::Delivered
        | EventKind::Deferred
        | EventKind::Bounced
        | EventKind::Expired
        | EventKind::Dropped
        | EventKind::Cancelled
        | EventKind::RateLimited => Ok(()),
    }
}

/// Where a message stands after an event.
struct Moved {
    state: MessageState,
    due_at: Option<Timestamp>,
    attempts: u32,
    code: Option<u16>,
}

impl Moved {
    fn by(new: &NewEvent) -> Self {
        let state = new.kind.state();
        // Only a queued message is due, and one that nobody gave a time is due at once.
        let due_at = match state {
            MessageState::Queued => Some(new.due_at.unwrap_or(new.at)),
            _ => None,
        };
        Self {
            state,
            due_at,
            attempts: new.attempts,
            code: new.attempt.as_ref().map(code),
        }
    }

    fn write(&self, tx: &WriteTx<'_>, message: &Message, seq: Seq) -> Result<()> {
        tx.connection
            .prepare_cached(
                "UPDATE messages SET state = ?2, due_at = ?3, attempts = ?4, last_event = ?5, \
                 code = ifnull(?6, code) WHERE seq = ?1",
            )?
            .execute(params![
                message.seq.get(),
                self.state.code(),
                self.due_at.map(Timestamp::as_millis),
                self.attempts,
                seq.get(),
                self.code,
            ])?;
        troubled::note(tx, message, self.state, self.attempts)
    }
}

/// Lets a message lead to an event that was no attempt: it keeps its place in the queue.
fn lead_to(tx: &WriteTx<'_>, message: &Message, seq: Seq) -> Result<()> {
    tx.connection
        .prepare_cached("UPDATE messages SET last_event = ?2 WHERE seq = ?1")?
        .execute([message.seq.get(), seq.get()])?;
    Ok(())
}

fn code(attempt: &Attempt) -> u16 {
    attempt.reply.as_ref().map_or(NO_ANSWER, |reply| reply.code)
}

/// Refuses a message that the lease does not cover (promise: P-03).
fn check_is_of_lane(tx: &WriteTx<'_>, lease: &Lease, message: &Message) -> Result<()> {
    let lane: Option<i64> = tx
        .connection
        .prepare_cached("SELECT lane FROM messages WHERE seq = ?1")?
        .query_row([message.seq.get()], |row| row.get(0))
        .optional()?;
    // A submission's message may have been removed while it was under way.
    let is_gone =
        lane.is_none() && message.lane == lease.lane && message.content.letter().is_none();
    match lane == Some(lease.lane.0) || is_gone {
        true => Ok(()),
        false => Err(StoreError::Missing(format!(
            "message {} of lane {}",
            message.seq.get(),
            lease.key
        ))),
    }
}

pub(super) fn encode(detail: &Detail) -> Result<Option<String>> {
    let Detail {
        attempt,
        due_at,
        news,
        reason,
    } = detail;
    if attempt.is_none() && due_at.is_none() && news.is_none() && reason.is_none() {
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
