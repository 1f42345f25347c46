//! Preparing ahead in the database: what waits for it, who is at it, and what came of it.
//!
//! What was prepared is written beside the log, before those who deliver are told, and cleared away beside it: it may be
//! long, and everybody who writes would wait. It counts as long as the submission is there and says what it was made from,
//! which its digest tells; so what is of no use any more is never read, until it is cleared away within a minute.
//!
//! A claim and whatever else is beside the log waits for no row that somebody else holds while it holds one itself, so that
//! nobody waits in a circle.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use model::account::AccountPk;
use model::{FieldError, LaneId, Priority, Seq, SubmissionId, TenantId, Timestamp};

use super::PostgresStore;
use super::fault::lost;
use super::lanes::millis;
use super::row::at_most;
use super::session::{Engaged, Session, Values};
use super::submissions::read;
use super::transaction::WriteTx;
use crate::payload::{Kept, Table};
use crate::preparation::{
    CLAIMED_FOR, Claim, Claimed, Claims, KEPT_BYTES_MAX, KEPT_BYTES_MIN, KEPT_FOR,
    PREPARED_BYTES_MAX, PREPARED_WITHIN, Preparation, Unprepared,
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
const TEXTS_CLEARED_AT_ONCE: usize = 16;

/// Claims what is due and neither handed over by itself yet nor somebody else's. The tenants that have something are found
/// by one look each; of each of them the first that it may have. Of those the most urgent, and of one priority first what
/// comes earlier among its tenant's, with those under way: who has nothing under way does not wait for who has some.
const CLAIM: &str = "WITH RECURSIVE waiting (tenant) AS ( \
         (SELECT tenant FROM unprepared ORDER BY tenant LIMIT 1) \
         UNION ALL \
         SELECT (SELECT u.tenant FROM unprepared u WHERE u.tenant > w.tenant ORDER BY u.tenant LIMIT 1) \
         FROM waiting w WHERE w.tenant IS NOT NULL), \
     first AS ( \
         SELECT one.*, row_number() OVER ( \
             PARTITION BY one.tenant ORDER BY one.priority, one.due_at, one.submission) AS place \
         FROM waiting w CROSS JOIN unnest($1::bigint[]) AS p (priority) CROSS JOIN LATERAL ( \
             SELECT submission, tenant, priority, due_at FROM unprepared u \
             WHERE u.tenant = w.tenant AND u.priority = p.priority AND due_at > $2 AND due_at <= $3 \
             AND (claimed_until IS NULL OR claimed_until < now()) \
             ORDER BY due_at, submission LIMIT least($4::bigint, $5) FOR UPDATE SKIP LOCKED) AS one), \
     next AS ( \
         SELECT first.submission FROM first \
         LEFT JOIN unnest($6::text[], $7::bigint[]) AS busy (tenant, count) ON busy.tenant = first.tenant \
         WHERE first.place <= $5 - coalesce(busy.count, 0) \
         ORDER BY first.priority, first.place + coalesce(busy.count, 0), first.due_at, first.submission LIMIT $4) \
     UPDATE unprepared u SET holder = $8, claimed_until = now() + $9 * interval '1 millisecond' \
     FROM next WHERE u.submission = next.submission \
     RETURNING u.priority, u.due_at, u.submission, u.tenant";

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

const WAITING: &str =
    "SELECT count(*), min(due_at) FROM unprepared WHERE due_at > $1 AND due_at <= $2";

/// Forgets what was handed over by itself, a while ago.
const CLEAR_UNPREPARED: &str = "DELETE FROM unprepared WHERE submission IN ( \
     SELECT submission FROM unprepared WHERE due_at < extract(epoch FROM now())::bigint * 1000 - $1 \
     LIMIT $2 FOR UPDATE SKIP LOCKED) \
     RETURNING submission";

/// Forgets what is of no use any more of what was prepared, from after a submission on: of those that are gone, final, say
/// something else, or were prepared long ago.
const CLEAR_PREPARED: &str = "WITH old AS ( \
         SELECT r.submission FROM prepared r LEFT JOIN submissions s ON s.id = r.submission \
         LEFT JOIN payloads p ON p.submission = r.submission AND p.digest = r.digest \
         WHERE r.submission > $1 AND (s.open IS NULL OR s.open = 0 OR p.submission IS NULL \
             OR r.prepared_at < extract(epoch FROM now())::bigint * 1000 - $2) \
         ORDER BY r.submission LIMIT $3 FOR UPDATE OF r SKIP LOCKED) \
     DELETE FROM prepared r USING old WHERE r.submission = old.submission RETURNING r.submission";

/// When a submission that waits to be prepared would be due without that, and how urgent it is.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    pub(super) priority: Priority,
    pub(super) due_at: Timestamp,
}

/// A submission says something else: it waits anew, or does not. What was prepared of it is not read any more.
pub(super) async fn begin_anew(
    session: &Session,
    id: SubmissionId,
    tenant: &TenantId,
    wait: Option<Wait>,
) -> Result<()> {
    let id = id.0.get();
    match wait {
        Some(Wait { priority, due_at }) => {
            session
                .execute(
                    "INSERT INTO unprepared (submission, tenant, priority, due_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (submission) DO UPDATE SET priority = excluded.priority, \
                     due_at = excluded.due_at, holder = NULL, claimed_until = NULL",
                    &[&id, &tenant.as_str(), &priority.code(), &due_at.as_millis()],
                )
                .await?;
        }
        None => {
            session
                .execute("DELETE FROM unprepared WHERE submission = $1", &[&id])
                .await?;
        }
    }
    Ok(())
}

