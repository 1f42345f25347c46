//! Recording: every change of a message's state, with its event, in one transaction (promise: P-02).

use std::sync::Arc;

use model::{Attempt, Event, EventKind, MessageState, Seq, Timestamp};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::writer::WriteTx;
use super::{campaigns, lanes, row};
use crate::{Lease, Logged, NewEvent, Result, StoreError};

/// What an event's `detail` column holds, as JSON. Absent when there is nothing to say.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Detail {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) attempt: Option<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) reason: Option<Box<str>>,
}

pub(super) fn record(tx: &mut WriteTx<'_>, lease: &Lease, batch: Vec<NewEvent>) -> Result<usize> {
    lanes::check(tx, lease)?;
    let mut left_out = 0;
    let mut moved = Moves::default();
    for new in batch {
        let campaign = new.message.campaign;
        let state = new.kind.state();
        if append(tx, new)? {
            moved.add(tx, campaign, state)?;
        } else {
            left_out += 1;
        }
    }
    moved.flush(tx)?;
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
        let message = row::message(tx.connection, tag, seq)?
            .ok_or_else(|| StoreError::Missing(format!("message {}", seq.get())))?;
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

/// Moves a queued message and appends the event; `false` when it is queued no more.
fn append(tx: &mut WriteTx<'_>, new: NewEvent) -> Result<bool> {
    let seq = tx.next_seq();
    let message = &new.message;
    let previous: Option<Option<i64>> = {
        let mut statement = tx
            .connection
            .prepare_cached("SELECT last_event FROM messages WHERE seq = ?1 AND state = 0")?;
        let mut rows = statement.query([message.seq.get()])?;
        rows.next()?.map(|row| row.get(0)).transpose()?
    };
    let Some(previous) = previous else {
        return Ok(false);
    };
    tx.connection
        .prepare_cached(
            "UPDATE messages SET state = ?2, due_at = ?3, attempts = ?4, last_event = ?5 WHERE seq = ?1",
        )?
        .execute(params![
            message.seq.get(),
            new.kind.state().code(),
            new.due_at.map(Timestamp::as_millis),
            new.attempts,
            seq.get(),
        ])?;
    let detail = Detail {
        attempt: new.attempt,
        reason: new.reason,
    };
    tx.connection
        .prepare_cached(
            "INSERT INTO events (seq, message, campaign, kind, at, attempts, previous, detail) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            seq.get(),
            message.seq.get(),
            message.campaign.0,
            new.kind.code(),
            new.at.as_millis(),
            new.attempts,
            previous,
            encode(&detail)?,
        ])?;
    if tx.is_followed() {
        let event = Event {
            seq,
            message: message.seq,
            campaign: message.campaign,
            at: new.at,
            kind: new.kind,
            attempts: new.attempts,
            attempt: detail.attempt,
            reason: detail.reason,
        };
        tx.publish(Logged {
            event,
            message: new.message,
        });
    }
    Ok(true)
}

fn encode(detail: &Detail) -> Result<Option<String>> {
    if detail.attempt.is_none() && detail.reason.is_none() {
        return Ok(None);
    }
    serde_json::to_string(detail)
        .map(Some)
        .map_err(|error| StoreError::Backend(error.to_string()))
}

/// Changes of the books, summed up so that a batch writes each counter once.
#[derive(Default)]
struct Moves {
    campaign: Option<model::CampaignId>,
    counts: Vec<(MessageState, i64)>,
}

impl Moves {
    fn add(
        &mut self,
        tx: &WriteTx<'_>,
        campaign: model::CampaignId,
        state: MessageState,
    ) -> Result<()> {
        if state == MessageState::Queued {
            return Ok(());
        }
        if self.campaign != Some(campaign) {
            self.flush(tx)?;
            self.campaign = Some(campaign);
        }
        match self.counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((state, 1)),
        }
        Ok(())
    }

    fn flush(&mut self, tx: &WriteTx<'_>) -> Result<()> {
        let Some(campaign) = self.campaign else {
            return Ok(());
        };
        for (state, count) in self.counts.drain(..) {
            campaigns::move_in_books(tx, campaign, state, count)?;
        }
        Ok(())
    }
}
