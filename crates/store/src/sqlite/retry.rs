//! Failed messages accepted again: a new message for each, which says what it repeats.

use std::sync::Arc;

use model::{CampaignId, MessageState, Seq, Timestamp};
use rusqlite::params;

use super::accept::accepted_event;
use super::transaction::WriteTx;
use super::{campaigns, lanes, row, troubled};
use crate::{LaneKey, Lease, Logged, Result, StoreError};

/// Repeats messages of the run that failed at or before `up_to` in the log and have no repeat yet, in their own order;
/// gives how many.
pub(super) fn retry_failed(
    tx: &mut WriteTx<'_>,
    tag: u32,
    lease: &Lease,
    campaign: CampaignId,
    up_to: Seq,
    limit: usize,
    at: Timestamp,
) -> Result<usize> {
    lanes::check(tx, lease)?;
    check_is_of_lane(tx, lease, campaign)?;
    let failed = troubled::repeatable(tx.connection, campaign, up_to, limit)?;
    for &seq in &failed {
        repeat(tx, tag, campaign, seq, at)?;
    }
    if failed.is_empty() {
        return Ok(0);
    }
    let added = row::at_most(failed.len());
    campaigns::add_to_books(tx, campaign, MessageState::Queued, added)?;
    campaigns::reopen(tx, campaign)?;
    Ok(failed.len())
}

/// Refuses a run that the lease does not cover (promise: P-03).
fn check_is_of_lane(tx: &WriteTx<'_>, lease: &Lease, campaign: CampaignId) -> Result<()> {
    campaigns::check(tx.connection, campaign)?;
    if lanes::id(tx, &LaneKey::campaign(campaign))? == lease.lane {
        return Ok(());
    }
    Err(StoreError::Missing(format!(
        "campaign {} of lane {}",
        campaign.0, lease.key
    )))
}

/// Accepts the message a second time. The failed one stays as it is, and leads to the new one.
fn repeat(
    tx: &mut WriteTx<'_>,
    tag: u32,
    campaign: CampaignId,
    failed: Seq,
    at: Timestamp,
) -> Result<()> {
    let seq = tx.next_seq();
    tx.connection
        .prepare_cached(
            "INSERT INTO messages (seq, campaign, lane, content, state, due_at, attempts, \
             accepted_at, retry_of, folded, address, data) \
             SELECT ?1, campaign, lane, content, 0, ?3, 0, ?3, seq, folded, address, data \
             FROM messages WHERE seq = ?2",
        )?
        .execute(params![seq.get(), failed.get(), at.as_millis()])?;
    troubled::set_repeat(tx, campaign, failed, seq)?;
    let message = row::message(tx.connection, tag, seq)?.ok_or_else(|| row::missing(failed))?;
    tx.append(|| Logged {
        event: accepted_event(&message),
        message: Arc::new(message),
    });
    Ok(())
}
