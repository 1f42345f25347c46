//! Due messages whose rows cannot be read: each costs itself, and nobody who waits behind it.
//!
//! A column that cannot be read is given a value that can be, since readers of the log would stumble over it again and
//! again; and the message is dropped, with what was wrong as its reason. The values are such that nothing can be sent
//! with them, also when somebody has the message tried again.

use model::{Address, Seq, Timestamp};
use rusqlite::{OptionalExtension, Row, params};

use super::transaction::WriteTx;
use super::{lanes, record, row};
use crate::aside;
use crate::lane::LEFT_ALONE;
use crate::{Lease, Result, StoreError};

/// No mail gets there (RFC 2606 §2). The number keeps it apart from the other addresses of its run.
const MEND_ADDRESS: &str = "UPDATE messages SET folded = NULL, \
     address = 'unreadable-' || seq || '@damaged.invalid' WHERE seq = ?1";
/// Templates are rendered with an object only.
const MEND_DATA: &str = "UPDATE messages SET data = 'null' WHERE seq = ?1";
const MEND_ATTEMPTS: &str = "UPDATE messages SET attempts = 0 WHERE seq = ?1";
/// When it was due at the latest.
const MEND_ACCEPTED_AT: &str = "UPDATE messages SET accepted_at = due_at WHERE seq = ?1";

/// Drops a queued message whose row cannot be read; gives what was wrong, or `None` when it can be read, or is gone.
pub(super) fn drop_damaged(
    tx: &mut WriteTx<'_>,
    tag: u32,
    lease: &Lease,
    seq: Seq,
    at: Timestamp,
) -> Result<Option<String>> {
    let Err(StoreError::Damaged(what)) = row::message(tx.connection, tag, seq) else {
        return Ok(None);
    };
    mend(tx, lease, seq)?;
    let message = row::message(tx.connection, tag, seq)?.ok_or_else(|| row::missing(seq))?;
    let event = aside::dropped(message, &what, at);
    record::record(tx, lease, vec![event])?;
    Ok(Some(what))
}

/// Gives the columns that cannot be read values that can be.
fn mend(tx: &WriteTx<'_>, lease: &Lease, seq: Seq) -> Result<()> {
    let mends = tx
        .connection
        .prepare_cached(
            "SELECT address, data, attempts, accepted_at FROM messages \
             WHERE seq = ?1 AND lane = ?2 AND state = 0",
        )?
        .query_row([seq.get(), lease.lane.0], |row| Ok(needed(row)))
        .optional()?
        .ok_or_else(|| row::missing(seq))?;
    for statement in mends.into_iter().flatten() {
        tx.connection
            .prepare_cached(statement)?
            .execute([seq.get()])?;
    }
    mend_template(tx, seq)
}

/// What a row of address, data, attempts and time of acceptance needs to be readable.
fn needed(row: &Row<'_>) -> [Option<&'static str>; 4] {
    let text = |index: usize| row.get_ref(index).ok()?.as_str().ok();
    let has_address = text(0).is_some_and(|text| Address::parse(text).is_ok());
    [
        (!has_address).then_some(MEND_ADDRESS),
        text(1).is_none().then_some(MEND_DATA),
        row.get::<_, u32>(2).is_err().then_some(MEND_ATTEMPTS),
        row.get::<_, i64>(3).is_err().then_some(MEND_ACCEPTED_AT),
    ]
}

/// A campaign's message whose template is not there is given that of its run, if that one is there.
fn mend_template(tx: &WriteTx<'_>, seq: Seq) -> Result<()> {
    tx.connection
        .prepare_cached(
            "UPDATE messages SET content = r.content FROM campaigns r \
             WHERE seq = ?1 AND r.lane = messages.lane AND submission IS NULL \
             AND NOT EXISTS (SELECT 1 FROM contents c WHERE c.id = messages.content) \
             AND EXISTS (SELECT 1 FROM contents c WHERE c.id = r.content)",
        )?
        .execute([seq.get()])?;
    Ok(())
}

/// Takes a queued message out of what is due for a while, because of `cause`. Where it is the run's own template that is
/// lost, that is no matter of one message, and `cause` is the answer.
pub(super) fn park(
    tx: &WriteTx<'_>,
    lease: &Lease,
    seq: Seq,
    now: Timestamp,
    cause: StoreError,
) -> Result<()> {
    lanes::check(tx, lease)?;
    let parked = tx
        .connection
        .prepare_cached(
            "UPDATE messages SET due_at = ?3 WHERE seq = ?1 AND lane = ?2 AND state = 0 \
             AND NOT EXISTS (SELECT 1 FROM campaigns r WHERE r.lane = ?2 \
             AND NOT EXISTS (SELECT 1 FROM contents c WHERE c.id = r.content))",
        )?
        .execute(params![
            seq.get(),
            lease.lane.0,
            (now + LEFT_ALONE).as_millis()
        ])?;
    match parked {
        0 => Err(cause),
        _ => Ok(()),
    }
}
