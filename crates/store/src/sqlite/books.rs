//! The counters of a lane, changed in the transaction that changes what they count.

use model::{LaneId, MessageState};
use rusqlite::{Connection, params};

use super::transaction::WriteTx;
use crate::books::ACCEPTED;
use crate::{Books, Result};

/// Counts messages that were accepted: they are queued.
pub(super) fn add(tx: &WriteTx<'_>, lane: LaneId, count: i64) -> Result<()> {
    change(tx, lane, ACCEPTED, count)?;
    change(tx, lane, MessageState::Queued.code(), count)
}

/// Moves messages from queued to a final state.
pub(super) fn finish(
    tx: &WriteTx<'_>,
    lane: LaneId,
    state: MessageState,
    count: i64,
) -> Result<()> {
    change(tx, lane, MessageState::Queued.code(), -count)?;
    change(tx, lane, state.code(), count)
}

/// Notes that a final message is kept no longer: the counters go on counting it.
pub(super) fn forget(tx: &WriteTx<'_>, lane: LaneId, state: MessageState) -> Result<()> {
    tx.connection
        .prepare_cached(
            "INSERT INTO forgotten (lane, state, count) VALUES (?1, ?2, 1) \
             ON CONFLICT DO UPDATE SET count = count + 1",
        )?
        .execute([lane.0, state.code()])?;
    Ok(())
}

fn change(tx: &WriteTx<'_>, lane: LaneId, state: i64, by: i64) -> Result<()> {
    if by == 0 {
        return Ok(());
    }
    tx.connection
        .prepare_cached(
            "INSERT INTO books (lane, state, count) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
        )?
        .execute(params![lane.0, state, by])?;
    Ok(())
}

/// The counters.
pub(super) fn read(connection: &Connection, lane: LaneId) -> Result<Books> {
    let mut books = Books::default();
    let mut statement =
        connection.prepare_cached("SELECT state, count FROM books WHERE lane = ?1")?;
    let mut rows = statement.query([lane.0])?;
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

/// The same figures from the messages themselves, and from the note of those that are kept no longer.
pub(super) fn count(connection: &Connection, lane: LaneId) -> Result<Books> {
    let mut books = Books::default();
    let mut statement = connection.prepare_cached(
        "SELECT state, count(*) FROM messages INDEXED BY messages_by_lane WHERE lane = ?1 GROUP BY state \
         UNION ALL SELECT state, count FROM forgotten WHERE lane = ?1",
    )?;
    let mut rows = statement.query([lane.0])?;
    while let Some(row) = rows.next()? {
        let (code, count): (i64, i64) = (row.get(0)?, row.get(1)?);
        let count = count.unsigned_abs();
        books.accepted += count;
        if let Some(state) = MessageState::from_code(code) {
            *books.count_mut(state) += count;
        }
    }
    Ok(books)
}
