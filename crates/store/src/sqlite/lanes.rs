//! Leases: which process may deliver from a lane.

use model::account::AccountPk;
use model::{LaneId, MessageState};
use rusqlite::{Connection, OptionalExtension, params};

use super::holder::{Holder, process_id};
use super::transaction::WriteTx;
use crate::submissions::WaitingLane;
use crate::{LaneKey, Lease, Result, StoreError};

/// A lane's number, made when it is new.
pub(super) fn id(tx: &WriteTx<'_>, key: &LaneKey) -> Result<LaneId> {
    let known = tx
        .connection
        .prepare_cached("SELECT id FROM lanes WHERE key = ?1")?
        .query_row([key.as_str()], |row| row.get(0))
        .optional()?;
    match known {
        Some(id) => Ok(LaneId(id)),
        None => {
            tx.connection
                .prepare_cached("INSERT INTO lanes (key, account) VALUES (?1, ?2)")?
                .execute(params![key.as_str(), key.account_pk().map(|pk| pk.0)])?;
            Ok(LaneId(tx.connection.last_insert_rowid()))
        }
    }
}

/// Refuses a lane that is not there.
pub(super) fn check_exists(connection: &Connection, lane: LaneId) -> Result<()> {
    let mut looking = connection.prepare_cached("SELECT 1 FROM lanes WHERE id = ?1")?;
    match looking.exists([lane.0])? {
        true => Ok(()),
        false => Err(StoreError::Missing(format!("lane {}", lane.0))),
    }
}

/// Refuses who does not hold the lane any more, or holds an account's.
pub(super) fn check_of_run(tx: &WriteTx<'_>, lease: &Lease) -> Result<()> {
    match check(tx, lease)? {
        None => Ok(()),
        Some(_) => Err(of_account(lease.lane)),
    }
}

/// The error of a run's operation on an account's lane.
pub(super) fn of_account(lane: LaneId) -> StoreError {
    StoreError::Invalid(format!("lane {} as a run, and it is an account's", lane.0))
}

/// Takes a lane that nobody living holds. Held by this process itself, it is held: two campaigns' runners in
/// one process are two holders.
pub(super) fn lease(tx: &WriteTx<'_>, holder: &Holder, key: LaneKey) -> Result<Lease> {
    let lane = id(tx, &key)?;
    let (current, token): (Option<String>, i64) = tx
        .connection
        .prepare_cached("SELECT holder, token FROM lanes WHERE id = ?1")?
        .query_row([lane.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(current) = current.filter(|name| holder.is_alive(name)) {
        return Err(StoreError::LaneHeld {
            holder: process_id(&current),
            // Its lock file says so.
            expires_in: None,
        });
    }
    tx.connection
        .prepare_cached("UPDATE lanes SET holder = ?2, token = ?3 WHERE id = ?1")?
        .execute(params![lane.0, holder.name(), token + 1])?;
    Ok(Lease {
        lane,
        key,
        token: token + 1,
    })
}

pub(super) fn release(tx: &WriteTx<'_>, lease: &Lease) -> Result<()> {
    tx.connection
        .prepare_cached("UPDATE lanes SET holder = NULL WHERE id = ?1 AND token = ?2")?
        .execute(params![lease.lane.0, lease.token])?;
    Ok(())
}

/// Refuses who does not hold the lane any more (promise: P-03); gives the lane's account, where it is one's.
pub(super) fn check(tx: &WriteTx<'_>, lease: &Lease) -> Result<Option<AccountPk>> {
    let held: Option<Option<i64>> = tx
        .connection
        .prepare_cached(
            "SELECT account FROM lanes WHERE id = ?1 AND token = ?2 AND holder IS NOT NULL",
        )?
        .query_row([lease.lane.0, lease.token], |row| row.get(0))
        .optional()?;
    match held {
        Some(account) => Ok(account.map(AccountPk)),
        None => Err(StoreError::LeaseLost {
            lane: lease.key.to_string(),
        }),
    }
}

/// The accounts' lanes with queued mail, held back or not.
pub(super) fn waiting(connection: &Connection) -> Result<Vec<WaitingLane>> {
    let mut statement = connection.prepare_cached(
        "SELECT l.id, l.account FROM lanes l INDEXED BY lanes_by_account \
         CROSS JOIN books b ON b.lane = l.id AND b.state = ?1 \
         WHERE l.account IS NOT NULL AND b.count > 0 ORDER BY l.account",
    )?;
    let rows = statement.query_map([MessageState::Queued.code()], |row| {
        Ok(WaitingLane {
            lane: LaneId(row.get(0)?),
            account: AccountPk(row.get(1)?),
            shard: 0,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The account of a lane.
pub(super) fn account(connection: &Connection, lane: LaneId) -> Result<Option<AccountPk>> {
    let account: Option<Option<i64>> = connection
        .prepare_cached("SELECT account FROM lanes WHERE id = ?1")?
        .query_row([lane.0], |row| row.get(0))
        .optional()?;
    Ok(account.flatten().map(AccountPk))
}
