//! The parts of the events, one a month.

use super::transaction::WriteTx;
use crate::Result;

/// Makes the parts of the present month and of the two that come next, where they are not there yet. What lies in
/// `events_other` of such a month is moved into its part. Anybody may run it in a transaction.
pub(super) const PREPARE: &str = include_str!("partitions.sql");

pub(super) async fn prepare(tx: &WriteTx) -> Result<()> {
    tx.session.simply(PREPARE).await?;
    Ok(())
}
