//! Lanes and leases: which process may deliver from a lane.

use std::time::Duration;

use model::LaneId;
use model::account::AccountPk;

use super::session::{Engaged, Session};
use super::transaction::WriteTx;
use crate::{LaneKey, Lease, Result, StoreError};

/// Takes a lane that nobody living holds. The limits of an account are kept by the one process that holds a lane of it, so
/// of an account that has any, one lane is held at a time.
const TAKE: &str = "UPDATE lanes lane SET holder = $2, process = $3, token = lane.token + 1, \
     expires_at = now() + $4 * interval '1 millisecond' \
     FROM lanes before \
     WHERE lane.key = $1 AND before.id = lane.id AND (lane.holder IS NULL OR lane.expires_at < now()) \
     AND NOT EXISTS (\
         SELECT FROM lanes other JOIN accounts ON accounts.pk = other.account \
         WHERE other.account = lane.account AND other.id <> lane.id \
         AND other.holder IS NOT NULL AND other.expires_at >= now() \
         AND num_nonnulls(limit_per_minute, limit_per_hour, limit_per_day) > 0) \
     RETURNING lane.id, lane.token, before.holder IS NOT NULL";

/// Moves on what a node holds. Of an account that has limits, a lease that expired does not come back, since somebody may be
/// taking another lane of it this moment; and one that got its limits while several of its lanes were held keeps the first
/// of them.
pub(super) const RENEW: &str = "UPDATE lanes lane SET expires_at = now() + $2 * interval '1 millisecond' \
     FROM unnest($3::bigint[], $4::bigint[]) AS mine (id, token) \
     WHERE lane.id = mine.id AND lane.token = mine.token AND lane.holder = $1 \
     AND NOT EXISTS (\
         SELECT FROM accounts WHERE pk = lane.account \
         AND num_nonnulls(limit_per_minute, limit_per_hour, limit_per_day) > 0 \
         AND (lane.expires_at < now() OR EXISTS (\
             SELECT FROM lanes other WHERE other.account = lane.account AND other.shard < lane.shard \
             AND other.holder IS NOT NULL AND other.expires_at >= now()))) \
     RETURNING lane.id, lane.token";

/// Frees a lane.
pub(super) const RELEASE: &str = "UPDATE lanes SET holder = NULL, process = NULL, expires_at = NULL \
     WHERE id = $1 AND token = $2";

/// Frees all that a node holds, and clears away what it told of itself.
pub(super) const GIVE_BACK: &str = "WITH gone AS (DELETE FROM nodes WHERE id = $1) \
     UPDATE lanes SET holder = NULL, process = NULL, expires_at = NULL WHERE holder = $1";

/// Who asks for a lane, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    /// The node's name.
    pub(super) node: &'a str,
    pub(super) lease: Duration,
}

/// A lane that was taken.
pub(super) struct Taken {
    pub(super) lease: Lease,
    /// Whether from somebody who had not given it back.
    pub(super) is_overtaken: bool,
}

/// Takes a lane, unless it is held or is not there.
pub(super) async fn take(
    session: Session,
    claim: Claim<'_>,
    key: &LaneKey,
) -> Result<Option<Taken>> {
    let session = Engaged::new(session);
    // Two who take lanes of one account come one after the other, so that the second sees the first. No other row is held
    // meanwhile that somebody could wait for.
    let account = key.account_pk();
    if let Some(account) = account {
        let begin = format!(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('account', {}))",
            account.0
        );
        session.simply(&begin).await?;
    }
    let process = i64::from(std::process::id());
    let row = session
        .row_if_any(
            TAKE,
            &[&key.as_str(), &claim.node, &process, &millis(claim.lease)],
        )
        .await?;
    if account.is_some() {
        session.simply("COMMIT").await?;
    }
    session.give_back();
    let taken = |row: tokio_postgres::Row| {
        Ok(Taken {
            lease: Lease {
                lane: LaneId(row.try_get(0)?),
                key: key.clone(),
                token: row.try_get(1)?,
            },
            is_overtaken: row.try_get(2)?,
        })
    };
    row.map(taken).transpose()
}

