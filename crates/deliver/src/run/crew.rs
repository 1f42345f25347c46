//! Opens as many connections as there is work for, when the relay lets it, and keeps their account of the relay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use smtp::client::{ConnectError, Connection};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};

use super::line::{Fruit, Line, Place};
use super::recorder::Outcome;
use super::{DeliverError, Halt, PanicHalts, Shared};
use crate::plan::relay::{Admission, AfterFailure, RelayHealth, Unreachable};

/// How long it waits at least before more messages pay for a relay: many crews may ask for the same pace.
const CHARGE_AGAIN: Duration = Duration::from_millis(100);
/// How long the crew sleeps when it knows of nothing to wait for.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Whether the crew has nothing to do and nothing to remember, for the feeder.
#[derive(Default)]
pub(super) struct Rest {
    at_rest: AtomicBool,
    changed: Notify,
}

struct Crew {
    shared: Arc<Shared>,
    health: RelayHealth,
    tasks: JoinSet<News>,
    /// Connections that are open.
    open: usize,
    /// Connections that are being opened.
    opening: usize,
    /// Why no connection could be opened, the last time.
    last_error: Option<Box<ConnectError>>,
}

/// What came of a task.
enum News {
    Opened(Box<Connection>, Place),
    Failed(Box<ConnectError>),
    /// Opening it was given up because nothing new may be begun.
    Abandoned,
    Closed(Fruit),
}

impl Rest {
    pub(super) fn is_there(&self) -> bool {
        self.at_rest.load(Ordering::Acquire)
    }

    /// Waits until the crew came to rest.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn set(&self, at_rest: bool) {
        let before = self.at_rest.swap(at_rest, Ordering::AcqRel);
        if at_rest && !before {
            self.changed.notify_one();
        }
    }
}

/// Works until the queue is closed or the delivery halts, then lets the connections end what is under way; those that
/// hang are cut off after the grace time, which the last call begins.
pub(super) async fn run(shared: Arc<Shared>) {
    let _watch = PanicHalts(Arc::clone(&shared));
    let settings = &shared.delivery.settings;
    let health = RelayHealth::new(
        settings.relay_retry.clone(),
        settings.unreachable,
        settings.connections_max,
    );
    let mut crew = Crew {
        shared: Arc::clone(&shared),
        health,
        tasks: JoinSet::new(),
        open: 0,
        opening: 0,
        last_error: None,
    };
    crew.work().await;
    crew.finish().await;
}

