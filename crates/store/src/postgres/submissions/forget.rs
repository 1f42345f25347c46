//! Submissions that are kept no longer: taken back, or final for long enough. With a submission go its messages, their
//! events and its reports. The counters stay: they count what ever was.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::try_join_all;
use model::account::AccountPk;
use model::{EventKind, LaneId, MessageState, Seq, SubmissionId, TenantId, Timestamp};
use tokio::try_join;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{counts, trail};
use crate::Result;
use crate::fact::Counts;
use crate::log::cancelled;
use crate::postgres::books;
use crate::postgres::row::{MESSAGE_COLUMNS, MESSAGE_WIDTH, at_most, state, to_message};
use crate::postgres::session::{Session, Values};
use crate::postgres::statistics::forgotten::Forgotten;
use crate::postgres::transaction::WriteTx;
use crate::submissions::ClientId;

/// Submissions that are removed in one transaction.
pub(super) const REMOVED_AT_ONCE: usize = 100;
/// The columns [`Going::of`] reads, from `submissions s`.
const COLUMNS: &str =
    "s.id, s.tenant, s.reports, s.account, s.client_id, s.messages, s.open, s.updated_at";
/// That nothing happened to the messages of `submissions s` after the place `$2` of the log, where there is one.
const NOTHING_SINCE: &str = "($2::bigint IS NULL OR NOT EXISTS (\
     SELECT FROM messages m LEFT JOIN news n ON n.message = m.seq \
     WHERE m.seq >= s.id AND m.seq < s.id + s.messages \
     AND greatest(m.seq, m.last_event, n.last_event) > $2))";
/// Why a message of a removed submission is cancelled.
const REMOVED: &str = "removed by its client";
/// The same for one whose account is removed.
const ACCOUNT_REMOVED: &str = "its account is removed";
/// The same for what is final: nothing of it is queued any more.
const NOTHING: &str = "";

/// How submissions' queued messages are taken back.
#[derive(Clone, Copy)]
pub(in crate::postgres) struct TakenBack<'a> {
    /// When; `None` for the moment when each last changed.
    pub(super) at: Option<Timestamp>,
    /// Why.
    pub(super) reason: &'a str,
}

/// The row of a submission that goes.
pub(super) struct Going {
    pub(super) id: i64,
    pub(super) tenant: String,
    pub(super) reports: i64,
    account: AccountPk,
    client_id: String,
    messages: i64,
    open: i64,
    updated_at: Timestamp,
}

impl Going {
    fn of(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.try_get(0)?,
            tenant: row.try_get(1)?,
            reports: row.try_get(2)?,
            account: AccountPk(row.try_get(3)?),
            client_id: row.try_get(4)?,
            messages: row.try_get(5)?,
            open: row.try_get(6)?,
            updated_at: Timestamp::from_millis(row.try_get(7)?),
        })
    }
}

/// The row of one of their messages.
pub(super) struct GoingMessage {
    pub(super) seq: Seq,
    pub(super) lane: LaneId,
    pub(super) last_event: Option<(i64, i64)>,
    pub(super) account: AccountPk,
    accepted_at: i64,
    /// Where it stands in the end.
    state: MessageState,
    /// The place of its cancellation in the log, and when that was; `None` when it was final before.
    taken_back: Option<(Seq, Timestamp)>,
}

impl GoingMessage {
    /// Adds what of it is in no row of an event.
    pub(super) fn note(&self, forgotten: &mut Forgotten) {
        let accepted = EventKind::Accepted.code();
        forgotten.add(self.seq.get(), self.accepted_at, self.account, accepted);
        if let Some((seq, at)) = self.taken_back {
            let cancelled = EventKind::Cancelled.code();
            forgotten.add(seq.get(), at.as_millis(), self.account, cancelled);
        }
    }
}

pub(super) async fn remove(
    tx: &mut WriteTx,
    tag: u32,
    tenant: &TenantId,
    client_ids: &[ClientId],
    at: Timestamp,
) -> Result<Vec<bool>> {
    let names: Vec<&str> = client_ids.iter().map(ClientId::as_str).collect();
    let found = going(
        &tx.session,
        "FROM unnest($2::text[]) AS asked (id) CROSS JOIN LATERAL \
         (SELECT * FROM submissions WHERE tenant = $1 AND client_id = asked.id LIMIT 1) s",
        &[&tenant.as_str(), &names],
    )
    .await?;
    let mut found: HashMap<String, Going> = found
        .into_iter()
        .map(|going| (going.client_id.clone(), going))
        .collect();
    let (mut answers, mut all) = (Vec::new(), Vec::new());
    for client_id in client_ids {
        let going = found.remove(client_id.as_str());
        answers.push(going.is_some());
        all.extend(going);
    }
    let why = TakenBack {
        at: Some(at),
        reason: REMOVED,
    };
    forget(tx, tag, all, &why).await?;
    Ok(answers)
}

