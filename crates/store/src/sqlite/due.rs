//! The queue read in the order of delivery.

use std::collections::HashSet;

use model::{LaneId, Priority, Seq, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::row;
use crate::{Due, Queued, Result, StoreError};

/// What is due, and the due messages whose rows cannot be read.
pub(super) fn due(
    connection: &Connection,
    tag: u32,
    lane: LaneId,
    now: Timestamp,
    limit: usize,
    in_flight: &HashSet<Seq>,
) -> Result<(Due, Vec<Seq>)> {
    let (mut messages, mut damaged) = (Vec::new(), Vec::new());
    // Those in flight are still queued in the file. The index alone tells them apart, without their rows.
    let window = row::at_most(limit.saturating_add(in_flight.len()));
    let mut statement = connection.prepare_cached(
        "SELECT seq FROM messages INDEXED BY due \
         WHERE lane = ?1 AND priority = ?2 AND state = 0 AND held IS NULL AND due_at <= ?3 \
         ORDER BY due_at, seq LIMIT ?4",
    )?;
    for priority in Priority::ALL {
        let mut rows =
            statement.query(params![lane.0, priority.code(), now.as_millis(), window])?;
        while messages.len() < limit
            && let Some(found) = rows.next()?
        {
            let seq = Seq::new(found.get(0)?);
            if in_flight.contains(&seq) {
                continue;
            }
            match row::message(connection, tag, seq) {
                Ok(message) => messages.extend(message),
                Err(StoreError::Damaged(_)) => damaged.push(seq),
                Err(error) => return Err(error),
            }
        }
    }
    let next_at = next_at(connection, lane, now)?;
    Ok((Due { messages, next_at }, damaged))
}

/// When the first message that is not due yet will be, whatever its priority.
fn next_at(connection: &Connection, lane: LaneId, now: Timestamp) -> Result<Option<Timestamp>> {
    let mut statement = connection.prepare_cached(
        "SELECT due_at FROM messages INDEXED BY due \
         WHERE lane = ?1 AND priority = ?2 AND state = 0 AND held IS NULL AND due_at > ?3 \
         ORDER BY due_at LIMIT 1",
    )?;
    let mut first: Option<i64> = None;
    for priority in Priority::ALL {
        let next: Option<i64> = statement
            .query_row(params![lane.0, priority.code(), now.as_millis()], |row| {
                row.get(0)
            })
            .optional()?;
        first = first.into_iter().chain(next).min();
    }
    Ok(first.map(Timestamp::from_millis))
}

pub(super) fn queued(
    connection: &Connection,
    lane: LaneId,
    cursor: Seq,
    limit: usize,
) -> Result<Vec<Queued>> {
    let mut statement = connection.prepare_cached(
        "SELECT m.seq, CASE WHEN m.retry_of IS NULL THEN m.seq ELSE ( \
             SELECT f.seq FROM messages f INDEXED BY ledger \
             WHERE f.lane = m.lane AND f.retry_of IS NULL AND f.submission IS NULL \
             AND ifnull(f.folded, f.address) = ifnull(m.folded, m.address)) END \
         FROM messages m INDEXED BY messages_by_lane \
         WHERE m.lane = ?2 AND m.seq > ?1 AND m.state = 0 ORDER BY m.seq LIMIT ?3",
    )?;
    let rows = statement.query_map(params![cursor.get(), lane.0, row::at_most(limit)], |row| {
        Ok(Queued {
            seq: Seq::new(row.get(0)?),
            first: Seq::new(row.get(1)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
