//! A run watched while it goes on: every figure, chart and line that a dashboard shows, made from the log.
//!
//! One task follows the log and counts; whoever looks takes a copy under the same lock, so that everything shown
//! together is of one moment. Memory is bounded, whatever a run is made of: 2 MB (promise: P-05). Counting an event
//! costs a fraction of a microsecond, and nobody waits for it (promise: P-08).
//!
//! # Layout
//! - [`view`]: what is shown, plain values
//! - `state`: the parts together, changed by events
//! - `domains`, `durations`, `pace`, `series` (of `slot`s, the older ones `coarse`), `activity`, `milestones`: the parts
//! - `task`, `beat`: what feeds them, by the log and by the clock

mod activity;
mod beat;
mod coarse;
mod domains;
mod durations;
mod milestones;
mod pace;
mod series;
mod slot;
mod state;
mod task;
pub mod view;

#[cfg(test)]
mod agreement;
#[cfg(test)]
pub(crate) mod sample;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Clock, Live};
use store::{Campaign, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

pub use domains::DOMAINS_MAX;
pub(crate) use state::Reading;
use state::State;
use view::{DomainRow, Figures};
pub use view::{Moment, Seen};

/// Those who may wait for the log to be read to its end.
const REQUESTS_MAX: usize = 16;

/// A watched run. Copies share what they see; the log is followed while there is one.
#[derive(Clone)]
pub struct Monitor {
    watch: Arc<Watch>,
    requests: mpsc::Sender<Request>,
}

/// What those who count and those who look share.
struct Watch {
    state: Mutex<State>,
    live: Arc<Live>,
    clock: Clock,
}

/// Somebody wants the log read to its end.
type Request = oneshot::Sender<store::Result<()>>;

impl Monitor {
    /// Counts what the log has of the run, so that a resumed run is shown whole, then follows it.
    pub async fn start(
        store: Arc<dyn Store>,
        campaign: Campaign,
        live: Arc<Live>,
        clock: Clock,
    ) -> store::Result<Self> {
        let (requests, asked) = mpsc::channel(REQUESTS_MAX);
        let watch = Arc::new(Watch {
            state: Mutex::new(State::new(campaign)),
            live,
            clock,
        });
        task::start(store, Arc::clone(&watch), asked).await?;
        Ok(Self { watch, requests })
    }

    /// The figures now.
    pub fn figures(&self) -> Figures {
        let Watch { live, clock, .. } = &*self.watch;
        let state = self.watch.state();
        state.figures(live, clock.now())
    }

    /// Everything that a dashboard shows, of one moment; entries and points after `seen` only.
    pub fn moment(&self, seen: Seen) -> Moment {
        let Watch { live, clock, .. } = &*self.watch;
        let mut state = self.watch.state();
        state.moment(live, clock.now(), seen)
    }

    /// The busiest `limit` domains, and all others as one last row without a name (left out when it is empty).
    pub fn domains(&self, limit: usize) -> Vec<DomainRow> {
        self.watch.state().domains(limit)
    }

    /// What metrics are made from, of one moment.
    pub(crate) fn reading(&self) -> Reading {
        let Watch { live, clock, .. } = &*self.watch;
        let state = self.watch.state();
        state.reading(live, clock.now())
    }

    /// Reads the log to its end now, so that the figures are the last ones.
    pub async fn catch_up(&self) -> store::Result<()> {
        let (answer, answered) = oneshot::channel();
        let sent = self.requests.send(answer).await;
        sent.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is under way now.
    fn look(&self) {
        let now = self.clock.now();
        self.state().look(&self.live, now);
    }
}
