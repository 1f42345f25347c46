//! Statistics: what the log has gained is counted, about once a second, by one process for all.

use std::sync::Arc;
use std::time::Duration;

use store::{Statistics, Store};
use tokio_util::sync::CancellationToken;

/// How soon after a count the next one may begin.
const EVERY: Duration = Duration::from_secs(1);
/// How soon it is looked at when nobody told that the log has grown.
const LOOK: Duration = Duration::from_secs(5);
/// Places of the log that are counted in one step.
const STEP: u32 = 10_000;

/// Counts what happened.
#[derive(Clone)]
pub struct Counter {
    /// The log.
    pub store: Arc<dyn Store>,
    /// What is counted of it.
    pub statistics: Arc<dyn Statistics>,
}

impl Counter {
    /// Counts until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.count() => {}
        }
    }

    async fn count(self) {
        let mut is_failing = false;
        loop {
            // From before it counts, so that what comes meanwhile is seen.
            let mut tail = self.store.tail();
            match self.catch_up().await {
                Ok(()) => is_failing = false,
                Err(error) if is_failing => {
                    tracing::debug!(%error, "the statistics still cannot be counted");
                }
                Err(error) => {
                    tracing::warn!(%error, "the statistics could not be counted, it is tried again");
                    is_failing = true;
                }
            }
            tokio::time::sleep(EVERY).await;
            // Whether it was told or not: others may have written.
            let _ = tokio::time::timeout(LOOK, tail.next()).await;
        }
    }

    /// Counts up to the log's end.
    async fn catch_up(&self) -> store::Result<()> {
        while self.statistics.roll_up(STEP).await?.is_behind {}
        Ok(())
    }
}
