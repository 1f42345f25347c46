//! Failed messages accepted again: a new message for each, which says what it repeats.

use std::sync::Arc;

use model::{LaneId, Seq, Timestamp};
use rusqlite::params;

use super::transaction::WriteTx;
use super::{books, campaigns, lanes, row, troubled};
use crate::log::accepted_event;
use crate::{Lease, Logged, Result};

/// Repeats messages of the lane that failed at or before `up_to` in the log and have no repeat yet, in their own order;
/// gives how many.
pub(super) fn retry_failed(
    tx: &mut WriteTx<'_>,
    tag: u32,
    lease: &Lease,
    up_to: Seq,
    limit: usize,
    at: Timestamp,
) -> Result<usize> {
    let lane = lease.lane;
    if lanes::check(tx, lease)?.is_some() {
        return Err(lanes::of_account(lane));
    }
    let failed = troubled::repeatable(tx.connection, lane, up_to, limit)?;
    for &seq in &failed {
        repeat(tx, tag, lane, seq, at)?;
    }
    if failed.is_empty() {
        return Ok(0);
    }
    let added = row::at_most(failed.len());
    books::add(tx, lane, added)?;
    campaigns::reopen(tx, lane)?;
    Ok(failed.len())
}

/// Accepts the message a second time. The failed one stays as it is, and leads to the new one.
fn repeat(tx: &mut WriteTx<'_>, tag: u32, lane: LaneId, failed: Seq, at: Timestamp) -> Result<()> {
    let seq = tx.next_seq();
    tx.connection
        .prepare_cached(
            "INSERT INTO messages (seq, lane, content, state, due_at, attempts, \
             accepted_at, retry_of, folded, address, data, priority) \
             SELECT ?1, lane, content, 0, ?3, 0, ?3, seq, folded, address, data, priority \
             FROM messages WHERE seq = ?2",
        )?
        .execute(params![seq.get(), failed.get(), at.as_millis()])?;
    troubled::set_repeat(tx, lane, failed, seq)?;
    let message = row::message(tx.connection, tag, seq)?.ok_or_else(|| row::missing(failed))?;
    tx.append(|| Logged {
        event: accepted_event(&message),
        message: Arc::new(message),
    });
    Ok(())
}
