//! The messages that did not go well at once, kept apart so that they are found in a run of a million: those that
//! failed, were taken back, or were tried and wait. One that is delivered at its first attempt costs nothing here.

use model::{LaneId, MessageState, Seq};

use super::row;
use super::session::Session;
use super::transaction::WriteTx;
use crate::{Result, Standing};

/// Notes where messages stand after a batch of events: the state and the attempts of each, once.
pub(super) async fn note(
    session: &Session,
    lane: LaneId,
    messages: impl Iterator<Item = (Seq, MessageState, u32)>,
) -> Result<()> {
    let (mut kept, mut states, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (seq, state, attempts) in messages {
        match Standing::of(state, attempts) {
            Standing::Pending => {}
            // Who was not tried before is not in the table.
            Standing::Sent if attempts <= 1 => {}
            Standing::Sent => gone.push(seq.get()),
            Standing::Retrying | Standing::Failed | Standing::Cancelled => {
                kept.push(seq.get());
                states.push(state.code());
            }
        }
    }
    if !kept.is_empty() {
        session
            .execute(
                "INSERT INTO troubled (lane, message, state) \
                 SELECT $1, new.* FROM unnest($2::bigint[], $3::bigint[]) AS new \
                 ON CONFLICT (lane, message) DO UPDATE SET state = excluded.state",
                &[&lane.0, &kept, &states],
            )
            .await?;
    }
    if !gone.is_empty() {
        session
            .execute(
                "DELETE FROM troubled WHERE lane = $1 AND message = ANY ($2)",
                &[&lane.0, &gone],
            )
            .await?;
    }
    Ok(())
}

/// Messages of a run that failed for good at or before `up_to` in the log and have no repeat.
pub(super) async fn repeatable(
    session: &Session,
    lane: LaneId,
    up_to: Seq,
    limit: usize,
) -> Result<Vec<Seq>> {
    let rows = session
        .rows(
            "SELECT message FROM troubled \
             WHERE lane = $1 AND state BETWEEN 3 AND 5 AND retried_as IS NULL \
             AND (SELECT last_event FROM messages WHERE seq = message) <= $2 \
             ORDER BY message LIMIT $3",
            &[&lane.0, &up_to.get(), &row::at_most(limit)],
        )
        .await?;
    rows.iter()
        .map(|found| Ok(Seq::new(found.try_get(0)?)))
        .collect()
}

/// Whether there is one.
pub(super) async fn has_repeatable(session: &Session, lane: LaneId) -> Result<bool> {
    let row = session
        .row(
            "SELECT EXISTS (SELECT 1 FROM troubled \
             WHERE lane = $1 AND state BETWEEN 3 AND 5 AND retried_as IS NULL)",
            &[&lane.0],
        )
        .await?;
    Ok(row.try_get(0)?)
}

/// Notes the repeats of failed messages, in the same order.
pub(super) async fn set_repeats(
    tx: &WriteTx,
    lane: LaneId,
    failed: &[i64],
    repeats: &[i64],
) -> Result<()> {
    tx.session
        .execute(
            "UPDATE troubled t SET retried_as = new.repeat \
             FROM unnest($2::bigint[], $3::bigint[]) AS new (failed, repeat) \
             WHERE t.lane = $1 AND t.message = new.failed",
            &[&lane.0, &failed, &repeats],
        )
        .await?;
    Ok(())
}
