//! Preparing ahead in the database: what waits for it, who is at it, and what came of it.
//!
//! What was prepared is written beside the log, before those who deliver are told, since it may be long and everybody who
//! writes would wait for it. It counts as long as the submission says what it was made from, which its digest tells; so
//! one that comes too late, of a submission that says something else by now, is never read.
//!
//! A claim and whatever else is beside the log waits for no row that somebody else holds while it holds one itself, so that
//! nobody waits in a circle.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use model::{LaneId, Priority, Seq, SubmissionId, Timestamp};

use super::PostgresStore;
use super::fault::lost;
use super::lanes::millis;
use super::row::at_most;
use super::session::{Engaged, Session, Values};
use super::submissions::{payload, read};
use super::transaction::WriteTx;
use crate::payload::{Kept, Table};
use crate::preparation::{
    CLAIMED_FOR, KEPT_BYTES_MAX, KEPT_BYTES_MIN, KEPT_FOR, PREPARED_BYTES_MAX, PREPARED_WITHIN,
    Preparation, Unprepared,
};
use crate::submissions::Waiting;
use crate::{Payload, Result, StoreError};

/// Sessions of a process that what was prepared is written with; opened when there is something.
pub(super) const WRITING_AHEAD: usize = 2;
/// How long one text may take to be written.
const WRITE_MAX: Duration = Duration::from_secs(20);
/// Rows that are cleared away at once of what was handed over by itself.
const CLEARED_AT_ONCE: usize = 1_000;
/// The same of what was prepared, where each row may have many parts.
const TEXTS_CLEARED_AT_ONCE: usize = 50;

/// Claims what is due and neither handed over by itself yet nor somebody else's: of each priority the first, and of those
/// the most urgent.
const CLAIM: &str = "WITH next AS ( \
         SELECT one.submission FROM unnest($1::bigint[]) AS p (priority) CROSS JOIN LATERAL ( \
             SELECT submission, priority, due_at FROM unprepared u \
             WHERE u.priority = p.priority AND due_at > $2 AND due_at <= $3 \
             AND (claimed_until IS NULL OR claimed_until < now()) \
             ORDER BY due_at, submission LIMIT $4 FOR UPDATE SKIP LOCKED) AS one \
         ORDER BY one.priority, one.due_at, one.submission LIMIT $4) \
     UPDATE unprepared u SET holder = $5, claimed_until = now() + $6 * interval '1 millisecond' \
     FROM next WHERE u.submission = next.submission RETURNING u.priority, u.due_at, u.submission";

/// Lets go of what is claimed. A row that somebody is at this moment is let go by the end of its claim.
const LET_GO: &str = "UPDATE unprepared SET holder = NULL, claimed_until = NULL WHERE submission IN ( \
     SELECT submission FROM unprepared WHERE submission = ANY ($1) AND holder = $2 FOR UPDATE SKIP LOCKED)";

/// Keeps what was prepared, as long as the claim holds and the submission says what it said.
const PUT: &str = "INSERT INTO prepared (submission, digest, prepared_at, bytes, is_sealed, payload) \
     SELECT u.submission, p.digest, $4, $5, $6, $7 \
     FROM unprepared u JOIN payloads p ON p.submission = u.submission \
     WHERE u.submission = $1 AND u.holder = $2 AND p.digest = $3 \
     ON CONFLICT (submission) DO UPDATE SET digest = excluded.digest, prepared_at = excluded.prepared_at, \
     bytes = excluded.bytes, is_sealed = excluded.is_sealed, payload = excluded.payload";

/// How long what is kept is altogether.
const KEPT_BYTES: &str = "SELECT coalesce(sum(bytes), 0)::bigint FROM prepared";

const WAITING: &str = "SELECT count(*), min(due_at) FROM unprepared \
     WHERE priority = ANY ($1) AND due_at > $2 AND due_at <= $3";

/// Forgets what was handed over by itself, a while ago.
const CLEAR_UNPREPARED: &str = "DELETE FROM unprepared WHERE submission IN ( \
     SELECT submission FROM unprepared WHERE priority = ANY ($1) \
     AND due_at < extract(epoch FROM now())::bigint * 1000 - $2 LIMIT $3 FOR UPDATE SKIP LOCKED) \
     RETURNING submission";

/// Forgets what nobody needs any more of what was prepared, from after a submission on.
const CLEAR_PREPARED: &str = "WITH old AS ( \
         SELECT r.submission FROM prepared r LEFT JOIN submissions s ON s.id = r.submission \
         WHERE r.submission > $1 AND (s.open IS NULL OR s.open = 0 \
             OR r.prepared_at < extract(epoch FROM now())::bigint * 1000 - $2) \
         ORDER BY r.submission LIMIT $3 FOR UPDATE OF r SKIP LOCKED) \
     DELETE FROM prepared r USING old WHERE r.submission = old.submission RETURNING r.submission";

