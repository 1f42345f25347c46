//! Another content under a known id: it takes the place of the other, or that is taken back before it.

use model::{BatchCode, LaneId, MessageId, Seq, Timestamp};
use tokio::try_join;

use super::forget::{self, TakenBack};
use super::payload;
use super::submit::Item;
use crate::handover::Known;
use crate::payload::Kept;
use crate::postgres::preparing;
use crate::postgres::row::at_most;
use crate::postgres::session::Values;
use crate::postgres::transaction::WriteTx;
use crate::{NewSubmission, Result};

/// Whether a submission is for the same recipients, in the same order.
pub(super) async fn has_recipients(
    tx: &WriteTx,
    known: &Known,
    new: &NewSubmission,
) -> Result<bool> {
    if known.messages != at_most(new.recipients.len()) {
        return Ok(false);
    }
    let rows = tx
        .session
        .rows(
            "SELECT address FROM messages WHERE seq >= $1 ORDER BY seq LIMIT $2",
            &[&known.id.0.get(), &known.messages],
        )
        .await?;
    if rows.len() != new.recipients.len() {
        return Ok(false);
    }
    for (row, address) in rows.iter().zip(&new.recipients) {
        if row.try_get::<_, &str>(0)? != address.as_str() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives a submission another content; its messages stay who and where they are, with all their tries before them.
pub(super) async fn rewrite(
    tx: &mut WriteTx,
    known: &Known,
    item: &Item,
    kept: Kept<'_>,
) -> Result<()> {
    let (new, id) = (&item.new, known.id.0.get());
    let (is_sealed, text) = payload::columns(kept);
    let digest = item.digest.as_slice();
    let of_payload: Values<'_> = &[&id, &digest, &is_sealed, &text];
    let batch = new.batch.as_ref().map(BatchCode::as_str);
    let deferred_until = new.deferred_until.map(Timestamp::as_millis);
    let (priority, at, due_at) = (
        new.priority.code(),
        new.at.as_millis(),
        item.due_at().as_millis(),
    );
    let of_submission: Values<'_> = &[&id, &priority, &batch, &deferred_until, &item.is_held, &at];
    let of_messages: Values<'_> = &[&id, &known.messages, &priority, &due_at, &item.is_held];
    // They do not depend on each other, so that all are sent before the first is answered.
    let (_, _, rows, ()) = try_join!(
        tx.session.execute(
            "UPDATE payloads SET digest = $2, is_sealed = $3, payload = $4 WHERE submission = $1",
            of_payload,
        ),
        tx.session.execute(
            "UPDATE submissions SET priority = $2, batch = $3, deferred_until = $4, held = $5, \
             updated_at = greatest(updated_at, $6) WHERE id = $1",
            of_submission,
        ),
        tx.session.rows(
            "WITH gone AS (DELETE FROM troubled t USING messages m \
             WHERE m.seq >= $1 AND m.seq < $1 + $2 AND t.lane = m.lane AND t.message = m.seq) \
             UPDATE messages SET priority = $3, due_at = $4, held = $5, attempts = 0 \
             WHERE seq >= $1 AND seq < $1 + $2 AND state = 0 RETURNING lane",
            of_messages,
        ),
        preparing::begin_anew(&tx.session, known.id, &new.tenant, item.wait()),
    )?;
    for row in &rows {
        tx.has_mail(LaneId(row.try_get(0)?), new.priority);
    }
    Ok(())
}

/// Takes back what is there, for what comes next.
pub(super) async fn take_back(
    tx: &mut WriteTx,
    tag: u32,
    known: &Known,
    at: Timestamp,
) -> Result<()> {
    // The cancellations take a place in the log each, and what is new comes after them.
    let first = Seq::new(tx.next_seq().get() + known.open);
    let message = MessageId::new(at, tag, first);
    let why = TakenBack {
        at: Some(at),
        reason: &format!("replaced by {message}"),
    };
    forget::take_back(tx, tag, &[known.id], &why).await
}
