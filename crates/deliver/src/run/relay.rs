//! Who may connect when, shared by the connections of one delivery.

use std::sync::{Arc, Mutex, PoisonError};

use model::Clock;
use smtp::client::ConnectError;

use super::trouble::{Troubles, time_of_day};
use crate::plan::relay::{Admission, AfterFailure, RelayHealth};

/// The relay's health behind a lock.
pub(super) struct Relay {
    health: Mutex<RelayHealth>,
    troubles: Arc<Troubles>,
}

/// The right to open one connection. Dropped without a result, it leaves the next one the try.
pub(super) struct Admitted<'a> {
    relay: &'a Relay,
    is_settled: bool,
}

impl Relay {
    pub(super) fn new(health: RelayHealth, troubles: Arc<Troubles>) -> Self {
        Self {
            health: Mutex::new(health),
            troubles,
        }
    }

    /// Waits until a connection may be opened.
    pub(super) async fn admission(&self, clock: &Clock) -> Admitted<'_> {
        loop {
            let admission = self.with(|health| health.ask(clock.now()));
            match admission {
                Admission::Open => {
                    return Admitted {
                        relay: self,
                        is_settled: false,
                    };
                }
                Admission::Wait(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    pub(super) fn closed(&self) {
        self.with(RelayHealth::closed);
    }

    fn with<T>(&self, change: impl FnOnce(&mut RelayHealth) -> T) -> T {
        change(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Admitted<'_> {
    pub(super) fn opened(mut self) {
        self.is_settled = true;
        self.relay.with(|health| {
            health.opened();
            // Told under the lock: a failure of another connection does not come in between.
            self.relay.troubles.with_relay(None);
        });
    }

    pub(super) fn failed(mut self, clock: &Clock, error: &ConnectError) -> AfterFailure {
        self.is_settled = true;
        self.relay.with(|health| {
            let after = health.failed(clock.now(), error.persistence, fastrand::f64());
            let next = match (after, health.next_try()) {
                (AfterFailure::GiveUp, _) => "given up".to_owned(),
                (AfterFailure::TryLater, Some(at)) => {
                    format!("next try at {}", time_of_day(at))
                }
                // Others are open: it is the relay's limit on connections.
                (AfterFailure::TryLater, None) => return after,
            };
            let trouble = format!("cannot reach the relay: {error}; {next}");
            self.relay.troubles.with_relay(Some(trouble));
            after
        })
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.relay.with(RelayHealth::abandoned);
        }
    }
}