/// Milliseconds, as intervals are multiplied.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// That a lane is held, or another of the same account; `None` when none is.
pub(super) async fn held(session: &Session, key: &LaneKey) -> Result<Option<StoreError>> {
    let row = session
        .row_if_any(
            "SELECT process, (extract(epoch FROM expires_at - now()) * 1000)::bigint \
             FROM lanes WHERE holder IS NOT NULL AND expires_at >= now() \
             AND (key = $1 OR account = (SELECT account FROM lanes WHERE key = $1)) \
             ORDER BY key = $1 DESC LIMIT 1",
            &[&key.as_str()],
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let process: Option<i64> = row.try_get(0)?;
    let left_ms: i64 = row.try_get(1)?;
    Ok(Some(StoreError::LaneHeld {
        holder: process.and_then(|id| u32::try_from(id).ok()).unwrap_or(0),
        expires_in: Some(Duration::from_millis(left_ms.unsigned_abs())),
    }))
}

/// A lane's number, made when it is new.
pub(super) async fn id(session: &Session, key: &LaneKey) -> Result<LaneId> {
    if let Some(known) = known(session, key).await? {
        return Ok(known);
    }
    make(session, key).await?;
    let made = known(session, key).await?;
    made.ok_or_else(|| StoreError::Missing(format!("lane {key}")))
}

async fn known(session: &Session, key: &LaneKey) -> Result<Option<LaneId>> {
    let row = session
        .row_if_any("SELECT id FROM lanes WHERE key = $1", &[&key.as_str()])
        .await?;
    row.map(|row| Ok(LaneId(row.try_get(0)?))).transpose()
}

/// Makes a lane, unless it is there.
pub(super) async fn make(session: &Session, key: &LaneKey) -> Result<()> {
    let (account, shard) = key.of_account().unzip();
    session
        .execute(
            "INSERT INTO lanes (key, account, shard) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[
                &key.as_str(),
                &account.map(|pk| pk.0),
                &i64::from(shard.unwrap_or(0)),
            ],
        )
        .await?;
    Ok(())
}

/// Refuses who does not hold the lane any more (promise: P-03); gives the lane's account, where it is one's. A lease that
/// expired is still its holder's until somebody takes the lane: the token grows with that.
pub(super) async fn check(tx: &WriteTx, lease: &Lease) -> Result<Option<AccountPk>> {
    let held = tx
        .session
        .row_if_any(
            "SELECT account FROM lanes WHERE id = $1 AND token = $2 AND holder IS NOT NULL",
            &[&lease.lane.0, &lease.token],
        )
        .await?;
    match held {
        Some(row) => Ok(row.try_get::<_, Option<i64>>(0)?.map(AccountPk)),
        None => Err(StoreError::LeaseLost {
            lane: lease.key.to_string(),
        }),
    }
}

/// Refuses a lane that is not there.
pub(super) async fn check_exists(session: &Session, lane: LaneId) -> Result<()> {
    let row = session
        .row_if_any("SELECT FROM lanes WHERE id = $1", &[&lane.0])
        .await?;
    match row {
        Some(_) => Ok(()),
        None => Err(StoreError::Missing(format!("lane {}", lane.0))),
    }
}

/// Refuses who does not hold the lane any more, or holds an account's.
pub(super) async fn check_of_run(tx: &WriteTx, lease: &Lease) -> Result<()> {
    match check(tx, lease).await? {
        None => Ok(()),
        Some(_) => Err(of_account(lease.lane)),
    }
}

/// The error of a run's operation on an account's lane.
pub(super) fn of_account(lane: LaneId) -> StoreError {
    StoreError::Invalid(format!("lane {} as a run, and it is an account's", lane.0))
}
