//! Failed messages accepted again: a new message for each, which says what it repeats.

use std::sync::Arc;

use model::{Priority, Seq, Timestamp};

use super::transaction::WriteTx;
use super::{books, campaigns, lanes, row, troubled};
use crate::log::accepted_event;
use crate::{Lease, Logged, Result};

/// Repeats messages of the lane that failed at or before `up_to` in the log and have no repeat yet, in their own order;
/// gives how many.
pub(super) async fn retry_failed(
    tx: &mut WriteTx,
    tag: u32,
    lease: &Lease,
    up_to: Seq,
    limit: usize,
    at: Timestamp,
) -> Result<usize> {
    let lane = lease.lane;
    if lanes::check(tx, lease).await?.is_some() {
        return Err(lanes::of_account(lane));
    }
    let failed = troubled::repeatable(&tx.session, lane, up_to, limit).await?;
    if failed.is_empty() {
        return Ok(0);
    }
    let first = tx.next_seq().get();
    let failed: Vec<i64> = failed.into_iter().map(Seq::get).collect();
    let repeats: Vec<i64> = (first..).take(failed.len()).collect();
    insert(tx, &failed, &repeats, at).await?;
    troubled::set_repeats(tx, lane, &failed, &repeats).await?;
    append(tx, tag, repeats).await?;
    books::add(tx, lane, row::at_most(failed.len())).await?;
    campaigns::reopen(tx, lane).await?;
    tx.has_mail(lane, Priority::default());
    Ok(failed.len())
}

/// Accepts the messages a second time. The failed ones stay as they are.
async fn insert(tx: &WriteTx, failed: &[i64], repeats: &[i64], at: Timestamp) -> Result<()> {
    tx.session
        .execute(
            "INSERT INTO messages (seq, lane, content, state, due_at, attempts, \
             accepted_at, retry_of, folded, address, data, priority) \
             SELECT new.repeat, lane, content, 0, $3, 0, $3, seq, folded, address, data, priority \
             FROM messages m JOIN unnest($1::bigint[], $2::bigint[]) AS new (failed, repeat) ON m.seq = new.failed",
            &[&failed, &repeats, &at.as_millis()],
        )
        .await?;
    Ok(())
}

/// Gives the new messages their places in the log.
async fn append(tx: &mut WriteTx, tag: u32, repeats: Vec<i64>) -> Result<()> {
    let seqs: Vec<Seq> = repeats.into_iter().map(Seq::new).collect();
    for message in row::messages(&tx.session, tag, &seqs).await? {
        tx.append(|| Logged {
            event: accepted_event(&message),
            message: Arc::new(message),
        });
    }
    Ok(())
}
