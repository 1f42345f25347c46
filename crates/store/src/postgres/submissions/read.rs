//! Submissions read back, with their messages and their events.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Secret, Seq, SubmissionId, TenantId};
use tokio_postgres::Row;

use super::payload;
use crate::postgres::row::{EVENT_COLUMNS, EVENT_WIDTH, MESSAGE_COLUMNS, MESSAGE_WIDTH, to_logged};
use crate::postgres::session::Session;
use crate::postgres::timeline;
use crate::preparation::Unprepared;
use crate::submissions::row::{WIDTH, to_submission};
use crate::submissions::{ClientId, Followed, FollowedMessage, HISTORY_MAX, ListedSubmission};
use crate::vault::Vault;
use crate::{Logged, Payload, Result, StoreError, Submission};

/// The columns [`to_submission`] reads, from `submissions s JOIN accounts a`.
pub(super) const COLUMNS: &str = "s.id, s.tenant, s.client_id, s.account, a.id, s.priority, s.batch, \
     s.deferred_until, s.messages, s.open, s.failed, s.held, s.created_at, s.updated_at";
/// A message's template and its latest event, news included: in the part of the events that its moment says.
const LATEST: &str = "LEFT JOIN contents c ON c.id = m.content LEFT JOIN news n ON n.message = m.seq \
     LEFT JOIN events e ON e.seq = coalesce(n.last_event, m.last_event) AND e.at = coalesce(n.last_event_at, m.last_event_at)";
/// Messages whose events are read at once.
const TOLD_AT_ONCE: usize = 100;
/// Where the columns of a followed message are that come after the message's and the event's.
const DUE_AT: usize = MESSAGE_WIDTH + EVENT_WIDTH;
const SUBMISSION: usize = DUE_AT + 1;
const PAYLOAD: usize = SUBMISSION + WIDTH;

pub(super) async fn payload(
    session: &Session,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
) -> Result<Option<(Submission, Box<str>)>> {
    let query = format!(
        "SELECT {COLUMNS}, {} FROM submissions s JOIN accounts a ON a.pk = s.account \
         JOIN payloads p ON p.submission = s.id WHERE s.id = $1",
        payload::COLUMNS
    );
    let Some(row) = session.row_if_any(&query, &[&id.0.get()]).await? else {
        return Ok(None);
    };
    let payload = payload::open(vault, id, &row, WIDTH)?;
    Ok(Some((to_submission(&row, 0, tag)?, payload)))
}

/// The same with what its messages are made from: what was prepared of what it says now, or that itself.
pub(super) async fn source(
    session: &Session,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
) -> Result<Option<(Submission, Box<str>)>> {
    let query = format!(
        "SELECT {COLUMNS}, {} FROM submissions s JOIN accounts a ON a.pk = s.account \
         JOIN payloads p ON p.submission = s.id \
         LEFT JOIN prepared r ON r.submission = s.id AND r.digest = p.digest WHERE s.id = $1",
        payload::SOURCE_COLUMNS
    );
    let Some(row) = session.row_if_any(&query, &[&id.0.get()]).await? else {
        return Ok(None);
    };
    let source = payload::open_source(vault, id, &row, WIDTH)?;
    Ok(Some((to_submission(&row, 0, tag)?, source)))
}

/// The same for who prepares it.
pub(in crate::postgres) async fn unprepared(
    session: &Session,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
) -> Result<Option<Unprepared>> {
    let query = format!(
        "SELECT {COLUMNS}, {}, p.digest FROM submissions s JOIN accounts a ON a.pk = s.account \
         JOIN payloads p ON p.submission = s.id WHERE s.id = $1",
        payload::COLUMNS
    );
    let Some(row) = session.row_if_any(&query, &[&id.0.get()]).await? else {
        return Ok(None);
    };
    let text = payload::open(vault, id, &row, WIDTH)?;
    let digest: &[u8] = row.try_get(WIDTH + 2)?;
    Ok(Some(Unprepared {
        submission: to_submission(&row, 0, tag)?,
        // What is made of a secret is one.
        payload: match row.try_get(WIDTH)? {
            true => Payload::Secret(Secret::new(text.into_string())),
            false => Payload::Open(text),
        },
        digest: digest
            .try_into()
            .map_err(|_| StoreError::Damaged(format!("the digest of submission {}", id.0.get())))?,
    }))
}

pub(super) async fn by_client_id(
    session: &Session,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    tenant: &TenantId,
    client_id: &ClientId,
) -> Result<Option<Followed>> {
    let row = session
        .row_if_any(
            "SELECT id FROM submissions WHERE tenant = $1 AND client_id = $2",
            &[&tenant.as_str(), &client_id.as_str()],
        )
        .await?;
    match row {
        Some(row) => Ok(followed(session, tag, vault, &[row.try_get(0)?])
            .await?
            .pop()),
        None => Ok(None),
    }
}

