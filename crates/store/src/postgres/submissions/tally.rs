//! What the outcomes of submissions' messages change beside the messages: the submissions themselves, the counters of
//! their account, what it sent in which second, and the reports. A batch of outcomes is of one account: it is gathered,
//! and written with a handful of statements.

use std::collections::BTreeMap;

use model::account::AccountPk;
use model::{EventKind, LaneId, Seq, SubmissionId, Timestamp};
use tokio::try_join;
use tokio_postgres::Row;

use super::counts;
use super::reports::{self, Told};
use crate::fact::{Counts, Fact};
use crate::postgres::session::Session;
use crate::postgres::transaction::WriteTx;
use crate::submissions::Channel;
use crate::{Result, StoreError};

/// How long it is known what was sent in which second: the longest window of a limit, in seconds.
const SENDS_KEPT_S: i64 = 24 * 60 * 60;

/// The outcomes of one batch.
pub(in crate::postgres) struct Tally {
    account: AccountPk,
    counts: Counts,
    submissions: BTreeMap<SubmissionId, Change>,
    /// The events that the tenant's application is told.
    told: Vec<Told>,
    /// Delivered messages, and when.
    delivered: Vec<(Seq, Timestamp)>,
}

/// What a batch changes of one submission.
#[derive(Default)]
struct Change {
    /// The latest moment of its events.
    at: Timestamp,
    /// Times that a message of it was put off.
    put_off: i64,
    /// Messages that became final.
    closed: i64,
    /// Those of them that were not delivered.
    failed: i64,
    /// The last event that made a message final: the submission's own end, when none is open after it.
    last: Option<(Told, EventKind)>,
}

/// The account as it stands, as far as its outcomes are counted by it.
struct Standing {
    tenant: String,
    /// Whether it is a certified mailbox, whose provider answers.
    is_pec: bool,
    /// By which ways the tenant's application is told.
    channels: &'static [Channel],
}

// === impl Tally ===

impl Tally {
    pub(in crate::postgres) fn begin(account: AccountPk) -> Self {
        Self {
            account,
            counts: Counts::default(),
            submissions: BTreeMap::new(),
            told: Vec::new(),
            delivered: Vec::new(),
        }
    }

    /// Notes an event that was appended as `seq`, after those that were noted before.
    pub(in crate::postgres) fn note(&mut self, seq: Seq, fact: &Fact) -> Result<()> {
        let submission = fact.submission.ok_or_else(|| {
            StoreError::Invalid("an account's mail that is of no submission".to_owned())
        })?;
        self.counts.rate_limited += i64::from(fact.is_over_limit);
        let event = Told {
            seq,
            submission,
            at: fact.at,
        };
        match fact.kind {
            EventKind::Deferred | EventKind::RateLimited => {
                self.counts.deferred += 1;
                self.change(&event).put_off += 1;
                self.told.push(event);
            }
            EventKind::Delivered => {
                self.delivered.push((fact.message, fact.at));
                self.change(&event).close(event, fact.kind);
            }
            EventKind::Bounced | EventKind::Expired | EventKind::Dropped | EventKind::Cancelled => {
                self.change(&event).close(event, fact.kind);
            }
            // Not recorded: the first is the message's own row, the others come when it is final.
            EventKind::Accepted | EventKind::Returned | EventKind::Receipt => {}
        }
        Ok(())
    }

    fn change(&mut self, event: &Told) -> &mut Change {
        let change = self.submissions.entry(event.submission).or_default();
        change.at = change.at.max(event.at);
        change
    }

    /// Writes what was noted.
    pub(in crate::postgres) async fn write(mut self, tx: &WriteTx) -> Result<()> {
        let Some(standing) = self.change_submissions(&tx.session).await? else {
            return Ok(());
        };
        // They do not depend on each other, so that all are sent before the first is answered.
        try_join!(
            counts::add(&tx.session, self.account, &self.counts),
            reports::insert(&tx.session, &standing.tenant, standing.channels, &self.told),
            self.count_sends(&tx.session),
            self.forget_sends(&tx.session),
            self.await_answers(&tx.session, &standing),
        )?;
        Ok(())
    }

    /// Brings the submissions to where the batch leaves them, and sees which of them are final by it; gives how their
    /// account stands, or `None` when nothing was noted.
    async fn change_submissions(&mut self, session: &Session) -> Result<Option<Standing>> {
        let mut columns = Columns::default();
        for (id, change) in &self.submissions {
            columns.add(*id, change);
        }
        let rows = columns.write(session, self.account).await?;
        let mut standing = None;
        for row in &rows {
            let id = SubmissionId(Seq::new(row.try_get(0)?));
            let (open, failed): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
            let change = self.submissions.remove(&id).ok_or_else(|| missing(id))?;
            if let Some((event, kind)) = change.last
                && open == 0
            {
                self.counts.finish(kind, failed);
                self.told.push(event);
            }
            if standing.is_none() {
                standing = Some(Standing::of(row)?);
            }
        }
        match self.submissions.keys().next() {
            Some(&left) => Err(missing(left)),
            None => Ok(standing),
        }
    }

