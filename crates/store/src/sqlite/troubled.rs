//! The messages that did not go well at once, kept apart so that they are found in a run of a million: those that
//! failed, were taken back, or were tried and wait.
//!
//! It is a table and not an index of the messages: an index would be looked after at each change of every message,
//! and this costs nothing for one that is delivered at its first attempt.

use model::{LaneId, Message, MessageState, Seq};
use rusqlite::{Connection, OptionalExtension, params};

use super::row;
use super::transaction::WriteTx;
use crate::{Result, Standing};

/// Notes where a message stands after an event.
pub(super) fn note(
    tx: &WriteTx<'_>,
    message: &Message,
    state: MessageState,
    attempts: u32,
) -> Result<()> {
    match Standing::of(state, attempts) {
        Standing::Pending => Ok(()),
        // Who was not tried before is not in the table.
        Standing::Sent if attempts <= 1 => Ok(()),
        Standing::Sent => remove(tx, message),
        Standing::Retrying | Standing::Failed | Standing::Cancelled => put(tx, message, state),
    }
}

fn put(tx: &WriteTx<'_>, message: &Message, state: MessageState) -> Result<()> {
    tx.connection
        .prepare_cached(
            "INSERT INTO troubled (lane, message, state) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET state = excluded.state",
        )?
        .execute(params![message.lane.0, message.seq.get(), state.code()])?;
    Ok(())
}

fn remove(tx: &WriteTx<'_>, message: &Message) -> Result<()> {
    tx.connection
        .prepare_cached("DELETE FROM troubled WHERE lane = ?1 AND message = ?2")?
        .execute([message.lane.0, message.seq.get()])?;
    Ok(())
}

/// Messages of a run that failed for good at or before `up_to` in the log and have no repeat.
pub(super) fn repeatable(
    connection: &Connection,
    lane: LaneId,
    up_to: Seq,
    limit: usize,
) -> Result<Vec<Seq>> {
    let mut statement = connection.prepare_cached(
        "SELECT message FROM troubled INDEXED BY repeatable \
         WHERE lane = ?1 AND state BETWEEN 3 AND 5 AND retried_as IS NULL \
         AND (SELECT last_event FROM messages WHERE seq = message) <= ?2 \
         ORDER BY message LIMIT ?3",
    )?;
    let rows = statement.query_map(params![lane.0, up_to.get(), row::at_most(limit)], |row| {
        Ok(Seq::new(row.get(0)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether there is one.
pub(super) fn has_repeatable(connection: &Connection, lane: LaneId) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM troubled INDEXED BY repeatable \
             WHERE lane = ?1 AND state BETWEEN 3 AND 5 AND retried_as IS NULL",
        )?
        .exists([lane.0])?)
}

/// Notes the repeat of a failed message.
pub(super) fn set_repeat(tx: &WriteTx<'_>, lane: LaneId, failed: Seq, repeat: Seq) -> Result<()> {
    tx.connection
        .prepare_cached("UPDATE troubled SET retried_as = ?3 WHERE lane = ?1 AND message = ?2")?
        .execute([lane.0, failed.get(), repeat.get()])?;
    Ok(())
}

/// The message that repeats this one.
pub(super) fn repeat_of(connection: &Connection, message: &Message) -> Result<Option<Seq>> {
    let found: Option<Option<i64>> = connection
        .prepare_cached("SELECT retried_as FROM troubled WHERE lane = ?1 AND message = ?2")?
        .query_row([message.lane.0, message.seq.get()], |row| row.get(0))
        .optional()?;
    Ok(found.flatten().map(Seq::new))
}