impl Crew {
    async fn work(&mut self) {
        let shared = Arc::clone(&self.shared);
        let gate = &shared.delivery.gate;
        while !shared.halt.is_cancelled() && !shared.work.is_closed() {
            let is_open = gate.is_open();
            let pause = match is_open {
                true => self.act().await,
                false => {
                    // A pause: nobody tries any more until its end.
                    shared.troubles.without_relay();
                    LOOK_AGAIN
                }
            };
            shared.rest.set(self.is_at_rest());
            tokio::select! {
                biased;
                () = shared.halt.cancelled() => {}
                Some(ended) = self.tasks.join_next() => self.take(ended),
                () = shared.work.wanting() => {}
                () = gate.closed(), if is_open => {}
                () = gate.opened(), if !is_open => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Opens what is wanted and allowed; gives how long to wait.
    async fn act(&mut self) -> Duration {
        let shared = Arc::clone(&self.shared);
        let clock = &shared.delivery.clock;
        let connections_max = shared.delivery.settings.connections_max.max(1);
        while shared.work.demand() > self.opening && self.open + self.opening < connections_max {
            let now = clock.now();
            match self.health.ask(now) {
                Admission::Open => {
                    self.opening += 1;
                    shared.troubles.next_try(None);
                    self.tasks.spawn(open(Arc::clone(&shared)));
                }
                Admission::Hold => return LOOK_AGAIN,
                Admission::Wait(pause) if self.health.down_until(now).is_some() => {
                    return self.charge().await.unwrap_or(pause).min(pause);
                }
                Admission::Wait(pause) => return pause,
            }
        }
        let memory = self.health.clears_after(clock.now());
        memory.unwrap_or(LOOK_AGAIN)
    }

    /// The relay is down, and what is due pays an attempt for it: as many messages as may at once. Gives how long to
    /// wait before the next; `None` when nobody pays, or nothing is left.
    async fn charge(&mut self) -> Option<Duration> {
        let shared = Arc::clone(&self.shared);
        if shared.delivery.settings.unreachable == Unreachable::GivenUp {
            return None;
        }
        let error = self.last_error.as_ref()?;
        if !shared.is_leased() || !shared.recorder.is_recording() {
            return None;
        }
        let waiting = shared.work.len();
        let (count, wait) = shared.pool.charge(shared.delivery.clock.now(), waiting);
        for _ in 0..count {
            let Some(work) = shared.work.try_pop() else {
                break;
            };
            let recalls = work.recalls;
            let event = shared.unreached(work, error);
            let outcome = Outcome::without_dialogue(event, recalls);
            shared.recorder.record(outcome).await;
        }
        (shared.work.len() > 0).then_some(wait.max(CHARGE_AGAIN))
    }

    fn is_at_rest(&self) -> bool {
        let now = self.shared.delivery.clock.now();
        self.open + self.opening == 0 && self.health.clears_after(now).is_none()
    }

    fn take(&mut self, ended: Result<News, JoinError>) {
        let shared = Arc::clone(&self.shared);
        let now = shared.delivery.clock.now();
        let news = match ended {
            Ok(news) => news,
            Err(error) => return self.panicked(&error),
        };
        match news {
            News::Opened(connection, place) => {
                (self.opening, self.open) = (self.opening - 1, self.open + 1);
                self.health.opened(now);
                shared.troubles.without_relay();
                let line = Line::new(shared, *connection, place);
                self.tasks.spawn(async { News::Closed(line.run().await) });
            }
            News::Failed(error) => self.failed(error),
            News::Abandoned => {
                self.opening -= 1;
                self.health.abandoned();
            }
            News::Closed(fruit) => {
                self.open -= 1;
                match fruit {
                    Fruit::Refused => self.health.closed_fruitless(now, fastrand::f64()),
                    Fruit::None | Fruit::Some => self.health.closed(),
                }
            }
        }
    }

    /// A connection's task panicked: what it had in hand never lands, so the delivery has to begin anew.
    fn panicked(&self, error: &JoinError) {
        let error = DeliverError::Task(error.to_string());
        self.shared.halt(Halt::Broken(error));
    }

    fn failed(&mut self, error: Box<ConnectError>) {
        self.opening -= 1;
        let now = self.shared.delivery.clock.now();
        let after = self.health.failed(now, error.persistence, fastrand::f64());
        let trouble = format!("cannot reach the relay: {error}");
        let troubles = &self.shared.troubles;
        match (after, self.health.next_try()) {
            (AfterFailure::GiveUp, _) => troubles.with_relay(trouble + "; given up", None),
            (AfterFailure::TryLater, Some(at)) => troubles.with_relay(trouble, Some(at)),
            // Others are open: it is the relay's limit on connections.
            (AfterFailure::TryLater, None) => {}
        }
        match after {
            AfterFailure::GiveUp => self.shared.halt(Halt::Unreachable(error)),
            AfterFailure::TryLater => {
                tracing::warn!(%error, "no connection to the relay, trying again");
                self.last_error = Some(error);
            }
        }
    }

    async fn finish(mut self) {
        let shared = Arc::clone(&self.shared);
        let grace = shared.delivery.settings.stop_grace;
        let time_is_up = async {
            // Without a halt all was done, and connections have only to hang up.
            if shared.halt.is_cancelled() {
                shared.last_call().cancelled().await;
            }
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            biased;
            () = self.all_ended() => {}
            () = time_is_up => {
                tracing::warn!(
                    grace_s = grace.as_secs(),
                    "connections did not end in time and were cut off"
                );
                self.tasks.shutdown().await;
            }
        }
    }

    async fn all_ended(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                // It came too late to be used.
                Ok(News::Opened(connection, place)) => {
                    connection.quit().await;
                    drop(place);
                }
                Ok(News::Failed(_) | News::Abandoned | News::Closed(_)) => {}
                Err(error) => self.panicked(&error),
            }
        }
    }
}

/// Opens one connection.
async fn open(shared: Arc<Shared>) -> News {
    let opening = async {
        // Its own server's first: who waits for that takes nothing from others.
        let Some(own) = shared.party.right().await else {
            return News::Abandoned;
        };
        let Some(common) = shared.pool.slot().await else {
            return News::Abandoned;
        };
        if !shared.is_leased() {
            return News::Abandoned;
        }
        match shared.delivery.connector.connect().await {
            Ok(connection) => News::Opened(Box::new(connection), (own, common)),
            Err(error) => News::Failed(Box::new(error)),
        }
    };
    tokio::select! {
        biased;
        () = shared.hold() => News::Abandoned,
        () = shared.work.ended() => News::Abandoned,
        news = opening => news,
    }
}
