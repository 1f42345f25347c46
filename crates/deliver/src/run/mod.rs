//! The tasks that hold sockets and clocks.
//!
//! ```text
//! feeder ──► work queue ──► connections (n) ──► recorder ──► store
//!    ▲                                              │
//!    └────────── what is recorded is no longer in flight
//! ```
//! - `feeder`: due messages of the lane into the bounded work queue
//! - `connection`: takes work, composes it, sends it, hands over what came of it
//! - `recorder`: commits outcomes in groups, and bounds how many are unrecorded
//! - `relay`: who may connect when, shared by the connections
//! - [`supply`]: how whoever accepts messages wakes the feeder
//! - [`gate`]: how whoever pauses a delivery keeps feeder and connections from beginning anything
//! - `trouble`: what keeps it from going on, in words

mod connection;
mod feeder;
pub mod gate;
mod recorder;
mod relay;
pub mod supply;
mod trouble;
mod work;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{Clock, Live};
use smtp::client::{ConnectError, Connector};
use store::{Lease, Store, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::maker::{Maker, Unmade};
use crate::plan::relay::RelayHealth;
use crate::plan::retry::RetryPolicy;
use gate::Gate;
use recorder::Recorder;
use relay::Relay;
use supply::Supply;
use trouble::Troubles;
use work::WorkQueue;

/// How a lane is delivered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections to the relay at once; at least 1.
    pub connections_max: usize,
    /// Tries and pauses of a message.
    pub retry: RetryPolicy,
    /// Tries and pauses of a relay that cannot be reached.
    pub relay_retry: RetryPolicy,
    /// Messages a second; `None` is as fast as the relay takes them.
    pub per_second_max: Option<u32>,
    /// Outcomes that may wait for their commit, beside one a connection (promise: P-03).
    pub unrecorded_outcomes_max: usize,
    /// How long what is under way may go on after a stop (promise: P-06).
    pub stop_grace: Duration,
}

/// Everything one lane's delivery needs.
pub struct Delivery {
    /// Where messages wait and outcomes go.
    pub store: Arc<dyn Store>,
    /// The right to deliver the lane.
    pub lease: Lease,
    /// Who makes its messages.
    pub maker: Arc<dyn Maker>,
    /// The way to the relay.
    pub connector: Arc<Connector>,
    /// How.
    pub settings: Settings,
    /// Who accepts messages for the lane.
    pub supply: Arc<Supply>,
    /// Who pauses it.
    pub gate: Arc<Gate>,
    /// What is under way, for those who show it.
    pub live: Arc<Live>,
    /// The time.
    pub clock: Clock,
}

/// How a delivery ended. Everything that was sent is recorded.
#[derive(Debug)]
pub enum Ended {
    /// The supply is complete and nothing is queued any more.
    Drained,
    /// It was asked to stop; the rest is queued.
    Stopped,
    /// The relay cannot be reached; the rest is queued.
    Unreachable(Box<ConnectError>),
}

/// Why a delivery broke off. What could not be recorded may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The store does not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Messages cannot be made.
    #[error(transparent)]
    Unmade(Unmade),
    /// A task of ours ended by a panic.
    #[error("a delivery task failed: {0}")]
    Task(String),
}

impl From<Unmade> for DeliverError {
    fn from(unmade: Unmade) -> Self {
        match unmade {
            Unmade::Store(error) => Self::Store(error),
            other => Self::Unmade(other),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections_max: 1,
            retry: RetryPolicy::campaign(1),
            relay_retry: RetryPolicy::campaign(1),
            per_second_max: None,
            unrecorded_outcomes_max: 64,
            stop_grace: Duration::from_secs(30),
        }
    }
}

/// What the tasks of one delivery share.
struct Shared {
    delivery: Delivery,
    work: WorkQueue,
    recorder: Recorder,
    relay: Relay,
    troubles: Arc<Troubles>,
    /// Asks everyone to finish what is under way and to begin nothing new.
    halt: CancellationToken,
    /// Why, when it was not the caller's wish or the natural end. The first reason stays.
    reason: Mutex<Option<Halt>>,
}

/// Why a delivery halts early.
enum Halt {
    Unreachable(Box<ConnectError>),
    Broken(DeliverError),
}

impl Shared {
    /// Halts everything; the first reason wins.
    fn halt(&self, reason: Halt) {
        self.reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(reason);
        self.halt.cancel();
    }

    /// Whether nothing new may be begun.
    fn is_held(&self) -> bool {
        self.halt.is_cancelled() || !self.delivery.gate.is_open()
    }

    /// Waits until nothing new may be begun: the delivery halts, or it is paused.
    async fn hold(&self) {
        tokio::select! {
            () = self.halt.cancelled() => {}
            () = self.delivery.gate.closed() => {}
        }
    }
}

/// Held by a task: when it panics, the others are halted, since what it had in hand would never land.
struct PanicHalts(Arc<Shared>);

impl Drop for PanicHalts {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let error = DeliverError::Task("a task panicked".to_owned());
            self.0.halt(Halt::Broken(error));
        }
    }
}

impl Delivery {
    /// Delivers until the supply is complete and the lane is empty, the relay is given up, or `stop`.
    pub async fn run(self, stop: CancellationToken) -> Result<Ended, DeliverError> {
        let halt = stop.child_token();
        let connections_max = self.settings.connections_max.max(1);
        let (recorder, outcomes) =
            recorder::channel(self.settings.unrecorded_outcomes_max + connections_max);
        let troubles = Arc::new(Troubles::none(Arc::clone(&self.live)));
        let health = RelayHealth::new(self.settings.relay_retry.clone());
        let shared = Arc::new(Shared {
            work: WorkQueue::default(),
            recorder,
            relay: Relay::new(health, Arc::clone(&troubles)),
            troubles,
            halt,
            reason: Mutex::default(),
            delivery: self,
        });
        let recording = tokio::spawn(recorder::run(Arc::clone(&shared), outcomes));
        let feeding = tokio::spawn(feeder::run(Arc::clone(&shared)));
        let mut connections = JoinSet::new();
        for _ in 0..connections_max {
            connections.spawn(connection::run(Arc::clone(&shared)));
        }
        let drained = feeding
            .await
            .map_err(|error| DeliverError::Task(error.to_string()))?;
        shared.work.close();
        finish(&shared, connections).await?;
        shared.recorder.close();
        recording
            .await
            .map_err(|error| DeliverError::Task(error.to_string()))?;
        let reason = shared
            .reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if !matches!(reason, Some(Halt::Unreachable(_))) {
            shared.delivery.live.set_trouble(None);
        }
        match reason {
            // That stays its trouble until another delivery begins.
            Some(Halt::Unreachable(error)) => Ok(Ended::Unreachable(error)),
            Some(Halt::Broken(error)) => Err(error),
            None if drained => Ok(Ended::Drained),
            None => Ok(Ended::Stopped),
        }
    }
}

/// Lets connections end what is under way; after the grace time those that hang are cut off.
async fn finish(shared: &Shared, mut connections: JoinSet<()>) -> Result<(), DeliverError> {
    let grace = shared.delivery.settings.stop_grace;
    let mut panicked = None;
    let all = async {
        while let Some(ended) = connections.join_next().await {
            if let Err(error) = ended {
                panicked = Some(DeliverError::Task(error.to_string()));
            }
        }
    };
    if tokio::time::timeout(grace, all).await.is_err() {
        tracing::warn!(
            grace_s = grace.as_secs(),
            "connections did not end in time and were cut off"
        );
        connections.shutdown().await;
    }
    panicked.map_or(Ok(()), Err)
}