/// Takes back and forgets the first `limit` submissions of an account; without a moment, when each last changed.
pub(in crate::postgres) async fn remove_of_account(
    tx: &mut WriteTx,
    tag: u32,
    account: AccountPk,
    at: Option<Timestamp>,
    limit: usize,
) -> Result<usize> {
    let all = going(
        &tx.session,
        "FROM lanes l CROSS JOIN LATERAL \
         (SELECT seq FROM messages WHERE lane = l.id AND submission = seq ORDER BY seq LIMIT $2) AS first \
         JOIN submissions s ON s.id = first.seq WHERE l.account = $1 ORDER BY first.seq LIMIT $2",
        &[&account.0, &at_most(limit)],
    )
    .await?;
    let why = TakenBack {
        at,
        reason: ACCOUNT_REMOVED,
    };
    forget(tx, tag, all, &why).await
}

/// Which submissions are old.
pub(super) struct Old {
    /// Those of that tenant; of all without one.
    pub(super) tenant: Option<TenantId>,
    /// They were final before.
    pub(super) before: Timestamp,
    /// Nothing happened to their messages after that place of the log.
    pub(super) place: Option<Seq>,
}

/// Old submissions whose reports all arrived, of each account the oldest first. It is asked before anybody has to wait for
/// the answer.
pub(super) async fn forgettable(
    session: &Session,
    old: &Old,
    limit: usize,
) -> Result<Vec<SubmissionId>> {
    let query = format!(
        "SELECT old.id FROM accounts a CROSS JOIN LATERAL \
         (SELECT id FROM submissions s WHERE account = a.pk AND open = 0 AND reports = 0 AND finished_at < $3 \
          AND {NOTHING_SINCE} ORDER BY finished_at LIMIT $4) AS old \
         WHERE $1::text IS NULL OR a.tenant = $1 LIMIT $4"
    );
    let rows = session
        .rows(
            &query,
            &[
                &old.tenant.as_ref().map(TenantId::as_str),
                &old.place.map(Seq::get),
                &old.before.as_millis(),
                &at_most(limit),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(SubmissionId(Seq::new(row.try_get(0)?))))
        .collect()
}

/// Forgets those of `ids` that are still final for all of their recipients, with no report to be told and, where there is a
/// place of the log, with nothing that happened after it.
pub(super) async fn clean_up(
    tx: &mut WriteTx,
    tag: u32,
    ids: &[SubmissionId],
    place: Option<Seq>,
) -> Result<usize> {
    let still = format!(
        "FROM submissions s WHERE s.id = ANY ($1) AND s.open = 0 AND s.reports = 0 AND {NOTHING_SINCE}"
    );
    let values: Values<'_> = &[&numbers(ids), &place.map(Seq::get)];
    let all = going(&tx.session, &still, values).await?;
    let why = TakenBack {
        at: None,
        reason: NOTHING,
    };
    forget(tx, tag, all, &why).await
}

/// Takes back what of submissions is queued, and forgets all of them.
pub(super) async fn take_back(
    tx: &mut WriteTx,
    tag: u32,
    ids: &[SubmissionId],
    why: &TakenBack<'_>,
) -> Result<()> {
    let all = going(
        &tx.session,
        "FROM submissions s WHERE s.id = ANY ($1)",
        &[&numbers(ids)],
    )
    .await?;
    forget(tx, tag, all, why).await.map(|_| ())
}

fn numbers(ids: &[SubmissionId]) -> Vec<i64> {
    ids.iter().map(|id| id.0.get()).collect()
}

async fn going(session: &Session, from: &str, values: Values<'_>) -> Result<Vec<Going>> {
    let query = format!("SELECT {COLUMNS} {from}");
    let rows = session.rows(&query, values).await?;
    rows.iter().map(Going::of).collect()
}

/// Takes back and forgets, one after the other in the log, and at once in the tables; gives how many it were.
async fn forget(tx: &mut WriteTx, tag: u32, all: Vec<Going>, why: &TakenBack<'_>) -> Result<usize> {
    if all.is_empty() {
        return Ok(0);
    }
    let messages = messages(tx, tag, &all, why).await?;
    let session = &tx.session;
    // They do not depend on each other, so that all are sent before the first is answered.
    try_join!(
        count(tx, &messages),
        count_cancelled(session, &all),
        delete_submissions(session, &all),
        delete_messages(session, &messages),
        trail::delete(session, &all, &messages),
    )?;
    Ok(all.len())
}

/// The messages of submissions. Those that are queued are taken back.
async fn messages(
    tx: &mut WriteTx,
    tag: u32,
    all: &[Going],
    why: &TakenBack<'_>,
) -> Result<Vec<GoingMessage>> {
    let seqs: Vec<i64> = all
        .iter()
        .flat_map(|going| going.id..going.id + going.messages)
        .collect();
    let query = format!(
        "SELECT {MESSAGE_COLUMNS}, coalesce(n.last_event, m.last_event), coalesce(n.last_event_at, m.last_event_at) \
         FROM messages m LEFT JOIN contents c ON c.id = m.content LEFT JOIN news n ON n.message = m.seq \
         WHERE m.seq = ANY ($1)"
    );
    let rows = tx.session.rows(&query, &[&seqs]).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        found.insert(row.try_get::<_, i64>(0)?, row);
    }
    let mut messages = Vec::with_capacity(rows.len());
    for going in all {
        for seq in going.id..going.id + going.messages {
            if let Some(row) = found.get(&seq) {
                messages.push(take_back_one(tx, tag, going, row, why)?);
            }
        }
    }
    Ok(messages)
}