/// Hands claimed submissions over, where they say what they said: their messages are due as if there had been nothing to
/// wait for. Gives the account of each.
async fn hand_over(
    tx: &mut WriteTx,
    holder: String,
    claimed: Vec<(SubmissionId, Option<[u8; 32]>)>,
) -> Result<Vec<AccountPk>> {
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
             RETURNING s.id, s.messages, u.due_at, s.account",
            &[&ids, &digests, &holder],
        )
        .await?;
    let (mut messages, mut due): (Vec<i64>, Vec<i64>) = Default::default();
    let mut accounts = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, count, due_at): (i64, i64, i64) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        messages.extend(id..id + count);
        due.resize(messages.len(), due_at);
        accounts.push(AccountPk(row.try_get(3)?));
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
    Ok(accounts)
}

impl PostgresStore {
    async fn claim_some(&self, claim: &Claim, now: Timestamp) -> Result<Vec<Claimed>> {
        let priorities = Priority::ALL.map(Priority::code);
        let (tenants, counts): (Vec<&str>, Vec<i64>) = claim
            .under_way
            .iter()
            .map(|(tenant, count)| (tenant.as_str(), at_most(*count)))
            .unzip();
        let rows = self
            .holder
            .ask(
                CLAIM,
                &[
                    &priorities.as_slice(),
                    &(now - PREPARED_WITHIN).as_millis(),
                    &now.as_millis(),
                    &at_most(claim.limit),
                    &at_most(claim.tenant_limit),
                    &tenants,
                    &counts,
                    &self.holder.name(),
                    &millis(CLAIMED_FOR),
                ],
            )
            .await?;
        let mut claimed: Vec<(i64, i64, i64, String)> = Vec::with_capacity(rows.len());
        for row in &rows {
            claimed.push((
                row.try_get(0)?,
                row.try_get(1)?,
                row.try_get(2)?,
                row.try_get(3)?,
            ));
        }
        claimed.sort_unstable();
        let claimed = claimed.into_iter().map(|(_, _, id, tenant)| {
            let wrong =
                |error: FieldError| StoreError::Damaged(format!("unprepared {id}: {error}"));
            Ok(Claimed {
                id: SubmissionId(Seq::new(id)),
                tenant: TenantId::parse(&tenant).map_err(wrong)?,
            })
        });
        claimed.collect()
    }

    async fn hand_over_all(
        &self,
        claimed: Vec<(SubmissionId, Option<[u8; 32]>)>,
    ) -> Result<Vec<AccountPk>> {
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
    async fn put(
        &self,
        unprepared: &Unprepared,
        payload: Arc<Payload>,
        now: Timestamp,
    ) -> Result<bool> {
        let id = unprepared.submission.id;
        let (vault, open) = (self.vault.clone(), Arc::clone(&payload));
        // It may be long, and nobody else is held up meanwhile.
        let sealing = tokio::task::spawn_blocking(move || {
            match Kept::in_table(Table::Prepared, vault.as_ref(), id, &open)? {
                Kept::Open(_) => Ok::<_, StoreError>(None),
                Kept::Sealed(text) => Ok(Some(text)),
            }
        });
        let sealed = sealing.await.map_err(|_| StoreError::Closed)??;
        let is_sealed = sealed.is_some();
        let text = sealed.as_deref().unwrap_or_else(|| payload.expose());
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
        // The clocks of those who handed over may differ from the database's.
        let wait = whole_millis(2 * PREPARED_WITHIN);
        loop {
            let values: Values<'_> = &[&wait, &at_most(CLEARED_AT_ONCE)];
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
    async fn claim(&self, claim: Claim, now: Timestamp) -> Result<Claims> {
        let claimed = self.claim_some(&claim, now).await?;
        if claimed.is_empty() || self.has_room().await? {
            return Ok(Claims::Claimed(claimed));
        }
        // Nobody waits for what would not be kept.
        let as_they_are = claimed.into_iter().map(|claimed| (claimed.id, None));
        let accounts = self.hand_over_all(as_they_are.collect()).await?;
        Ok(Claims::HandedOver(accounts))
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
        prepared: Option<Arc<Payload>>,
        now: Timestamp,
    ) -> Result<bool> {
        let kept = prepared.filter(|payload| payload.expose().len() <= PREPARED_BYTES_MAX);
        if let Some(payload) = kept
            && !self.put(unprepared, payload, now).await?
        {
            return Ok(false);
        }
        let claimed = (unprepared.submission.id, Some(unprepared.digest));
        Ok(!self.hand_over_all(vec![claimed]).await?.is_empty())
    }

    async fn let_go(&self, ids: Vec<SubmissionId>) -> Result<()> {
        let ids: Vec<i64> = ids.iter().map(|id| id.0.get()).collect();
        self.holder
            .ask(LET_GO, &[&ids, &self.holder.name()])
            .await?;
        Ok(())
    }

    async fn waiting_unprepared(&self, now: Timestamp) -> Result<Waiting> {
        let since = (now - PREPARED_WITHIN).as_millis();
        let row = self
            .looking
            .read(move |session| {
                async move { session.row(WAITING, &[&since, &now.as_millis()]).await }.boxed()
            })
            .await?;
        let first_due_at: Option<i64> = row.try_get(1)?;
        Ok(Waiting {
            count: row.try_get::<_, i64>(0)?.unsigned_abs(),
            first_due_at: first_due_at.map(Timestamp::from_millis),
        })
    }
}
