//! Acceptance: a batch of messages into the ledger.

use model::{ContentHash, Seq};
use rusqlite::params;

use super::transaction::WriteTx;
use super::{books, contents, lanes, row};
use crate::campaign::check_are_of_its_lane;
use crate::log::accepted;
use crate::{Accepted, Lease, NewMessage, Renewal, Result};

pub(super) fn accept(
    tx: &mut WriteTx<'_>,
    tag: u32,
    lease: &Lease,
    batch: Vec<NewMessage>,
) -> Result<Vec<Accepted>> {
    check_are_of_its_lane(lease, &batch)?;
    lanes::check_of_run(tx, lease)?;
    let Some(first) = batch.first() else {
        return Ok(Vec::new());
    };
    let mut shared = Shared::look_up(tx, first)?;
    let mut answers = Vec::with_capacity(batch.len());
    let mut added = 0;
    for new in batch {
        shared.follow(tx, &new)?;
        let key = new.address.key();
        let answer = match insert(tx, &shared, &new, &key)? {
            Some(seq) => {
                added += 1;
                tx.append(|| accepted(new, seq, tag));
                Accepted::New(seq)
            }
            None => known(tx, &new, &key)?,
        };
        answers.push(answer);
    }
    books::add(tx, lease.lane, added)?;
    Ok(answers)
}

/// The numbers a message's row refers to, looked up once for a run of messages that share them.
struct Shared {
    hash: ContentHash,
    content: i64,
}

impl Shared {
    fn look_up(tx: &WriteTx<'_>, first: &NewMessage) -> Result<Self> {
        Ok(Self {
            hash: first.content,
            content: contents::id(tx.connection, first.content)?,
        })
    }

    fn follow(&mut self, tx: &WriteTx<'_>, new: &NewMessage) -> Result<()> {
        if new.content != self.hash {
            self.content = contents::id(tx.connection, new.content)?;
            self.hash = new.content;
        }
        Ok(())
    }
}

/// Writes the row; `None` when the ledger has the address already.
fn insert(tx: &WriteTx<'_>, shared: &Shared, new: &NewMessage, key: &str) -> Result<Option<Seq>> {
    let seq = tx.next_seq();
    let folded = (key != new.address.as_str()).then_some(key);
    let written = tx
        .connection
        .prepare_cached(
            "INSERT INTO messages \
             (seq, lane, content, state, due_at, attempts, accepted_at, folded, address, data) \
             VALUES (?1, ?2, ?3, 0, ?4, 0, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            seq.get(),
            new.lane.0,
            shared.content,
            new.due_at.as_millis(),
            new.at.as_millis(),
            folded,
            new.address.as_str(),
            &*new.data,
        ])?;
    Ok((written == 1).then_some(seq))
}

/// The row the ledger has.
fn known(tx: &WriteTx<'_>, new: &NewMessage, key: &str) -> Result<Accepted> {
    let (seq, code): (i64, i64) = tx
        .connection
        .prepare_cached(
            "SELECT seq, state FROM messages INDEXED BY ledger \
             WHERE lane = ?1 AND ifnull(folded, address) = ?2 \
             AND retry_of IS NULL AND submission IS NULL",
        )?
        .query_row(params![new.lane.0, key], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let seq = Seq::new(seq);
    let state = row::state(seq, code)?;
    Ok(Accepted::Known { seq, state })
}

/// Gives messages that are still queued other data and another template, where they differ.
pub(super) fn renew(tx: &WriteTx<'_>, lease: &Lease, batch: Vec<Renewal>) -> Result<()> {
    lanes::check_of_run(tx, lease)?;
    for Renewal { seq, content, data } in batch {
        let content = contents::id(tx.connection, content)?;
        tx.connection
            .prepare_cached(
                "UPDATE messages SET data = ?2, content = ?3 \
                 WHERE seq = ?1 AND lane = ?4 AND state = 0 AND submission IS NULL \
                 AND (data <> ?2 OR content <> ?3)",
            )?
            .execute(params![seq.get(), &*data, content, lease.lane.0])?;
    }
    Ok(())
}