/// Takes a message back where it is queued. Those who follow the log are told; the event itself would be forgotten at
/// once.
fn take_back_one(
    tx: &mut WriteTx,
    tag: u32,
    of: &Going,
    row: &Row,
    why: &TakenBack<'_>,
) -> Result<GoingMessage> {
    let seq = Seq::new(row.try_get(0)?);
    let stands = state(seq, row.try_get(7)?)?;
    let last: (Option<i64>, Option<i64>) =
        (row.try_get(MESSAGE_WIDTH)?, row.try_get(MESSAGE_WIDTH + 1)?);
    let mut going = GoingMessage {
        seq,
        lane: LaneId(row.try_get(1)?),
        last_event: last.0.zip(last.1),
        account: of.account,
        accepted_at: row.try_get(5)?,
        state: stands,
        taken_back: None,
    };
    if stands == MessageState::Queued {
        let message = to_message(row, tag)?;
        let (seq, at) = (tx.next_seq(), why.at.unwrap_or(of.updated_at));
        tx.append(|| cancelled(message, seq, at, why.reason));
        going.state = MessageState::Cancelled;
        going.taken_back = Some((seq, at));
    }
    Ok(going)
}

/// Counts messages as taken back, where they were, and as forgotten.
async fn count(tx: &WriteTx, messages: &[GoingMessage]) -> Result<()> {
    let mut taken_back: BTreeMap<LaneId, i64> = BTreeMap::new();
    let mut forgotten: BTreeMap<(LaneId, i64), (MessageState, i64)> = BTreeMap::new();
    for message in messages {
        if message.taken_back.is_some() {
            *taken_back.entry(message.lane).or_default() += 1;
        }
        let key = (message.lane, message.state.code());
        forgotten.entry(key).or_insert((message.state, 0)).1 += 1;
    }
    let finish = async |(&lane, &count): (&LaneId, &i64)| {
        books::finish(tx, lane, &[(MessageState::Cancelled, count)]).await
    };
    let forget = |(&(lane, _), &(state, count)): (&(LaneId, i64), &(MessageState, i64))| {
        books::forget(tx, lane, state, count)
    };
    try_join!(
        try_join_all(taken_back.iter().map(finish)),
        try_join_all(forgotten.iter().map(forget)),
    )?;
    Ok(())
}

/// Counts submissions that were open as cancelled.
async fn count_cancelled(session: &Session, all: &[Going]) -> Result<()> {
    let mut cancelled: BTreeMap<AccountPk, Counts> = BTreeMap::new();
    for going in all.iter().filter(|going| going.open > 0) {
        cancelled.entry(going.account).or_default().cancelled += 1;
    }
    let count = |(&account, counts)| counts::add(session, account, counts);
    try_join_all(cancelled.iter().map(count)).await?;
    Ok(())
}

async fn delete_submissions(session: &Session, all: &[Going]) -> Result<()> {
    let ids: Vec<i64> = all.iter().map(|going| going.id).collect();
    delete_all(
        session,
        &[
            "DELETE FROM payloads WHERE submission = ANY ($1)",
            "DELETE FROM unprepared WHERE submission = ANY ($1)",
            "DELETE FROM submissions WHERE id = ANY ($1)",
        ],
        &[&ids],
    )
    .await
}

async fn delete_messages(session: &Session, messages: &[GoingMessage]) -> Result<()> {
    let seqs: Vec<i64> = messages.iter().map(|message| message.seq.get()).collect();
    let lanes: Vec<i64> = messages.iter().map(|message| message.lane.0).collect();
    let of_lanes: [&(dyn ToSql + Sync); 2] = [&lanes, &seqs];
    let troubled = session.execute(
        "DELETE FROM troubled t USING unnest($1::bigint[], $2::bigint[]) AS gone (lane, message) \
         WHERE t.lane = gone.lane AND t.message = gone.message",
        &of_lanes,
    );
    let of_messages: [&(dyn ToSql + Sync); 1] = [&seqs];
    let rest = delete_all(
        session,
        &[
            "DELETE FROM news WHERE message = ANY ($1)",
            "DELETE FROM unanswered WHERE message = ANY ($1)",
            "DELETE FROM messages WHERE seq = ANY ($1)",
        ],
        &of_messages,
    );
    try_join!(troubled, rest)?;
    Ok(())
}

async fn delete_all(session: &Session, statements: &[&str], values: Values<'_>) -> Result<()> {
    let delete = statements
        .iter()
        .map(|statement| session.execute(statement, values));
    try_join_all(delete).await?;
    Ok(())
}
