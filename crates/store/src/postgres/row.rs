//! Rows to values, and values to what rows can hold.

use std::borrow::Cow;
use std::sync::Arc;

use model::{
    Address, Content, ContentHash, Event, EventKind, LaneId, Message, MessageId, MessageState,
    Priority, Seq, SubmissionId, Timestamp,
};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::session::Session;
use crate::detail::Detail;
use crate::log::accepted_event;
use crate::{Logged, Result, StoreError};

/// The columns [`to_message`] reads, from `messages m LEFT JOIN contents c`.
pub(super) const MESSAGE_COLUMNS: &str = "m.seq, m.lane, c.hash, m.address, m.data, m.accepted_at, m.attempts, m.state, m.retry_of, \
     m.submission, m.priority";
/// How many they are: where a query's own columns begin.
pub(super) const MESSAGE_WIDTH: usize = 11;
/// The columns [`to_event`] reads, from `events e`.
pub(super) const EVENT_COLUMNS: &str = "e.seq, e.kind, e.at, e.attempts, e.detail";
/// How many they are.
pub(super) const EVENT_WIDTH: usize = 5;

/// A message's row. One that does not hold what it must is [`StoreError::Damaged`], whatever is wrong with it.
pub(super) fn to_message(row: &Row, tag: u32) -> Result<Message> {
    let seq = Seq::new(row.try_get(0)?);
    let accepted_at = Timestamp::from_millis(column(row, seq, 5)?);
    let attempts: i64 = column(row, seq, 6)?;
    Ok(Message {
        seq,
        id: MessageId::new(accepted_at, tag, seq),
        lane: LaneId(column(row, seq, 1)?),
        content: content(row, seq)?,
        priority: Priority::clamped(column(row, seq, 10)?),
        address: Address::parse(column(row, seq, 3)?).map_err(|error| damaged(seq, &error))?,
        data: column::<&str>(row, seq, 4)?.into(),
        accepted_at,
        attempts: u32::try_from(attempts).map_err(|error| damaged(seq, &error))?,
        state: state(seq, column(row, seq, 7)?)?,
        retry_of: column::<Option<i64>>(row, seq, 8)?.map(Seq::new),
    })
}

fn content(row: &Row, seq: Seq) -> Result<Content> {
    if let Some(submission) = column::<Option<i64>>(row, seq, 9)? {
        return Ok(Content::Submission(SubmissionId(Seq::new(submission))));
    }
    let hash: Option<&[u8]> = column(row, seq, 2)?;
    let hash = hash.and_then(|hash| hash.try_into().ok());
    hash.map(|hash| Content::Letter(ContentHash(hash)))
        .ok_or_else(|| damaged(seq, &"its template is not there"))
}

fn column<'r, T: FromSql<'r>>(row: &'r Row, seq: Seq, index: usize) -> Result<T> {
    row.try_get(index).map_err(|error| damaged(seq, &error))
}

/// The event whose columns begin at `first`; `None` where they are null.
pub(super) fn to_event(row: &Row, first: usize, message: &Message) -> Result<Option<Event>> {
    let Some(seq) = row.try_get::<_, Option<i64>>(first)? else {
        return Ok(None);
    };
    let damaged = |what: &str| StoreError::Damaged(format!("event {seq}: {what}"));
    let kind = EventKind::from_code(row.try_get(first + 1)?)
        .ok_or_else(|| damaged("its kind is not known"))?;
    let attempts: i64 = row.try_get(first + 3)?;
    let detail: Option<&str> = row.try_get(first + 4)?;
    let detail = detail.map_or(Ok(Detail::default()), serde_json::from_str);
    let detail = detail.map_err(|error| damaged(&error.to_string()))?;
    Ok(Some(Event {
        seq: Seq::new(seq),
        message: message.seq,
        lane: message.lane,
        at: Timestamp::from_millis(row.try_get(first + 2)?),
        kind,
        attempts: u32::try_from(attempts).map_err(|error| damaged(&error.to_string()))?,
        attempt: detail.attempt,
        due_at: detail.due_at,
        news: detail.news,
        reason: detail.reason,
    }))
}

/// A message with its event, whose columns come after the message's; one without an event with its acceptance.
pub(super) fn to_logged(row: &Row, tag: u32) -> Result<Logged> {
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

/// The state of a stored number.
pub(super) fn state(seq: Seq, code: i64) -> Result<MessageState> {
    MessageState::from_code(code).ok_or_else(|| damaged(seq, &"its state is not known"))
}

/// One message by its place in the log.
pub(super) async fn message(session: &Session, tag: u32, seq: Seq) -> Result<Option<Message>> {
    let query = format!(
        "SELECT {MESSAGE_COLUMNS} FROM messages m LEFT JOIN contents c ON c.id = m.content WHERE m.seq = $1"
    );
    let row = session.row_if_any(&query, &[&seq.get()]).await?;
    row.map(|row| to_message(&row, tag)).transpose()
}

/// Those of the messages that are there, in the log's order.
pub(super) async fn messages(session: &Session, tag: u32, seqs: &[Seq]) -> Result<Vec<Message>> {
    let query = format!(
        "SELECT {MESSAGE_COLUMNS} FROM messages m LEFT JOIN contents c ON c.id = m.content \
         WHERE m.seq = ANY ($1) ORDER BY m.seq"
    );
    let seqs: Vec<i64> = seqs.iter().map(|seq| seq.get()).collect();
    let rows = session.rows(&query, &[&seqs]).await?;
    rows.iter().map(|row| to_message(row, tag)).collect()
}

/// A text as the database can hold it: it knows no NUL.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => text.replace('\0', "\u{FFFD}").into(),
        false => text.into(),
    }
}

/// A limit as the database counts; beyond what it can count there is none.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// How many rows a statement touched.
pub(super) fn touched(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

/// The error of a call about a message that is not there.
pub(super) fn missing(seq: Seq) -> StoreError {
    StoreError::Missing(format!("message {}", seq.get()))
}

/// The error of a message's row that does not hold what it must.
pub(super) fn damaged(seq: Seq, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("message {}: {error}", seq.get()))
}