/// The numbers of submissions by their clients' ids, each with its count of messages.
pub(super) async fn open_numbers(
    session: &Session,
    tenant: &TenantId,
    client_ids: &[ClientId],
) -> Result<Vec<Option<(SubmissionId, u32)>>> {
    let names: Vec<&str> = client_ids.iter().map(ClientId::as_str).collect();
    let rows = session
        .rows(
            "SELECT asked.id, s.id, s.messages FROM unnest($2::text[]) AS asked (id) CROSS JOIN LATERAL \
             (SELECT id, messages, open FROM submissions WHERE tenant = $1 AND client_id = asked.id LIMIT 1) s \
             WHERE s.open > 0",
            &[&tenant.as_str(), &names],
        )
        .await?;
    let mut found: HashMap<&str, (SubmissionId, u32)> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let id = SubmissionId(Seq::new(row.try_get(1)?));
        let messages: i64 = row.try_get(2)?;
        found.insert(
            row.try_get(0)?,
            (id, u32::try_from(messages).unwrap_or(u32::MAX)),
        );
    }
    Ok(names.iter().map(|name| found.get(name).copied()).collect())
}

/// Those of the submissions that are there, in the order of acceptance, with their messages: all as they stood at one
/// moment.
pub(super) async fn followed(
    session: &Session,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    ids: &[i64],
) -> Result<Vec<Followed>> {
    // What one says comes once, with its first message. (Messages are so many from the first on: the `OFFSET` keeps that
    // a look into their index for each submission, instead of a look at each message there is.)
    let query = format!(
        "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS}, m.due_at, {COLUMNS}, p.is_sealed, p.payload \
         FROM submissions s JOIN accounts a ON a.pk = s.account \
         CROSS JOIN LATERAL (SELECT * FROM messages WHERE seq >= s.id AND seq < s.id + s.messages OFFSET 0) m \
         LEFT JOIN payloads p ON p.submission = m.seq {LATEST} \
         WHERE s.id = ANY ($1) ORDER BY m.seq"
    );
    let rows = session.rows(&query, &[&ids]).await?;
    let mut all: Vec<Followed> = Vec::new();
    for row in &rows {
        let submission = SubmissionId(Seq::new(row.try_get(SUBMISSION)?));
        if all
            .last()
            .is_none_or(|last| last.submission.id != submission)
        {
            all.push(Followed {
                submission: to_submission(row, SUBMISSION, tag)?,
                payload: payload::open(vault, submission, row, PAYLOAD)?,
                messages: Vec::new(),
            });
        }
        if let Some(last) = all.last_mut() {
            last.messages.push(to_followed(row, tag)?);
        }
    }
    Ok(all)
}

fn to_followed(row: &Row, tag: u32) -> Result<FollowedMessage> {
    Ok(FollowedMessage::of(
        to_logged(row, tag)?,
        row.try_get(DUE_AT)?,
    ))
}

/// Those of the submissions that are there, in the order of acceptance, without what they say.
pub(super) async fn alone(session: &Session, tag: u32, ids: &[i64]) -> Result<Vec<Submission>> {
    let query = format!(
        "SELECT {COLUMNS} FROM submissions s JOIN accounts a ON a.pk = s.account \
         WHERE s.id = ANY ($1) ORDER BY s.id"
    );
    let rows = session.rows(&query, &[&ids]).await?;
    rows.iter().map(|row| to_submission(row, 0, tag)).collect()
}

/// The same, each with its first message.
pub(super) async fn listed(
    session: &Session,
    tag: u32,
    ids: &[i64],
) -> Result<Vec<ListedSubmission>> {
    let query = format!(
        "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS}, m.due_at, {COLUMNS} \
         FROM submissions s JOIN accounts a ON a.pk = s.account JOIN messages m ON m.seq = s.id {LATEST} \
         WHERE s.id = ANY ($1) ORDER BY s.id"
    );
    let rows = session.rows(&query, &[&ids]).await?;
    let listed = |row: &Row| {
        Ok(ListedSubmission {
            submission: to_submission(row, SUBMISSION, tag)?,
            first: to_followed(row, tag)?,
        })
    };
    rows.iter().map(listed).collect()
}

/// Everything that happened to the messages of a submission, in the log's order.
pub(super) async fn history(session: &Session, tag: u32, id: SubmissionId) -> Result<Vec<Logged>> {
    let row = session
        .row_if_any(
            "SELECT messages FROM submissions WHERE id = $1",
            &[&id.0.get()],
        )
        .await?;
    let messages: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
    let seqs: Vec<i64> = (id.0.get()..id.0.get() + messages).collect();
    let mut history: Vec<Logged> = Vec::new();
    for part in seqs.chunks(TOLD_AT_ONCE) {
        if history.len() < HISTORY_MAX {
            history.extend(timeline::logged(session, tag, part).await?);
        }
    }
    history.sort_by_key(|logged| logged.event.seq);
    Ok(history)
}
