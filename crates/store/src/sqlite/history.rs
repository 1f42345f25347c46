//! The log read back: events with the messages they are about.

use std::sync::Arc;

use model::{LaneId, Seq};
use rusqlite::{Connection, Row, params};

use super::row::{EVENT_COLUMNS, MESSAGE_COLUMNS, MESSAGE_WIDTH, at_most, to_event, to_message};
use crate::log::accepted_event;
use crate::{Logged, Result};

/// The log from after `cursor`: messages as their own `accepted` events, and the events, merged in order.
pub(super) fn after(
    connection: &Connection,
    tag: u32,
    cursor: Seq,
    lane: Option<LaneId>,
    limit: usize,
) -> Result<Vec<Logged>> {
    let (of_messages, of_events) = match lane {
        None => ("m.seq > ?1 AND ?2 IS NULL", "e.seq > ?1 AND ?2 IS NULL"),
        // Nothing happened to a run's messages before its first one.
        Some(_) => (
            "m.lane = ?2 AND m.seq > ?1",
            "e.lane = ?2 AND e.seq > \
             max(?1, (SELECT ifnull(min(seq), 0) FROM messages WHERE lane = ?2))",
        ),
    };
    let lane = lane.map(|id| id.0);
    let values = params![cursor.get(), lane, at_most(limit)];
    let mut merged = collect(
        connection,
        tag,
        &format!(
            "SELECT {MESSAGE_COLUMNS}, NULL, NULL, NULL, NULL, NULL \
             FROM messages m LEFT JOIN contents c ON c.id = m.content \
             WHERE {of_messages} ORDER BY m.seq LIMIT ?3"
        ),
        values,
    )?;
    merged.extend(collect(
        connection,
        tag,
        &format!(
            "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS} \
             FROM events e JOIN messages m ON m.seq = e.message LEFT JOIN contents c ON c.id = m.content \
             WHERE {of_events} ORDER BY e.seq LIMIT ?3"
        ),
        values,
    )?);
    merged.sort_by_key(|logged| logged.event.seq);
    merged.truncate(limit);
    Ok(merged)
}

/// The messages of a run, each with its latest event.
pub(super) fn latest(
    connection: &Connection,
    tag: u32,
    lane: LaneId,
    cursor: Seq,
    limit: usize,
) -> Result<Vec<Logged>> {
    collect(
        connection,
        tag,
        &format!(
            "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS} \
             FROM messages m INDEXED BY messages_by_lane LEFT JOIN contents c ON c.id = m.content \
             LEFT JOIN events e ON e.seq = m.last_event \
             WHERE m.seq > ?1 AND m.lane = ?2 ORDER BY m.seq LIMIT ?3"
        ),
        params![cursor.get(), lane.0, at_most(limit)],
    )
}

/// One message with its latest event.
pub(super) fn latest_of(connection: &Connection, tag: u32, message: Seq) -> Result<Option<Logged>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS} FROM messages m LEFT JOIN contents c ON c.id = m.content \
         LEFT JOIN events e ON e.seq = m.last_event WHERE m.seq = ?1"
    ))?;
    let mut rows = statement.query([message.get()])?;
    rows.next()?.map(|row| to_logged(row, tag)).transpose()
}

/// The log's last place. What was forgotten may have been the last.
pub(super) fn end_of_log(connection: &Connection) -> Result<Seq> {
    let mut statement = connection.prepare_cached(
        "SELECT max(ifnull((SELECT max(seq) FROM messages), 0), \
                    ifnull((SELECT max(seq) FROM events), 0), \
                    ifnull((SELECT max(seq) FROM controls), 0), \
                    ifnull((SELECT value FROM meta WHERE key = 'end_of_log'), 0))",
    )?;
    Ok(Seq::new(statement.query_row([], |row| row.get(0))?))
}

fn collect(
    connection: &Connection,
    tag: u32,
    query: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Logged>> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(values)?;
    let mut logged = Vec::new();
    while let Some(row) = rows.next()? {
        logged.push(to_logged(row, tag)?);
    }
    Ok(logged)
}

pub(super) fn to_logged(row: &Row<'_>, tag: u32) -> Result<Logged> {
    let message = to_message(row, tag)?;
    let event = match to_event(row, MESSAGE_WIDTH, &message)? {
        Some(event) => event,
        None => accepted_event(&message),
    };
    Ok(Logged {
        event,
        message: Arc::new(message),
    })
}