/// A submission that waits to be prepared, and when it would be due without that.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    pub(super) priority: Priority,
    pub(super) due_at: Timestamp,
}

/// A submission says something else: what was prepared of it is of no use, and it waits anew or does not.
pub(super) async fn begin_anew(
    session: &Session,
    id: SubmissionId,
    wait: Option<Wait>,
) -> Result<()> {
    let id = id.0.get();
    match wait {
        Some(Wait { priority, due_at }) => {
            session
                .execute(
                    "WITH gone AS (DELETE FROM prepared WHERE submission = $1) \
                     INSERT INTO unprepared (submission, priority, due_at) VALUES ($1, $2, $3) \
                     ON CONFLICT (submission) DO UPDATE SET priority = excluded.priority, \
                     due_at = excluded.due_at, holder = NULL, claimed_until = NULL",
                    &[&id, &priority.code(), &due_at.as_millis()],
                )
                .await?;
        }
        None => {
            session
                .execute(
                    "WITH gone AS (DELETE FROM prepared WHERE submission = $1) \
                     DELETE FROM unprepared WHERE submission = $1",
                    &[&id],
                )
                .await?;
        }
    }
    Ok(())
}

/// Hands claimed submissions over, where they say what they said: their messages are due as if there had been nothing to
/// wait for. Gives how many it were.
async fn hand_over(
    tx: &mut WriteTx,
    holder: String,
    claimed: Vec<(SubmissionId, Option<[u8; 32]>)>,
) -> Result<usize> {
    let ids: Vec<i64> = claimed.iter().map(|(id, _)| id.0.get()).collect();
    let digests: Vec<Option<&[u8]>> = claimed
        .iter()
        .map(|(_, digest)| digest.as_ref().map(<[u8; 32]>::as_slice))
        .collect();
    let rows = tx
        .session
        .rows(
            "DELETE FROM unprepared u USING unnest($1::bigint[], $2::bytea[]) AS mine (submission, digest), \
             payloads p, submissions s \
             WHERE u.submission = mine.submission AND u.holder = $3 AND s.id = mine.submission \
             AND p.submission = mine.submission AND (mine.digest IS NULL OR p.digest = mine.digest) \
             RETURNING s.id, s.messages, u.due_at",
            &[&ids, &digests, &holder],
        )
        .await?;
    let (mut messages, mut due): (Vec<i64>, Vec<i64>) = Default::default();
    for row in &rows {
        let (id, count, due_at): (i64, i64, i64) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        messages.extend(id..id + count);
        due.resize(messages.len(), due_at);
    }
    // One that was tried is due when its try says.
    let lanes = tx
        .session
        .rows(
            "WITH going AS (UPDATE messages m SET due_at = new.due_at \
             FROM unnest($1::bigint[], $2::bigint[]) AS new (seq, due_at) \
             WHERE m.seq = new.seq AND m.state = 0 AND m.attempts = 0 AND m.due_at > new.due_at \
             RETURNING m.lane, m.priority) SELECT lane, min(priority) FROM going GROUP BY lane",
            &[&messages, &due],
        )
        .await?;
    for row in &lanes {
        tx.has_mail(LaneId(row.try_get(0)?), Priority::clamped(row.try_get(1)?));
    }
    Ok(rows.len())
}

impl PostgresStore {
    async fn claim_some(&self, limit: usize, now: Timestamp) -> Result<Vec<SubmissionId>> {
        let priorities = Priority::ALL.map(Priority::code);
        let rows = self
            .holder
            .ask(
                CLAIM,
                &[
                    &priorities.as_slice(),
                    &(now - PREPARED_WITHIN).as_millis(),
                    &now.as_millis(),
                    &at_most(limit),
                    &self.holder.name(),
                    &millis(CLAIMED_FOR),
                ],
            )
            .await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            let order: (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            claimed.push(order);
        }
        claimed.sort_unstable();
        let ids = claimed
            .into_iter()
            .map(|(.., id)| SubmissionId(Seq::new(id)));
        Ok(ids.collect())
    }

    async fn hand_over_all(&self, claimed: Vec<(SubmissionId, Option<[u8; 32]>)>) -> Result<usize> {
        let holder = self.holder.name().to_owned();
        self.writer
            .write(move |tx| hand_over(tx, holder, claimed).boxed())
            .await
    }

    /// Whether more may be kept.
    async fn has_room(&self) -> Result<bool> {
        let rows = self.holder.ask(KEPT_BYTES, &[]).await?;
        let kept: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(kept < KEPT_BYTES_MAX)
    }

