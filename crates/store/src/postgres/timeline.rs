//! What happened to one message, read back from its latest event.

use std::sync::Arc;

use model::{Event, Message, MessageId, Seq, Timestamp};
use tokio_postgres::Row;

use super::row::{
    EVENT_COLUMNS, EVENT_WIDTH, MESSAGE_COLUMNS, MESSAGE_WIDTH, at_most, to_event, to_message,
};
use super::session::Session;
use crate::log::accepted_event;
use crate::{Logged, Result, Timeline};

/// Events after acceptance that a timeline holds.
const EVENTS_MAX: usize = Timeline::EVENTS_MAX - 1;
/// Where the columns of [`statement`] are that come after the message's and the event's.
const PREVIOUS: usize = MESSAGE_WIDTH + EVENT_WIDTH;
const LAST: usize = PREVIOUS + 1;
const DUE_AT: usize = LAST + 1;
const REPEAT: usize = DUE_AT + 1;
const REPEATED_AT: usize = REPEAT + 1;

/// Messages, and each of their events after acceptance from the first one on, in one look: they may be removed the next
/// moment. From each event it is a step to the one before; the `LIMIT` keeps that a look into an index.
fn statement() -> String {
    format!(
        "WITH RECURSIVE back AS ( \
             SELECT 1::bigint AS nth, e.* FROM messages m LEFT JOIN news n ON n.message = m.seq \
             CROSS JOIN LATERAL (SELECT * FROM events WHERE seq = coalesce(n.last_event, m.last_event) \
                 AND at = coalesce(n.last_event_at, m.last_event_at) AND message = m.seq LIMIT 1) e \
             WHERE m.seq = ANY ($1) \
             UNION ALL \
             SELECT back.nth + 1, e.* FROM back \
             CROSS JOIN LATERAL (SELECT * FROM events WHERE seq = back.previous \
                 AND at = back.previous_at AND message = back.message LIMIT 1) e \
             WHERE back.nth < $2 \
         ) \
         SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS}, e.previous, coalesce(n.last_event, m.last_event), m.due_at, \
                r.seq, r.accepted_at \
         FROM messages m LEFT JOIN contents c ON c.id = m.content LEFT JOIN news n ON n.message = m.seq \
         LEFT JOIN troubled t ON t.lane = m.lane AND t.message = m.seq LEFT JOIN messages r ON r.seq = t.retried_as \
         LEFT JOIN back e ON e.message = m.seq \
         WHERE m.seq = ANY ($1) ORDER BY m.seq, e.nth DESC"
    )
}

/// The timeline of a message; of more events than it holds, the first and the latest.
pub(super) async fn timeline(session: &Session, tag: u32, seq: Seq) -> Result<Option<Timeline>> {
    let rows = rows(session, &[seq.get()]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let message = to_message(row, tag)?;
    let events = events(&rows, &message)?;
    let (due_at, repeat) = (row.try_get(DUE_AT)?, repeat(row, tag)?);
    Ok(Some(Timeline::new(message, events, due_at, repeat)))
}

/// The events of messages, each with its message: those of one after those of the other.
pub(super) async fn logged(session: &Session, tag: u32, messages: &[i64]) -> Result<Vec<Logged>> {
    let rows = rows(session, messages).await?;
    let mut logged = Vec::new();
    for rows in rows.chunk_by(|one, next| seq(one).ok() == seq(next).ok()) {
        let message = Arc::new(to_message(&rows[0], tag)?);
        let of_message = |event| Logged {
            event,
            message: Arc::clone(&message),
        };
        logged.extend(events(rows, &message)?.into_iter().map(of_message));
    }
    Ok(logged)
}

async fn rows(session: &Session, messages: &[i64]) -> Result<Vec<Row>> {
    session
        .rows(&statement(), &[&messages, &at_most(EVENTS_MAX)])
        .await
}

fn seq(row: &Row) -> Result<i64> {
    Ok(row.try_get(0)?)
}

fn events(rows: &[Row], message: &Message) -> Result<Vec<Event>> {
    check_none_lost(rows, message)?;
    let mut events = vec![accepted_event(message)];
    for row in rows {
        events.extend(to_event(row, MESSAGE_WIDTH, message)?);
    }
    Ok(events)
}

/// Refuses a message one of whose events refers to one that is not there.
fn check_none_lost(rows: &[Row], message: &Message) -> Result<()> {
    let Some(oldest) = rows.first() else {
        return Ok(());
    };
    let is_any: Option<i64> = oldest.try_get(MESSAGE_WIDTH)?;
    let before: Option<i64> = match is_any {
        Some(_) => oldest.try_get(PREVIOUS)?,
        None => oldest.try_get(LAST)?,
    };
    match before {
        Some(event) if rows.len() < EVENTS_MAX => Err(Timeline::lost(message, event)),
        _ => Ok(()),
    }
}

fn repeat(row: &Row, tag: u32) -> Result<Option<MessageId>> {
    let Some(seq) = row.try_get::<_, Option<i64>>(REPEAT)? else {
        return Ok(None);
    };
    let accepted_at = Timestamp::from_millis(row.try_get(REPEATED_AT)?);
    Ok(Some(MessageId::new(accepted_at, tag, Seq::new(seq))))
}
