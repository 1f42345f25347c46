//! Submissions that are kept no longer: taken back, or final for long enough. With a submission go its messages, their
//! events and its reports. The counters stay: they count what ever was.

use model::account::AccountPk;
use model::{EventKind, LaneId, MessageState, Seq, SubmissionId, TenantId, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::{counts, read, reports};
use crate::Result;
use crate::fact::Counts;
use crate::log::cancelled;
use crate::sqlite::books;
use crate::sqlite::directory::accounts;
use crate::sqlite::row::{self, at_most};
use crate::sqlite::statistics::forgotten::Forgotten;
use crate::sqlite::transaction::WriteTx;
use crate::statistics::{beginning_of_hour, hour_of};
use crate::submissions::ClientId;

/// Submissions that are removed in one transaction.
pub(super) const REMOVED_AT_ONCE: usize = 100;
/// Why a message of a removed submission is cancelled.
const REMOVED: &str = "removed by its client";
/// The same for one whose account is removed.
const ACCOUNT_REMOVED: &str = "its account is removed";

/// How a submission's queued messages are taken back.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct TakenBack<'a> {
    /// When; `None` for the moment when it last changed.
    pub(super) at: Option<Timestamp>,
    /// Why.
    pub(super) reason: &'a str,
}

/// Which submissions are old.
#[derive(Clone, Copy)]
pub(super) struct Old {
    /// They were final before.
    pub(super) before: Timestamp,
    /// Nothing happened to their messages after that place of the log.
    pub(super) place: Option<Seq>,
}

/// The row of a submission that goes.
struct Going {
    tenant: String,
    account: AccountPk,
    messages: i64,
    open: i64,
    reports: i64,
    updated_at: Timestamp,
}

/// The row of one of its messages.
struct GoingMessage {
    seq: Seq,
    lane: LaneId,
    state: MessageState,
    last_event: Option<i64>,
    /// When the hour began in which it was accepted.
    hour: i64,
}

pub(super) fn remove(
    tx: &mut WriteTx<'_>,
    tag: u32,
    tenant: &TenantId,
    client_ids: &[ClientId],
    at: Timestamp,
) -> Result<Vec<bool>> {
    let why = TakenBack {
        at: Some(at),
        reason: REMOVED,
    };
    let mut answers = Vec::with_capacity(client_ids.len());
    for client_id in client_ids {
        let found = read::id(tx.connection, tenant, client_id)?;
        if let Some(SubmissionId(id)) = found {
            take_back(tx, tag, id.get(), &why)?;
        }
        answers.push(found.is_some());
    }
    Ok(answers)
}

