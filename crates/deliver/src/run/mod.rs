//! The tasks that hold sockets and clocks.
//!
//! ```text
//! feeder ──► work queue ──► lines (0..n) ──► recorder ──► store
//!    ▲                        ▲ crew             │
//!    └────── what is recorded is no longer in flight
//! ```
//! - `feeder`: due messages of the lane into the bounded work queue
//! - `restraint`: what it does while a limit of the account is used up
//! - `crew`: opens connections as there is work, and knows the relay's health
//! - `line`: one connection: takes work, has it made, sends it, hands over what came of it
//! - `making`: makes messages, those that take long beside the connections
//! - `outcome`: what is recorded of a message
//! - `recorder`: commits outcomes in groups
//! - `pauses`: how long a store that is away is left alone
//! - [`pool`]: what several deliveries share: connections, and how many outcomes are unrecorded
//! - [`connections`]: what those of one server share: its connections
//! - [`allowance`]: what the account may send
//! - [`supply`]: how whoever accepts messages wakes the feeder, or has it read again
//! - [`gate`]: how whoever pauses a delivery keeps feeder and connections from beginning anything
//! - [`hold`]: how whoever changes mail of an account keeps it from being begun meanwhile
//! - [`recent`]: what several of its messages are made from, read once
//! - [`trouble`]: what keeps it from going on, in words

pub mod allowance;
pub mod connections;
mod crew;
mod feeder;
pub mod gate;
pub mod hold;
mod line;
mod making;
pub mod outcome;
pub(crate) mod pauses;
pub mod pool;
pub mod recent;
mod recorder;
mod restraint;
pub mod supply;
pub mod trouble;
mod work;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{Clock, Live};
use smtp::client::{ConnectError, Connector};
use store::{Lease, Store, StoreError};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::maker::{Maker, Unmade};
use crate::plan::relay::Unreachable;
use crate::plan::retry::RetryPolicy;
use allowance::Allowance;
use connections::{Connections, Party};
use crew::Rest;
use gate::Gate;
use hold::Hold;
use making::Bench;
use pool::{MADE_BYTES_MAX, Permit, Pool};
use recent::Recent;
use recorder::{Outcome, Recorder};
use supply::Supply;
use trouble::Troubles;
use work::{Work, WorkQueue};

/// How a lane is delivered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections to the relay at once; at least 1.
    pub connections_max: usize,
    /// Tries and pauses of a message.
    pub retry: RetryPolicy,
    /// Tries and pauses of a relay that cannot be reached.
    pub relay_retry: RetryPolicy,
    /// What it costs that a relay cannot be reached.
    pub unreachable: Unreachable,
    /// Messages a second; `None` is as fast as the relay takes them.
    pub per_second_max: Option<u32>,
    /// Messages that are read ahead at most; at least 2.
    pub read_ahead_max: usize,
    /// How long the feeder sleeps at most when it knows of nothing to wait for: another process may have changed the
    /// lane.
    pub look_again: Duration,
    /// How long an idle connection is kept, and with the last of them the delivery; `None` keeps both to the end.
    pub idle_max: Option<Duration>,
    /// An envelope travels behind the message before it where that one is expected to take less than this: one that
    /// rides along is overtaken by nothing.
    pub ride_below: Duration,
    /// What the account may send.
    pub allowance: Arc<Allowance>,
    /// Who keeps its mail from being begun for a moment; `None` where nobody does.
    pub hold: Option<Hold>,
    /// The connections that it shares with other deliveries to the same server; `None` where it has them for itself.
    pub connections: Option<Arc<Connections>>,
    /// What this delivery shares with others; `None` for what only the settings here bound.
    pub pool: Option<Arc<Pool>>,
    /// Where its troubles are kept over several deliveries of a lane; `None` where this one is alone.
    pub troubles: Option<Arc<Troubles>>,
    /// Outcomes that may wait for their commit, beside one a connection (promise: P-03); a pool has its own bound.
    pub unrecorded_outcomes_max: usize,
    /// How long what is under way may go on after a stop (promise: P-06).
    pub stop_grace: Duration,
    /// What begins that time where the stop itself does not. Until then what is under way goes on as long as the phases
    /// with the relay may take.
    pub last_call: Option<CancellationToken>,
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
    /// The supply is complete and nothing is queued any more; or nothing is due and no connection is left, where
    /// [`Settings::idle_max`] bounds that.
    Drained,
    /// It was asked to stop; the rest is queued.
    Stopped,
    /// The relay cannot be reached; the rest is queued.
    Unreachable(Box<ConnectError>),
}

/// Why a delivery broke off. What could not be recorded may be sent again. [`StoreError::LeaseLost`] says that the lane is
/// not ours any more, or that nobody knows.
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
            unreachable: Unreachable::default(),
            per_second_max: None,
            read_ahead_max: 512,
            look_again: Duration::from_secs(1),
            idle_max: None,
            ride_below: Duration::MAX,
            allowance: Arc::default(),
            hold: None,
            connections: None,
            pool: None,
            troubles: None,
            unrecorded_outcomes_max: 64,
            stop_grace: Duration::from_secs(30),
            last_call: None,
        }
    }
}

