//! What is looked at by the clock, beside the log: who is under way, the run's row, the interventions.

use std::sync::Arc;
use std::time::Duration;

use model::Control;
use store::Store;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};

use super::Watch;

/// How often it is looked at who is under way.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often the run's row and the interventions are read.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// Interventions read at once.
const CONTROLS_PAGE: usize = 500;

/// The steady beat of a monitor.
pub(super) struct Beat {
    store: Arc<dyn Store>,
    watch: Arc<Watch>,
    hurry: Notify,
}

impl Beat {
    pub fn new(store: Arc<dyn Store>, watch: Arc<Watch>) -> Self {
        Self {
            store,
            watch,
            hurry: Notify::new(),
        }
    }

    /// Has the run's row and the interventions read at once.
    pub fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Goes on until it is dropped.
    pub async fn run(&self) {
        let mut beats = tokio::time::interval(LOOK_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut refresh_at = Instant::now() + REFRESH_EVERY;
        loop {
            tokio::select! {
                _ = beats.tick() => self.watch.look(),
                () = self.hurry.notified() => refresh_at = Instant::now(),
            }
            if Instant::now() < refresh_at {
                continue;
            }
            refresh_at = Instant::now() + REFRESH_EVERY;
            if let Err(error) = self.refresh().await {
                self.watch.state().reader.errors += 1;
                tracing::debug!(%error, "the run's row could not be read; it is read again");
            }
        }
    }

    /// Reads the run's row and the interventions that are not known yet.
    pub async fn refresh(&self) -> store::Result<()> {
        let job_id = self.watch.state().campaign.job_id.clone();
        let campaign = self.store.campaign(&job_id).await?;
        let controls = self.controls().await?;
        let mut state = self.watch.state();
        if let Some(campaign) = campaign {
            state.campaign = campaign;
        }
        for control in controls {
            state.control(control);
        }
        Ok(())
    }

    /// The interventions that are not known yet, in order.
    pub async fn controls(&self) -> store::Result<Vec<Control>> {
        let (lane, mut cursor) = {
            let state = self.watch.state();
            (state.campaign.lane, state.controlled_to())
        };
        let mut controls = Vec::new();
        loop {
            let page = self
                .store
                .controls_after(cursor, lane, CONTROLS_PAGE)
                .await?;
            let Some(last) = page.last() else {
                return Ok(controls);
            };
            cursor = last.seq;
            controls.extend(page);
        }
    }
}
