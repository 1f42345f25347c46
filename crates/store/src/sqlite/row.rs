//! Rows to values.

use model::{Address, CampaignId, ContentHash, Message, MessageId, MessageState, Seq, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};

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
    let state = MessageState::from_code(row.get(7)?)
        .ok_or_else(|| StoreError::Damaged(format!("message {} has no known state", seq.get())))?;
    Ok(Message {
        seq,
        id: MessageId::new(accepted_at, tag, seq),
        campaign: CampaignId(row.get(1)?),
        content: ContentHash(row.get(2)?),
        address: Address::parse(address).map_err(|error| damaged(seq, &error))?,
        data: row
            .get_ref(4)?
            .as_str()
            .map_err(|error| damaged(seq, &error))?
            .into(),
        accepted_at,
        attempts: row.get(6)?,
        state,
    })
}

/// One message by its place in the log.
pub(super) fn message(connection: &Connection, tag: u32, seq: Seq) -> Result<Option<Message>> {
    connection
        .prepare_cached(&format!(
            "SELECT {MESSAGE_COLUMNS} FROM messages m JOIN contents c ON c.id = m.content WHERE m.seq = ?1"
        ))?
        .query_row([seq.get()], |row| Ok(to_message(row, tag)))
        .optional()?
        .transpose()
}

fn damaged(seq: Seq, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("message {}: {error}", seq.get()))
}
