//! What the outcomes of submissions' messages change beside the messages: the submissions themselves, the counters of
//! their account, what it sent in which second, and the reports. A batch of outcomes is of one account, so most of it is
//! summed up and written once.

use std::collections::BTreeMap;

use model::account::AccountPk;
use model::{EventKind, LaneId, Seq, SubmissionId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{counts, reports};
use crate::fact::{Counts, Fact};
use crate::sqlite::row::at_most;
use crate::sqlite::transaction::WriteTx;
use crate::submissions::Channel;
use crate::{Result, StoreError};

/// How long it is known what was sent in which second: the longest window of a limit, in seconds.
const SENDS_KEPT_S: i64 = 24 * 60 * 60;

/// The sums of one batch.
pub(in crate::sqlite) struct Tally {
    account: AccountPk,
    /// `None` when the account is gone: so is all its mail.
    tenant: Option<String>,
    /// Whether it is a certified mailbox, whose provider answers.
    is_pec: bool,
    /// By which ways the tenant's application is told.
    channels: &'static [Channel],
    counts: Counts,
    /// On each channel.
    reports: i64,
    /// By second.
    sends: BTreeMap<i64, i64>,
}

/// Where a submission stands after one of its messages became final.
struct Rest {
    open: i64,
    failed: i64,
}

// === impl Tally ===

impl Tally {
    pub(in crate::sqlite) fn begin(tx: &WriteTx<'_>, account: AccountPk) -> Result<Self> {
        let found = tx
            .connection
            .prepare_cached(
                "SELECT a.tenant, a.is_pec, t.webhook IS NOT NULL \
                 FROM accounts a LEFT JOIN tenants t ON t.id = a.tenant WHERE a.pk = ?1",
            )?
            .query_row([account.0], |row| {
                Ok((row.get(0)?, (row.get(1)?, reports::channels(row, 2)?)))
            })
            .optional()?;
        let (tenant, about) = found.unzip();
        let (is_pec, channels) = about.unwrap_or_default();
        Ok(Self {
            account,
            tenant,
            is_pec,
            channels,
            counts: Counts::default(),
            reports: 0,
            sends: BTreeMap::new(),
        })
    }

    /// Notes an event that was appended as `seq`.
    pub(in crate::sqlite) fn note(
        &mut self,
        tx: &WriteTx<'_>,
        seq: Seq,
        fact: &Fact,
    ) -> Result<()> {
        let submission = fact.submission.ok_or_else(|| {
            StoreError::Invalid("an account's mail that is of no submission".to_owned())
        })?;
        self.counts.rate_limited += i64::from(fact.is_over_limit);
        let is_told = match fact.kind {
            EventKind::Deferred | EventKind::RateLimited => {
                self.counts.deferred += 1;
                self.put_off(tx, submission, fact)?;
                true
            }
            EventKind::Delivered => {
                *self.sends.entry(fact.at.as_secs()).or_default() += 1;
                if self.is_pec {
                    await_answer(tx, self.account, fact)?;
                }
                self.close(tx, submission, fact)?
            }
            EventKind::Bounced | EventKind::Expired | EventKind::Dropped | EventKind::Cancelled => {
                self.close(tx, submission, fact)?
            }
            // Not recorded: the first is the message's own row, the others come when it is final.
            EventKind::Accepted | EventKind::Returned | EventKind::Receipt => false,
        };
        if is_told {
            let tenant = self.tenant.as_deref().ok_or_else(|| missing(submission))?;
            for &channel in self.channels {
                reports::insert(tx, tenant, channel, seq, submission, fact.at)?;
            }
            self.reports += 1;
        }
        Ok(())
    }

    fn put_off(&self, tx: &WriteTx<'_>, submission: SubmissionId, fact: &Fact) -> Result<()> {
        let changed = tx
            .connection
            .prepare_cached(
                "UPDATE submissions SET updated_at = max(updated_at, ?3), reports = reports + ?4 \
                 WHERE id = ?1 AND account = ?2",
            )?
            .execute([
                submission.0.get(),
                self.account.0,
                fact.at.as_millis(),
                at_most(self.channels.len()),
            ])?;
        match changed {
            1 => Ok(()),
            _ => Err(missing(submission)),
        }
    }

    /// One message less is open; whether the submission is final by that.
    fn close(&mut self, tx: &WriteTx<'_>, submission: SubmissionId, fact: &Fact) -> Result<bool> {
        let has_failed = fact.kind != EventKind::Delivered;
        let rest = tx
            .connection
            .prepare_cached(
                "UPDATE submissions SET open = open - 1, failed = failed + ?4, updated_at = max(updated_at, ?3), \
                 reports = reports + (open = 1) * ?5, finished_at = CASE open WHEN 1 THEN ?3 END \
                 WHERE id = ?1 AND account = ?2 RETURNING open, failed",
            )?
            .query_row(
                params![
                    submission.0.get(),
                    self.account.0,
                    fact.at.as_millis(),
                    has_failed,
                    at_most(self.channels.len()),
                ],
                |row| {
                    Ok(Rest {
                        open: row.get(0)?,
                        failed: row.get(1)?,
                    })
                },
            )
            .optional()?
            .ok_or_else(|| missing(submission))?;
        if rest.open > 0 {
            return Ok(false);
        }
        self.counts.finish(fact.kind, rest.failed);
        Ok(true)
    }

    /// Writes the sums.
    pub(in crate::sqlite) fn write(self, tx: &WriteTx<'_>, lane: LaneId) -> Result<()> {
        counts::add(tx, self.account, &self.counts)?;
        if let Some(tenant) = &self.tenant {
            for &channel in self.channels {
                reports::count(tx, tenant, channel, self.reports)?;
            }
        }
        for (&second, &count) in &self.sends {
            tx.connection
                .prepare_cached(
                    "INSERT INTO sends (lane, second, count) VALUES (?1, ?2, ?3) \
                     ON CONFLICT DO UPDATE SET count = count + excluded.count",
                )?
                .execute([lane.0, second, count])?;
        }
        if let Some((latest, _)) = self.sends.last_key_value() {
            tx.connection
                .prepare_cached("DELETE FROM sends WHERE lane = ?1 AND second < ?2")?
                .execute([lane.0, latest - SENDS_KEPT_S])?;
        }
        Ok(())
    }
}

fn await_answer(tx: &WriteTx<'_>, account: AccountPk, fact: &Fact) -> Result<()> {
    tx.connection
        .prepare_cached("INSERT INTO unanswered (message, account, since) VALUES (?1, ?2, ?3)")?
        .execute([fact.message.get(), account.0, fact.at.as_millis()])?;
    Ok(())
}

fn missing(submission: SubmissionId) -> StoreError {
    StoreError::Missing(format!("submission {}", submission.0.get()))
}

/// What a lane's account delivered in each second from a moment on: it has one lane.
pub(super) fn sends(
    connection: &Connection,
    lane: LaneId,
    since: Timestamp,
) -> Result<Vec<(i64, u32)>> {
    let mut statement = connection.prepare_cached(
        "SELECT second, count FROM sends WHERE lane = ?1 AND second >= ?2 ORDER BY second",
    )?;
    let rows = statement.query_map([lane.0, since.as_secs()], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