/// Takes back and forgets the first `limit` submissions of an account; without a moment, when each last changed.
pub(in crate::sqlite) fn remove_of_account(
    tx: &mut WriteTx<'_>,
    tag: u32,
    account: AccountPk,
    at: Option<Timestamp>,
    limit: usize,
) -> Result<usize> {
    let ids: Vec<i64> = tx
        .connection
        .prepare_cached(
            "SELECT m.seq FROM lanes l INDEXED BY lanes_by_account \
             CROSS JOIN messages m INDEXED BY messages_by_lane ON m.lane = l.id \
             WHERE l.account = ?1 AND m.submission = m.seq LIMIT ?2",
        )?
        .query_map([account.0, at_most(limit)], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let why = TakenBack {
        at,
        reason: ACCOUNT_REMOVED,
    };
    for &id in &ids {
        take_back(tx, tag, id, &why)?;
    }
    Ok(ids.len())
}

pub(super) fn clean_up(
    tx: &mut WriteTx<'_>,
    tag: u32,
    tenant: Option<&TenantId>,
    old: Old,
    limit: usize,
) -> Result<usize> {
    let accounts = match tenant {
        Some(tenant) => accounts::of_tenant(tx.connection, tenant)?,
        None => accounts::all(tx.connection)?,
    };
    // Nothing of it is queued any more.
    let why = TakenBack {
        at: None,
        reason: "",
    };
    let mut forgotten = 0;
    for account in accounts {
        let ids = forgettable(tx, account, old, limit - forgotten)?;
        for &id in &ids {
            take_back(tx, tag, id, &why)?;
        }
        forgotten += ids.len();
    }
    Ok(forgotten)
}

/// Old submissions of an account whose reports all arrived, the oldest first.
fn forgettable(tx: &WriteTx<'_>, account: AccountPk, old: Old, limit: usize) -> Result<Vec<i64>> {
    let mut statement = tx.connection.prepare_cached(
        "SELECT id FROM submissions s INDEXED BY forgettable \
         WHERE account = ?1 AND finished_at < ?2 AND open = 0 AND reports = 0 \
         AND (?4 IS NULL OR NOT EXISTS (\
             SELECT 1 FROM messages m LEFT JOIN news n ON n.message = m.seq \
             WHERE m.seq >= s.id AND m.seq < s.id + s.messages \
             AND max(m.seq, ifnull(m.last_event, 0), ifnull(n.last_event, 0)) > ?4)) \
         ORDER BY finished_at LIMIT ?3",
    )?;
    let rows = statement.query_map(
        params![
            account.0,
            old.before.as_millis(),
            at_most(limit),
            old.place.map(Seq::get)
        ],
        |row| row.get(0),
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Takes back what of a submission is queued, and forgets all of it.
pub(super) fn take_back(
    tx: &mut WriteTx<'_>,
    tag: u32,
    id: i64,
    why: &TakenBack<'_>,
) -> Result<()> {
    let Some(going) = going(tx, id)? else {
        return Ok(());
    };
    let mut forgotten = Forgotten::begin(tx)?;
    for message in messages(tx, id, going.messages)? {
        let accepted = EventKind::Accepted.code();
        forgotten.add(message.seq.get(), message.hour, accepted);
        let state = match message.state {
            MessageState::Queued => {
                let at = why.at.unwrap_or(going.updated_at);
                let place = cancel(tx, tag, &message, at, why.reason)?;
                let cancelled = EventKind::Cancelled.code();
                forgotten.add(place.get(), beginning_of_hour(at.as_millis()), cancelled);
                MessageState::Cancelled
            }
            other => other,
        };
        books::forget(tx, message.lane, state)?;
        delete_events(tx, &going, &message, &mut forgotten)?;
        delete_message(tx, &message)?;
    }
    forgotten.note(tx, going.account)?;
    if going.open > 0 {
        let counts = Counts {
            cancelled: 1,
            ..Counts::default()
        };
        counts::add(tx, going.account, &counts)?;
    }
    for table in [
        "DELETE FROM payloads WHERE submission = ?1",
        "DELETE FROM submissions WHERE id = ?1",
    ] {
        tx.connection.prepare_cached(table)?.execute([id])?;
    }
    tx.keep_end_of_log()
}

fn going(tx: &WriteTx<'_>, id: i64) -> Result<Option<Going>> {
    let going = tx
        .connection
        .prepare_cached(
            "SELECT tenant, account, messages, open, reports, updated_at FROM submissions WHERE id = ?1",
        )?
        .query_row([id], |row| {
            Ok(Going {
                tenant: row.get(0)?,
                account: AccountPk(row.get(1)?),
                messages: row.get(2)?,
                open: row.get(3)?,
                reports: row.get(4)?,
                updated_at: Timestamp::from_millis(row.get(5)?),
            })
        })
        .optional()?;
    Ok(going)
}

fn messages(tx: &WriteTx<'_>, id: i64, count: i64) -> Result<Vec<GoingMessage>> {
    let mut statement = tx.connection.prepare_cached(&format!(
        "SELECT m.seq, m.lane, m.state, ifnull(n.last_event, m.last_event), {hour} \
         FROM messages m LEFT JOIN news n ON n.message = m.seq \
         WHERE m.seq >= ?1 AND m.seq < ?1 + ?2 ORDER BY m.seq",
        hour = hour_of("m.accepted_at")
    ))?;
    let mut rows = statement.query([id, count])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let seq = Seq::new(row.get(0)?);
        messages.push(GoingMessage {
            seq,
            lane: LaneId(row.get(1)?),
            state: row::state(seq, row.get(2)?)?,
            last_event: row.get(3)?,
            hour: row.get(4)?,
        });
    }
    Ok(messages)
}

/// Takes a queued message back; gives the place of that in the log. Those who follow the log are told; the event itself
/// would be forgotten at once.
fn cancel(
    tx: &mut WriteTx<'_>,
    tag: u32,
    going: &GoingMessage,
    at: Timestamp,
    reason: &str,
) -> Result<Seq> {
    books::finish(tx, going.lane, MessageState::Cancelled, 1)?;
    let message =
        row::message(tx.connection, tag, going.seq)?.ok_or_else(|| row::missing(going.seq))?;
    let seq = tx.next_seq();
    tx.append(|| cancelled(message, seq, at, reason));
    Ok(seq)
}

/// Deletes a message's events from the last one back, with their reports, and adds them to what is forgotten.
fn delete_events(
    tx: &WriteTx<'_>,
    going: &Going,
    message: &GoingMessage,
    forgotten: &mut Forgotten,
) -> Result<()> {
    let delete = format!(
        "DELETE FROM events WHERE seq = ?1 AND message = ?2 RETURNING previous, {hour}, CAST(kind AS BIGINT)",
        hour = hour_of("at")
    );
    let mut reports_gone = 0;
    let mut place = message.last_event;
    while let Some(seq) = place {
        let event: Option<(Option<i64>, i64, i64)> = tx
            .connection
            .prepare_cached(&delete)?
            .query_row([seq, message.seq.get()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        place = event.and_then(|(previous, hour, kind)| {
            forgotten.add(seq, hour, kind);
            previous
        });
        if reports_gone < going.reports {
            reports_gone += reports::forget(tx, &going.tenant, Seq::new(seq))?;
        }
    }
    Ok(())
}

fn delete_message(tx: &WriteTx<'_>, message: &GoingMessage) -> Result<()> {
    tx.connection
        .prepare_cached("DELETE FROM troubled WHERE lane = ?1 AND message = ?2")?
        .execute([message.lane.0, message.seq.get()])?;
    for statement in [
        "DELETE FROM news WHERE message = ?1",
        "DELETE FROM unanswered WHERE message = ?1",
        "DELETE FROM messages WHERE seq = ?1",
    ] {
        tx.connection
            .prepare_cached(statement)?
            .execute([message.seq.get()])?;
    }
    Ok(())
}
