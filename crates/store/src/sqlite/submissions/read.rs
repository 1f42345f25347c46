//! Submissions read back, with their messages and their events.

use std::sync::Arc;

use model::{Seq, SubmissionId, TenantId};
use rusqlite::{Connection, OptionalExtension};

use super::payload;
use crate::sqlite::row::{EVENT_COLUMNS, EVENT_WIDTH, MESSAGE_COLUMNS, MESSAGE_WIDTH};
use crate::sqlite::{history as log, timeline};
use crate::submissions::row::{WIDTH, to_submission};
use crate::submissions::{ClientId, Followed, FollowedMessage, HISTORY_MAX, ListedSubmission};
use crate::vault::Vault;
use crate::{Logged, Result, Submission};

/// The columns [`to_submission`] reads, from `submissions s JOIN accounts a`.
pub(super) const COLUMNS: &str = "s.id, s.tenant, s.client_id, s.account, a.id, s.priority, s.batch, \
     s.deferred_until, s.messages, s.open, s.failed, s.held IS NOT NULL, s.created_at, s.updated_at";

pub(super) fn payload(
    connection: &Connection,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
) -> Result<Option<(Submission, Box<str>)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, p.payload FROM submissions s JOIN accounts a ON a.pk = s.account \
         JOIN payloads p ON p.submission = s.id WHERE s.id = ?1"
    ))?;
    let mut rows = statement.query([id.0.get()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let payload = payload::open(vault, id, row.get_ref(WIDTH)?)?;
    Ok(Some((to_submission(row, 0, tag)?, payload)))
}

pub(super) fn by_client_id(
    connection: &Connection,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    tenant: &TenantId,
    client_id: &ClientId,
) -> Result<Option<Followed>> {
    match id(connection, tenant, client_id)? {
        Some(id) => followed(connection, tag, vault, id),
        None => Ok(None),
    }
}

/// The number of a submission by its client's id.
pub(super) fn id(
    connection: &Connection,
    tenant: &TenantId,
    client_id: &ClientId,
) -> Result<Option<SubmissionId>> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM submissions INDEXED BY submissions_by_client_id WHERE tenant = ?1 AND client_id = ?2",
    )?;
    let mut rows = statement.query([tenant.as_str(), client_id.as_str()])?;
    match rows.next()? {
        Some(row) => Ok(Some(SubmissionId(Seq::new(row.get(0)?)))),
        None => Ok(None),
    }
}

/// The numbers of submissions by their clients' ids, each with its count of messages.
pub(super) fn open_numbers(
    connection: &Connection,
    tenant: &TenantId,
    client_ids: &[ClientId],
) -> Result<Vec<Option<(SubmissionId, u32)>>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, messages FROM submissions INDEXED BY submissions_by_client_id \
         WHERE tenant = ?1 AND client_id = ?2 AND open > 0",
    )?;
    let number = |client_id: &ClientId| -> Result<_> {
        let found = statement.query_row([tenant.as_str(), client_id.as_str()], |row| {
            Ok((SubmissionId(Seq::new(row.get(0)?)), row.get(1)?))
        });
        Ok(found.optional()?)
    };
    client_ids.iter().map(number).collect()
}

/// A submission with its messages.
pub(super) fn followed(
    connection: &Connection,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
) -> Result<Option<Followed>> {
    let Some((submission, payload)) = payload(connection, tag, vault, id)? else {
        return Ok(None);
    };
    let messages = messages(connection, tag, submission.id, submission.recipients)?;
    Ok(Some(Followed {
        submission,
        payload,
        messages,
    }))
}

/// A submission without what it says.
pub(super) fn alone(
    connection: &Connection,
    tag: u32,
    id: SubmissionId,
) -> Result<Option<Submission>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM submissions s JOIN accounts a ON a.pk = s.account WHERE s.id = ?1"
    ))?;
    let mut rows = statement.query([id.0.get()])?;
    match rows.next()? {
        Some(row) => Ok(Some(to_submission(row, 0, tag)?)),
        None => Ok(None),
    }
}

/// A submission with its first message.
pub(super) fn listed(
    connection: &Connection,
    tag: u32,
    submission: Submission,
) -> Result<Option<ListedSubmission>> {
    let first = messages(connection, tag, submission.id, 1)?.pop();
    Ok(first.map(|first| ListedSubmission { submission, first }))
}

/// The first messages of a submission.
fn messages(
    connection: &Connection,
    tag: u32,
    id: SubmissionId,
    count: u32,
) -> Result<Vec<FollowedMessage>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS}, m.due_at \
         FROM messages m LEFT JOIN contents c ON c.id = m.content LEFT JOIN news n ON n.message = m.seq \
         LEFT JOIN events e ON e.seq = ifnull(n.last_event, m.last_event) \
         WHERE m.seq >= ?1 AND m.seq < ?1 + ?2 ORDER BY m.seq"
    ))?;
    let mut rows = statement.query([id.0.get(), i64::from(count)])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let due_at = row.get(MESSAGE_WIDTH + EVENT_WIDTH)?;
        messages.push(FollowedMessage::of(log::to_logged(row, tag)?, due_at));
    }
    Ok(messages)
}

/// Everything that happened to the messages of a submission, in the log's order.
pub(super) fn history(connection: &Connection, tag: u32, id: SubmissionId) -> Result<Vec<Logged>> {
    let mut statement = connection.prepare_cached(
        "SELECT m.seq FROM submissions s JOIN messages m ON m.seq >= s.id AND m.seq < s.id + s.messages \
         WHERE s.id = ?1 ORDER BY m.seq",
    )?;
    let mut rows = statement.query([id.0.get()])?;
    let mut history = Vec::new();
    while let Some(row) = rows.next()?
        && history.len() < HISTORY_MAX
    {
        history.extend(timeline::logged(connection, tag, Seq::new(row.get(0)?))?);
    }
    history.sort_by_key(|logged: &Logged| logged.event.seq);
    Ok(history)
}
