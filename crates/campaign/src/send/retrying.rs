//! What is left of a retry whose process died: it is carried out to its end when the run is taken up again.

use model::ControlAction;
use store::{Campaign, Lease, StoreError};

use super::desk::RETRY_ROWS;
use super::{Tools, interventions, patience};

/// Makes the new messages that the latest retry still owes. Earlier ones are part of it, and one that was carried out
/// owes nothing: what failed after it stays as it is.
pub(super) async fn finish(run: &Campaign, lease: &Lease, tools: &Tools) -> Result<(), StoreError> {
    let Tools {
        store, clock, stop, ..
    } = tools;
    let retry = interventions::latest(&**store, run.lane, ControlAction::RetryFailed).await?;
    let Some(retry) = retry else {
        return Ok(());
    };
    let (mut made, mut more) = (0, true);
    while more && !stop.is_cancelled() {
        let now = clock.now();
        let repeat = || store.retry_failed(lease, retry.seq, RETRY_ROWS, now);
        let count = patience::ask(stop, repeat).await?;
        (made, more) = (made + count, count > 0);
    }
    if made > 0 {
        let (job_id, by) = (&run.job_id, &retry.by);
        tracing::info!(job_id, %by, made, "a retry that was cut off is carried out to its end");
    }
    Ok(())
}
