//! What happened to one message, read back from its latest event.

use std::sync::Arc;

use model::{Event, Message, MessageId, Seq, Timestamp};
use rusqlite::Connection;

use super::row::{EVENT_COLUMNS, EVENT_WIDTH, to_event};
use super::{row, troubled};
use crate::log::accepted_event;
use crate::{Logged, Result, Timeline};

/// The timeline of a message; of more events than it holds, the first and the latest.
pub(super) fn timeline(connection: &Connection, tag: u32, seq: Seq) -> Result<Option<Timeline>> {
    let Some(message) = row::message(connection, tag, seq)? else {
        return Ok(None);
    };
    let (last_event, due_at) = place(connection, &message)?;
    let events = events(connection, &message, last_event)?;
    let retried_as = troubled::repeat_of(connection, &message)?
        .map(|repeat| message_id(connection, tag, repeat))
        .transpose()?;
    Ok(Some(Timeline::new(message, events, due_at, retried_as)))
}

/// A message's events with the message, in order.
pub(super) fn logged(connection: &Connection, tag: u32, seq: Seq) -> Result<Vec<Logged>> {
    let Some(message) = row::message(connection, tag, seq)? else {
        return Ok(Vec::new());
    };
    let (last_event, _) = place(connection, &message)?;
    let events = events(connection, &message, last_event)?;
    let message = Arc::new(message);
    let of_message = |event| Logged {
        event,
        message: Arc::clone(&message),
    };
    Ok(events.into_iter().map(of_message).collect())
}

fn events(
    connection: &Connection,
    message: &Message,
    last_event: Option<i64>,
) -> Result<Vec<Event>> {
    let mut events = latest_first(connection, message, last_event)?;
    events.push(accepted_event(message));
    events.reverse();
    Ok(events)
}

/// The message's latest event, news included, and when it is due.
fn place(connection: &Connection, message: &Message) -> Result<(Option<i64>, Option<i64>)> {
    let mut statement = connection.prepare_cached(
        "SELECT ifnull(n.last_event, m.last_event), m.due_at \
         FROM messages m LEFT JOIN news n ON n.message = m.seq WHERE m.seq = ?1",
    )?;
    let place = statement.query_row([message.seq.get()], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(place?)
}

/// The events after acceptance, from the last one back.
fn latest_first(
    connection: &Connection,
    message: &Message,
    mut place: Option<i64>,
) -> Result<Vec<Event>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {EVENT_COLUMNS}, e.previous FROM events e WHERE e.seq = ?1 AND e.message = ?2"
    ))?;
    let mut events = Vec::new();
    while let Some(seq) = place
        && events.len() < Timeline::EVENTS_MAX - 1
    {
        let mut rows = statement.query([seq, message.seq.get()])?;
        let row = rows.next()?.ok_or_else(|| Timeline::lost(message, seq))?;
        events.extend(to_event(row, 0, message)?);
        place = row.get(EVENT_WIDTH)?;
    }
    Ok(events)
}

fn message_id(connection: &Connection, tag: u32, seq: Seq) -> Result<MessageId> {
    let accepted_at = connection
        .prepare_cached("SELECT accepted_at FROM messages WHERE seq = ?1")?
        .query_row([seq.get()], |row| row.get(0))?;
    Ok(MessageId::new(
        Timestamp::from_millis(accepted_at),
        tag,
        seq,
    ))
}
