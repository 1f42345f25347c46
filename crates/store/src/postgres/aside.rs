//! Due messages whose rows cannot be read: each costs itself, and nobody who waits behind it.
//!
//! A column that cannot be read is given a value that can be, since readers of the log would stumble over it again and
//! again; and the message is dropped, with what was wrong as its reason. The values are such that nothing can be sent
//! with them, also when somebody has the message tried again.

use futures_util::FutureExt;
use model::{Address, Seq, Timestamp};
use tokio_postgres::Row;

use super::PostgresStore;
use super::transaction::WriteTx;
use super::{lanes, record, row};
use crate::aside;
use crate::lane::LEFT_ALONE;
use crate::{Lease, Result, StoreError};

/// No mail gets there (RFC 2606 §2). The number keeps it apart from the other addresses of its run.
const MEND_ADDRESS: &str = "UPDATE messages SET folded = NULL, \
     address = 'unreadable-' || seq || '@damaged.invalid' WHERE seq = $1";
/// Templates are rendered with an object only.
const MEND_DATA: &str = "UPDATE messages SET data = 'null' WHERE seq = $1";
const MEND_ATTEMPTS: &str = "UPDATE messages SET attempts = 0 WHERE seq = $1";

impl PostgresStore {
    /// Takes a due message out of the queue whose row cannot be read, or where that cannot be recorded, out of what is due
    /// for a while.
    pub(super) async fn set_aside(&self, lease: &Lease, seq: Seq, now: Timestamp) -> Result<()> {
        let (tag, of) = (self.tag, lease.clone());
        let dropped = self
            .writer
            .write(move |tx| async move { drop_damaged(tx, tag, &of, seq, now).await }.boxed())
            .await;
        if let Some(cause) = aside::cause_to_park(lease, dropped)? {
            let (of, why) = (lease.clone(), cause.clone());
            self.writer
                .write(move |tx| async move { park(tx, &of, seq, now, why).await }.boxed())
                .await?;
            aside::say_parked(lease, seq, &cause);
        }
        Ok(())
    }
}

/// Drops a queued message whose row cannot be read; gives what was wrong, or `None` when it can be read, or is gone.
async fn drop_damaged(
    tx: &mut WriteTx,
    tag: u32,
    lease: &Lease,
    seq: Seq,
    at: Timestamp,
) -> Result<Option<String>> {
    let what = match row::message(&tx.session, tag, seq).await {
        Err(StoreError::Damaged(what)) => what,
        Err(error) => return Err(error),
        Ok(_) => return Ok(None),
    };
    match mend(tx, lease, seq).await {
        // Where the server itself could not read it, it does nothing more in this transaction.
        Err(StoreError::Unavailable(_)) => return Err(StoreError::Damaged(what)),
        mended => mended?,
    }
    let message = row::message(&tx.session, tag, seq).await?;
    let message = message.ok_or_else(|| row::missing(seq))?;
    let event = aside::dropped(message, &what, at);
    record::record(tx, lease, vec![event]).await?;
    Ok(Some(what))
}

/// Gives the columns that cannot be read values that can be.
async fn mend(tx: &WriteTx, lease: &Lease, seq: Seq) -> Result<()> {
    let found = tx
        .session
        .row_if_any(
            "SELECT address, data, attempts FROM messages WHERE seq = $1 AND lane = $2 AND state = 0",
            &[&seq.get(), &lease.lane.0],
        )
        .await?
        .ok_or_else(|| row::missing(seq))?;
    for statement in needed(&found).into_iter().flatten() {
        tx.session.execute(statement, &[&seq.get()]).await?;
    }
    mend_template(tx, seq).await
}

/// What a row of address, data and attempts needs to be readable.
fn needed(row: &Row) -> [Option<&'static str>; 3] {
    let text = |index: usize| row.try_get::<_, &str>(index).ok();
    let has_address = text(0).is_some_and(|text| Address::parse(text).is_ok());
    let attempts = row.try_get::<_, i64>(2).ok().map(u32::try_from);
    [
        (!has_address).then_some(MEND_ADDRESS),
        text(1).is_none().then_some(MEND_DATA),
        (!matches!(attempts, Some(Ok(_)))).then_some(MEND_ATTEMPTS),
    ]
}

/// A campaign's message whose template is not there is given that of its run.
async fn mend_template(tx: &WriteTx, seq: Seq) -> Result<()> {
    tx.session
        .execute(
            "UPDATE messages m SET content = r.content FROM campaigns r \
             WHERE m.seq = $1 AND r.lane = m.lane AND m.submission IS NULL \
             AND NOT EXISTS (SELECT 1 FROM contents c WHERE c.id = m.content)",
            &[&seq.get()],
        )
        .await?;
    Ok(())
}

/// Takes a queued message out of what is due for a while, because of `cause`.
async fn park(
    tx: &WriteTx,
    lease: &Lease,
    seq: Seq,
    now: Timestamp,
    cause: StoreError,
) -> Result<()> {
    lanes::check(tx, lease).await?;
    let parked = tx
        .session
        .execute(
            "UPDATE messages SET due_at = $3 WHERE seq = $1 AND lane = $2 AND state = 0",
            &[&seq.get(), &lease.lane.0, &(now + LEFT_ALONE).as_millis()],
        )
        .await?;
    match parked {
        0 => Err(cause),
        _ => Ok(()),
    }
}