    async fn count_sends(&self, session: &Session) -> Result<()> {
        if self.delivered.is_empty() {
            return Ok(());
        }
        let seconds: Vec<i64> = self.delivered.iter().map(|(_, at)| at.as_secs()).collect();
        session
            .execute(
                "INSERT INTO sends (account, second, count) \
                 SELECT $1, second, count(*) FROM unnest($2::bigint[]) AS second GROUP BY second \
                 ON CONFLICT (account, second) DO UPDATE SET count = sends.count + excluded.count",
                &[&self.account.0, &seconds],
            )
            .await?;
        Ok(())
    }

    /// Forgets what was sent too long ago for any limit.
    async fn forget_sends(&self, session: &Session) -> Result<()> {
        let Some(latest) = self.delivered.iter().map(|(_, at)| at.as_secs()).max() else {
            return Ok(());
        };
        session
            .execute(
                "DELETE FROM sends WHERE account = $1 AND second < $2",
                &[&self.account.0, &(latest - SENDS_KEPT_S)],
            )
            .await?;
        Ok(())
    }

    async fn await_answers(&self, session: &Session, standing: &Standing) -> Result<()> {
        if self.delivered.is_empty() || !standing.is_pec {
            return Ok(());
        }
        let (messages, since): (Vec<i64>, Vec<i64>) = self
            .delivered
            .iter()
            .map(|(message, at)| (message.get(), at.as_millis()))
            .unzip();
        session
            .execute(
                "INSERT INTO unanswered (account, message, since) \
                 SELECT $1, new.* FROM unnest($2::bigint[], $3::bigint[]) AS new",
                &[&self.account.0, &messages, &since],
            )
            .await?;
        Ok(())
    }
}

// === impl Change ===

impl Change {
    /// One message less is open.
    fn close(&mut self, event: Told, kind: EventKind) {
        self.closed += 1;
        self.failed += i64::from(kind != EventKind::Delivered);
        self.last = Some((event, kind));
    }
}

// === impl Standing ===

impl Standing {
    /// By a row of [`Columns::write`].
    fn of(row: &Row) -> Result<Self> {
        Ok(Self {
            tenant: row.try_get(3)?,
            is_pec: row.try_get(4)?,
            channels: reports::channels(row, 5)?,
        })
    }
}

/// The columns of what is changed of submissions.
#[derive(Default)]
struct Columns {
    ids: Vec<i64>,
    at: Vec<i64>,
    put_off: Vec<i64>,
    closed: Vec<i64>,
    failed: Vec<i64>,
    last_at: Vec<Option<i64>>,
}

impl Columns {
    fn add(&mut self, id: SubmissionId, change: &Change) {
        let last_at = change.last.as_ref().map(|(event, _)| event.at.as_millis());
        self.ids.push(id.0.get());
        self.at.push(change.at.as_millis());
        self.put_off.push(change.put_off);
        self.closed.push(change.closed);
        self.failed.push(change.failed);
        self.last_at.push(last_at);
    }

    /// Changes the submissions that are the account's; gives where each stands by that, and the account.
    async fn write(&self, session: &Session, account: AccountPk) -> Result<Vec<Row>> {
        if self.ids.is_empty() {
            return Ok(Vec::new());
        }
        session
            .rows(
                "UPDATE submissions s SET open = s.open - new.closed, failed = s.failed + new.failed, \
                 updated_at = greatest(s.updated_at, new.at), \
                 reports = s.reports + a.channels * (new.put_off + (s.open = new.closed)::int), \
                 finished_at = CASE WHEN s.open = new.closed THEN new.last_at END \
                 FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[]) \
                 AS new (id, at, put_off, closed, failed, last_at), \
                 (SELECT t.id AS tenant, a.is_pec, t.webhook IS NOT NULL AS has_webhook, \
                  1 + (t.webhook IS NOT NULL)::int AS channels \
                  FROM accounts a JOIN tenants t ON t.id = a.tenant WHERE a.pk = $1) AS a \
                 WHERE s.id = new.id AND s.account = $1 \
                 RETURNING s.id, s.open, s.failed, a.tenant, a.is_pec, a.has_webhook",
                &[
                    &account.0,
                    &self.ids,
                    &self.at,
                    &self.put_off,
                    &self.closed,
                    &self.failed,
                    &self.last_at,
                ],
            )
            .await
    }
}

fn missing(submission: SubmissionId) -> StoreError {
    StoreError::Missing(format!("submission {}", submission.0.get()))
}

/// What a lane's account delivered in each second from a moment on.
pub(super) async fn sends(
    session: &Session,
    lane: LaneId,
    since: Timestamp,
) -> Result<Vec<(i64, u32)>> {
    let rows = session
        .rows(
            "SELECT second, count FROM sends \
             WHERE account = (SELECT account FROM lanes WHERE id = $1) AND second >= $2 ORDER BY second",
            &[&lane.0, &since.as_secs()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let count: i64 = row.try_get(1)?;
            Ok((row.try_get(0)?, u32::try_from(count).unwrap_or(u32::MAX)))
        })
        .collect()
}
