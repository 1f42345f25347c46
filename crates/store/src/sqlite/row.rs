//! Rows to values.

use model::{
    Address, Content, ContentHash, Event, EventKind, LaneId, Message, MessageId, MessageState,
    Priority, Seq, SubmissionId, Timestamp,
};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};

use crate::detail::Detail;
use crate::{Result, StoreError};

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
pub(super) fn to_message(row: &Row<'_>, tag: u32) -> Result<Message> {
    let seq = Seq::new(row.get(0)?);
    let accepted_at = Timestamp::from_millis(column(row, seq, 5)?);
    let address = text(row, seq, 3)?;
    let data = text(row, seq, 4)?;
    Ok(Message {
        seq,
        id: MessageId::new(accepted_at, tag, seq),
        lane: LaneId(column(row, seq, 1)?),
        content: content(row, seq)?,
        priority: Priority::clamped(column(row, seq, 10)?),
        address: Address::parse(address).map_err(|error| damaged(seq, &error))?,
        data: data.into(),
        accepted_at,
        attempts: column(row, seq, 6)?,
        state: state(seq, column(row, seq, 7)?)?,
        retry_of: column::<Option<i64>>(row, seq, 8)?.map(Seq::new),
    })
}

fn content(row: &Row<'_>, seq: Seq) -> Result<Content> {
    if let Some(submission) = column::<Option<i64>>(row, seq, 9)? {
        return Ok(Content::Submission(SubmissionId(Seq::new(submission))));
    }
    let hash: Option<[u8; 32]> = column(row, seq, 2)?;
    hash.map(|hash| Content::Letter(ContentHash(hash)))
        .ok_or_else(|| damaged(seq, &"its template is not there"))
}

fn column<T: FromSql>(row: &Row<'_>, seq: Seq, index: usize) -> Result<T> {
    row.get(index)
        .map_err(|error| wrong(row, seq, index, &error))
}

fn text<'r>(row: &'r Row<'_>, seq: Seq, index: usize) -> Result<&'r str> {
    let text = row.get_ref(index)?.as_str();
    text.map_err(|error| wrong(row, seq, index, &error))
}

/// The error of a column that does not hold what it must.
fn wrong(row: &Row<'_>, seq: Seq, index: usize, error: &dyn std::fmt::Display) -> StoreError {
    let name = row.as_ref().column_name(index).unwrap_or("row");
    damaged(seq, &format_args!("its {name}: {error}"))
}

/// The event whose columns begin at `first`; `None` where they are null.
pub(super) fn to_event(row: &Row<'_>, first: usize, message: &Message) -> Result<Option<Event>> {
    let Some(seq) = row.get::<_, Option<i64>>(first)? else {
        return Ok(None);
    };
    let damaged = |what: &str| StoreError::Damaged(format!("event {seq}: {what}"));
    let kind = EventKind::from_code(row.get(first + 1)?)
        .ok_or_else(|| damaged("its kind is not known"))?;
    let detail = match row.get_ref(first + 4)?.as_str_or_null() {
        Ok(Some(json)) => {
            serde_json::from_str(json).map_err(|error| damaged(&error.to_string()))?
        }
        Ok(None) => Detail::default(),
        Err(error) => return Err(damaged(&error.to_string())),
    };
    Ok(Some(Event {
        seq: Seq::new(seq),
        message: message.seq,
        lane: message.lane,
        at: Timestamp::from_millis(row.get(first + 2)?),
        kind,
        attempts: row.get(first + 3)?,
        attempt: detail.attempt,
        due_at: detail.due_at,
        news: detail.news,
        reason: detail.reason,
    }))
}

/// The state of a stored number.
pub(super) fn state(seq: Seq, code: i64) -> Result<MessageState> {
    MessageState::from_code(code).ok_or_else(|| damaged(seq, &"its state is not known"))
}

/// One message by its place in the log.
pub(super) fn message(connection: &Connection, tag: u32, seq: Seq) -> Result<Option<Message>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE_COLUMNS} FROM messages m LEFT JOIN contents c ON c.id = m.content WHERE m.seq = ?1"
    ))?;
    let mut rows = statement.query([seq.get()])?;
    rows.next()?.map(|row| to_message(row, tag)).transpose()
}

/// A limit as SQLite counts; beyond what it can count there is none.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The error of a call about a message that is not there.
pub(super) fn missing(seq: Seq) -> StoreError {
    StoreError::Missing(format!("message {}", seq.get()))
}

/// The error of a message's row that does not hold what it must.
pub(super) fn damaged(seq: Seq, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("message {}: {error}", seq.get()))
}
