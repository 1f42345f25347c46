//! Campaigns whose time has come, sent by one of the processes that share a store.
//!
//! The duty names who begins them. Each job has a lane of its own as well, so that `glasspost schedule run` may keep the same
//! schedules beside the service.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::campaigns::Scheduler;

/// Keeps the schedules for as long as this process has the duty.
pub async fn keep(scheduler: Scheduler, turn: CancellationToken) {
    if let Err(error) = scheduler.keep(turn).await {
        tracing::error!(%error, "the schedules cannot be kept at the moment, trying again");
    }
}

/// Waits after a stop until what was under way has ended, `grace` at most.
pub async fn drained(keeping: Option<JoinHandle<()>>, stop: &CancellationToken, grace: Duration) {
    stop.cancelled().await;
    if let Some(keeping) = keeping {
        // What takes longer is given the time that the rest has.
        let _ = tokio::time::timeout(grace, keeping).await;
    }
}
