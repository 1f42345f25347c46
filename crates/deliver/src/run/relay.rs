//! Who may connect when, shared by the connections of one delivery.

use std::sync::{Mutex, PoisonError};

use model::Clock;
use smtp::client::Persistence;

use crate::plan::relay::{Admission, AfterFailure, RelayHealth};

/// The relay's health behind a lock.
pub(super) struct Relay(Mutex<RelayHealth>);

impl Relay {
    pub(super) fn new(health: RelayHealth) -> Self {
        Self(Mutex::new(health))
    }

    /// Waits until a connection may be opened.
    pub(super) async fn admission(&self, clock: &Clock) {
        loop {
            let admission = self.with(|health| health.ask(clock.now()));
            match admission {
                Admission::Open => return,
                Admission::Wait(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    pub(super) fn opened(&self) {
        self.with(RelayHealth::opened);
    }

    pub(super) fn closed(&self) {
        self.with(RelayHealth::closed);
    }

    pub(super) fn failed(&self, clock: &Clock, persistence: Persistence) -> AfterFailure {
        self.with(|health| health.failed(clock.now(), persistence, fastrand::f64()))
    }

    fn with<T>(&self, change: impl FnOnce(&mut RelayHealth) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
