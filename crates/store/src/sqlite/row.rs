//! Rows to values.

use model::{Address, CampaignId, ContentHash, Message, MessageId, MessageState, Seq, Timestamp};
use rusqlite::{Connection, Row};

use crate::{Result, StoreError};

/// The columns [`to_message`] reads, from `messages m JOIN contents c`.
pub(super) const MESSAGE_COLUMNS: &str =
    "m.seq, m.campaign, c.hash, m.address, m.data, m.accepted_at, m.attempts, m.state";
/// How many they are: where a query's own columns begin.
pub(super) const MESSAGE_WIDTH: usize = 8;

pub(super) fn to_message(row: &Row<'_>, tag: u32) -> Result<Message> {
    let seq = Seq::new(row.get(0)?);
    let accepted_at = Timestamp::from_millis(row.get(5)?);
    let address = row
        .get_ref(3)?
        .as_str()
        .map_err(|error| damaged(seq, &error))?;
    let data = row
        .get_ref(4)?
        .as_str()
        .map_err(|error| damaged(seq, &error))?;
    Ok(Message {
        seq,
        id: MessageId::new(accepted_at, tag, seq),
        campaign: CampaignId(row.get(1)?),
        content: ContentHash(row.get(2)?),
        address: Address::parse(address).map_err(|error| damaged(seq, &error))?,
        data: data.into(),
        accepted_at,
        attempts: row.get(6)?,
        state: state(seq, row.get(7)?)?,
        retry_of: None,
    })
}

/// The state of a stored number.
pub(super) fn state(seq: Seq, code: i64) -> Result<MessageState> {
    MessageState::from_code(code).ok_or_else(|| damaged(seq, &"its state is not known"))
}

/// One message by its place in the log.
pub(super) fn message(connection: &Connection, tag: u32, seq: Seq) -> Result<Option<Message>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE_COLUMNS} FROM messages m JOIN contents c ON c.id = m.content WHERE m.seq = ?1"
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

fn damaged(seq: Seq, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("message {}: {error}", seq.get()))
}
