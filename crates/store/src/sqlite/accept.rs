//! Acceptance: a batch of messages into the ledger.

use std::sync::Arc;

use model::{CampaignId, ContentHash, Event, EventKind, Message, MessageId, MessageState, Seq};
use rusqlite::params;

use super::writer::WriteTx;
use super::{campaigns, contents, lanes};
use crate::{Accepted, LaneKey, Logged, NewMessage, Result, StoreError};

pub(super) fn accept(
    tx: &mut WriteTx<'_>,
    tag: u32,
    batch: Vec<NewMessage>,
) -> Result<Vec<Accepted>> {
    let mut answers = Vec::with_capacity(batch.len());
    let mut rows = RowIds::default();
    let mut added = 0;
    for new in batch {
        rows.look_up(tx, &new)?;
        let answer = match insert(tx, &rows, &new)? {
            Some(seq) => {
                added += 1;
                publish(tx, tag, new, seq);
                Accepted::New(seq)
            }
            None => known(tx, &rows, &new)?,
        };
        answers.push(answer);
    }
    if let Some(campaign) = rows.campaign {
        campaigns::add_to_books(tx, campaign, MessageState::Queued, added)?;
    }
    Ok(answers)
}

/// The numbers a message's row refers to, looked up once for a run of messages that share them.
#[derive(Default)]
struct RowIds {
    campaign: Option<CampaignId>,
    lane: i64,
    hash: Option<ContentHash>,
    content: i64,
}

impl RowIds {
    fn look_up(&mut self, tx: &WriteTx<'_>, new: &NewMessage) -> Result<()> {
        if self
            .campaign
            .is_some_and(|campaign| campaign != new.campaign)
        {
            return Err(StoreError::Backend(
                "a batch belongs to one campaign".to_owned(),
            ));
        }
        if self.campaign.is_none() {
            self.lane = lanes::id(tx, &LaneKey::campaign(new.campaign))?;
            self.campaign = Some(new.campaign);
        }
        if self.hash != Some(new.content) {
            self.content = contents::id(tx.connection, new.content)?;
            self.hash = Some(new.content);
        }
        Ok(())
    }
}

/// Writes the row; `None` when the ledger has the address already.
fn insert(tx: &mut WriteTx<'_>, rows: &RowIds, new: &NewMessage) -> Result<Option<Seq>> {
    let seq = tx.next_seq();
    let written = tx
        .connection
        .prepare_cached(
            "INSERT INTO messages \
             (seq, campaign, lane, content, state, due_at, attempts, accepted_at, address, data) \
             VALUES (?1, ?2, ?3, ?4, 0, ?5, 0, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            seq.get(),
            new.campaign.0,
            rows.lane,
            rows.content,
            new.due_at.as_millis(),
            new.at.as_millis(),
            new.address.as_str(),
            &*new.data,
        ])?;
    Ok((written == 1).then_some(seq))
}

/// The row the ledger has. What the list says now wins for whoever has not been mailed yet.
fn known(tx: &WriteTx<'_>, rows: &RowIds, new: &NewMessage) -> Result<Accepted> {
    let (seq, code, content, same_data): (i64, i64, i64, bool) = tx
        .connection
        .prepare_cached(
            "SELECT seq, state, content, data = ?3 FROM messages \
             WHERE campaign = ?1 AND address = ?2 COLLATE NOCASE",
        )?
        .query_row(
            params![new.campaign.0, new.address.as_str(), &*new.data],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
    let state = MessageState::from_code(code)
        .ok_or_else(|| StoreError::Damaged(format!("message {seq} has no known state")))?;
    let is_changed = !same_data || content != rows.content;
    if state == MessageState::Queued && is_changed {
        tx.connection
            .prepare_cached("UPDATE messages SET data = ?2, content = ?3 WHERE seq = ?1")?
            .execute(params![seq, &*new.data, rows.content])?;
    }
    Ok(Accepted::Known {
        seq: Seq::new(seq),
        state,
    })
}

fn publish(tx: &mut WriteTx<'_>, tag: u32, new: NewMessage, seq: Seq) {
    if !tx.is_followed() {
        return;
    }
    let message = Arc::new(Message {
        seq,
        id: MessageId::new(new.at, tag, seq),
        campaign: new.campaign,
        content: new.content,
        address: new.address,
        data: new.data,
        accepted_at: new.at,
        attempts: 0,
        state: MessageState::Queued,
    });
    tx.publish(Logged {
        event: accepted_event(&message),
        message,
    });
}

/// A message's row read as its own `accepted` event.
pub(super) fn accepted_event(message: &Message) -> Event {
    Event {
        seq: message.seq,
        message: message.seq,
        campaign: message.campaign,
        at: message.accepted_at,
        kind: EventKind::Accepted,
        attempts: 0,
        attempt: None,
        reason: None,
    }
}
