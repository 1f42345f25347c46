//! What is left of a run that somebody cancelled: everything queued is taken back, and the run is not gone on with.

use model::{Clock, Control, ControlAction, Seq};
use store::{Campaign, Lease, Progress, Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::{Tools, interventions, patience};
use crate::error::CampaignError;

/// Messages taken back in one commit.
const CANCEL_ROWS: usize = 1_000;

/// Takes back everything that is queued; `false` when a stop came first.
pub(super) async fn take_back(
    store: &dyn Store,
    lease: &Lease,
    by: &str,
    clock: &Clock,
    stop: &CancellationToken,
) -> Result<bool, StoreError> {
    let reason = format!("cancelled by {by}");
    let mut cursor = Seq::START;
    while !stop.is_cancelled() {
        let look = || store.queued(lease.lane, cursor, CANCEL_ROWS);
        let queued = patience::ask(stop, look).await?;
        let Some(last) = queued.last() else {
            return Ok(true);
        };
        cursor = last.seq;
        let (messages, now): (Vec<Seq>, _) = (
            queued.iter().map(|queued| queued.seq).collect(),
            clock.now(),
        );
        let cancel = || store.cancel(lease, messages.clone(), &reason, now);
        patience::ask(stop, cancel).await?;
    }
    Ok(false)
}

/// Refuses to go on with a run that somebody cancelled. What a process that died meanwhile left queued is taken
/// back first.
pub(super) async fn refuse(
    run: &Campaign,
    lease: &Lease,
    tools: &Tools,
) -> Result<(), CampaignError> {
    match finish(run, lease, tools).await? {
        None => Ok(()),
        Some(control) => Err(CampaignError::Cancelled {
            job_id: run.job_id.clone(),
            at: control.at,
            by: control.by,
        }),
    }
}

/// Ends a run that somebody cancelled; `None` when nobody did.
pub(super) async fn finish(
    run: &Campaign,
    lease: &Lease,
    tools: &Tools,
) -> Result<Option<Control>, StoreError> {
    let (store, clock) = (&*tools.store, &tools.clock);
    let cancellation = interventions::latest(store, run.lane, ControlAction::Cancel).await?;
    let Some(control) = cancellation else {
        return Ok(None);
    };
    if take_back(store, lease, &control.by, clock, &tools.stop).await? && run.finished_at.is_none()
    {
        let finished = Progress::Finished(clock.now());
        store.mark_campaign(lease, finished).await?;
    }
    Ok(Some(control))
}