    /// Keeps what was prepared; `false` when it is of no use.
    async fn put(&self, unprepared: &Unprepared, payload: Payload, now: Timestamp) -> Result<bool> {
        let id = unprepared.submission.id;
        let vault = self.vault.clone();
        // It may be long, and nobody else is held up meanwhile.
        let sealing = tokio::task::spawn_blocking(move || {
            let kept = Kept::in_table(Table::Prepared, vault.as_ref(), id, &payload)?;
            Ok::<_, StoreError>(payload::columns(kept))
        });
        let (is_sealed, text) = sealing.await.map_err(|_| StoreError::Closed)??;
        let bytes = at_most(text.len()).max(KEPT_BYTES_MIN);
        let writing = async {
            let session = Engaged::new(self.ahead.session().await?);
            let put = session
                .execute(
                    PUT,
                    &[
                        &id.0.get(),
                        &self.holder.name(),
                        &unprepared.digest.as_slice(),
                        &now.as_millis(),
                        &bytes,
                        &is_sealed,
                        &text,
                    ],
                )
                .await?;
            session.give_back();
            Ok(put > 0)
        };
        let written = tokio::time::timeout(WRITE_MAX, writing).await;
        written.unwrap_or_else(|_| Err(lost()))
    }

    /// Forgets what was handed over by itself, and what was prepared of submissions that are final or gone, or long ago:
    /// a piece at a time.
    pub(super) async fn clear_prepared(&self) -> Result<()> {
        let priorities = Priority::ALL.map(Priority::code);
        // The clocks of those who handed over may differ from the database's.
        let wait = whole_millis(2 * PREPARED_WITHIN);
        loop {
            let values: Values<'_> = &[&priorities.as_slice(), &wait, &at_most(CLEARED_AT_ONCE)];
            if self.holder.ask(CLEAR_UNPREPARED, values).await?.len() < CLEARED_AT_ONCE {
                break;
            }
        }
        let mut place = Seq::START.get();
        loop {
            let values: Values<'_> = &[
                &place,
                &whole_millis(KEPT_FOR),
                &at_most(TEXTS_CLEARED_AT_ONCE),
            ];
            let rows = self.holder.ask(CLEAR_PREPARED, values).await?;
            for row in &rows {
                place = row.try_get::<_, i64>(0)?.max(place);
            }
            if rows.len() < TEXTS_CLEARED_AT_ONCE {
                return Ok(());
            }
        }
    }
}

fn whole_millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Preparation for PostgresStore {
    async fn claim(&self, limit: usize, now: Timestamp) -> Result<Vec<SubmissionId>> {
        loop {
            let claimed = self.claim_some(limit, now).await?;
            if claimed.is_empty() || self.has_room().await? {
                return Ok(claimed);
            }
            // Nobody waits for what would not be kept.
            let as_they_are = claimed.into_iter().map(|id| (id, None));
            self.hand_over_all(as_they_are.collect()).await?;
        }
    }

    async fn unprepared(&self, id: SubmissionId) -> Result<Option<Unprepared>> {
        let (tag, vault) = (self.tag, self.vault.clone());
        self.delivering
            .read(move |session| {
                async move { read::unprepared(session, tag, vault.as_ref(), id).await }.boxed()
            })
            .await
    }

    async fn hand_over(
        &self,
        unprepared: &Unprepared,
        prepared: Option<Payload>,
        now: Timestamp,
    ) -> Result<bool> {
        let kept = prepared.filter(|payload| payload.expose().len() <= PREPARED_BYTES_MAX);
        if let Some(payload) = kept
            && !self.put(unprepared, payload, now).await?
        {
            return Ok(false);
        }
        let claimed = (unprepared.submission.id, Some(unprepared.digest));
        Ok(self.hand_over_all(vec![claimed]).await? > 0)
    }

    async fn let_go(&self, claimed: Vec<SubmissionId>) -> Result<()> {
        let ids: Vec<i64> = claimed.iter().map(|id| id.0.get()).collect();
        self.holder
            .ask(LET_GO, &[&ids, &self.holder.name()])
            .await?;
        Ok(())
    }

    async fn waiting_unprepared(&self, now: Timestamp) -> Result<Waiting> {
        let priorities = Priority::ALL.map(Priority::code);
        let since = (now - PREPARED_WITHIN).as_millis();
        let row = self
            .looking
            .read(move |session| {
                async move {
                    session
                        .row(WAITING, &[&priorities.as_slice(), &since, &now.as_millis()])
                        .await
                }
                .boxed()
            })
            .await?;
        let first_due_at: Option<i64> = row.try_get(1)?;
        Ok(Waiting {
            count: row.try_get::<_, i64>(0)?.unsigned_abs(),
            first_due_at: first_due_at.map(Timestamp::from_millis),
        })
    }
}