/// What the tasks of one delivery share.
struct Shared {
    delivery: Delivery,
    work: Arc<WorkQueue>,
    bench: Bench,
    recent: Arc<Recent>,
    recorder: Recorder,
    pool: Arc<Pool>,
    party: Arc<Party>,
    allowance: Arc<Allowance>,
    rest: Rest,
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
        self.halt.is_cancelled() || !self.delivery.gate.is_open() || !self.is_leased()
    }

    /// Whether the lane is still this delivery's. When that is not certain any more, everything halts: nothing may begin
    /// that another process may have begun. What is under way is finished, and what came of it offered to the store.
    fn is_leased(&self) -> bool {
        let Delivery { store, lease, .. } = &self.delivery;
        let is_held = store.holds(lease);
        if !is_held {
            let lane = lease.key.to_string();
            let lost = DeliverError::Store(StoreError::LeaseLost { lane });
            self.halt(Halt::Broken(lost));
        }
        is_held
    }

    /// Whether a message has to be read again before it is begun.
    fn is_recalled(&self, work: &Work) -> bool {
        work.recalls != self.delivery.supply.recalls()
    }

    /// Until when nothing may be begun since somebody changes what waits; `None` when nobody does.
    fn held_until(&self) -> Option<Instant> {
        self.delivery.settings.hold.as_ref()?.until()
    }

    /// Whether the delivery may end while messages wait for later: no connection is left, and nothing has to be
    /// remembered of the relay.
    fn may_rest(&self) -> bool {
        self.delivery.settings.idle_max.is_some() && self.rest.is_there()
    }

    /// What begins the grace time.
    fn last_call(&self) -> &CancellationToken {
        let settings = &self.delivery.settings;
        settings.last_call.as_ref().unwrap_or(&self.halt)
    }

    /// Waits until one more message may begin: outcomes can be recorded, and one more may be unrecorded.
    async fn right_to_begin(&self) -> Option<Permit> {
        loop {
            self.recorder.until_recording().await;
            let permit = self.pool.permit(&self.party).await?;
            if self.recorder.is_recording() {
                return Some(permit);
            }
        }
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
    /// Delivers until there is nothing left to do, the relay is given up, or `stop`.
    pub async fn run(self, stop: CancellationToken) -> Result<Ended, DeliverError> {
        let (shared, outcomes) = Shared::new(self, stop.child_token());
        let shared = Arc::new(shared);
        let recording = tokio::spawn(recorder::run(Arc::clone(&shared), outcomes));
        let feeding = tokio::spawn(feeder::run(Arc::clone(&shared)));
        let sending = tokio::spawn(crew::run(Arc::clone(&shared)));
        // One that panicked has halted the others, and that is the reason below.
        let drained = feeding.await.unwrap_or(false);
        shared.work.close();
        let _ = sending.await;
        shared.recorder.close();
        let _ = recording.await;
        shared.troubles.end();
        let reason = shared
            .reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match reason {
            Some(Halt::Unreachable(error)) => {
                // That stays its trouble until another delivery begins.
                let trouble = format!("cannot reach the relay: {error}; given up");
                shared.delivery.live.set_trouble(Some(trouble));
                Ok(Ended::Unreachable(error))
            }
            Some(Halt::Broken(error)) => Err(error),
            None if drained => Ok(Ended::Drained),
            None => Ok(Ended::Stopped),
        }
    }
}

impl Shared {
    fn new(delivery: Delivery, halt: CancellationToken) -> (Self, mpsc::Receiver<Outcome>) {
        let settings = &delivery.settings;
        let connections_max = settings.connections_max.max(1);
        let unrecorded_max = settings.unrecorded_outcomes_max;
        let own_pool = || Arc::new(Pool::new(connections_max, unrecorded_max, MADE_BYTES_MAX));
        let own_connections = || Arc::new(Connections::new(connections_max, unrecorded_max));
        let allowance = Arc::clone(&settings.allowance);
        let own_troubles = || Troubles::new(Arc::clone(&delivery.live), settings.unreachable);
        let troubles = settings.troubles.clone();
        let troubles = troubles.unwrap_or_else(|| Arc::new(own_troubles()));
        troubles.begin();
        let pool = settings.pool.clone().unwrap_or_else(own_pool);
        let recent = Recent::new(Arc::clone(&delivery.supply), Arc::clone(&pool));
        let (recorder, outcomes) =
            recorder::channel(unrecorded_max + connections_max, Arc::clone(&allowance));
        let shared = Self {
            work: Arc::new(WorkQueue::new(settings.read_ahead_max)),
            bench: Bench::default(),
            recent: Arc::new(recent),
            recorder,
            pool,
            party: settings
                .connections
                .clone()
                .unwrap_or_else(own_connections)
                .join(),
            allowance,
            rest: Rest::default(),
            troubles,
            halt,
            reason: Mutex::default(),
            delivery,
        };
        (shared, outcomes)
    }
}
