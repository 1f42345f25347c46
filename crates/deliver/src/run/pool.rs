//! What several deliveries share: so many connections at once, and so many outcomes that are not recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The bounds of several deliveries together. Who needs a connection when all are given out gets one of those that are
/// idle, or that had their turn.
#[derive(Debug)]
pub struct Pool {
    connections: Arc<Semaphore>,
    unrecorded: Arc<Semaphore>,
    /// Who waits for a connection.
    waiting: AtomicUsize,
    wanted: Notify,
}

/// The right to one connection, given back by its drop.
pub(super) type Slot = OwnedSemaphorePermit;
/// The right to have one more outcome unrecorded. Taken before a message's bytes leave, given back by its drop.
pub(super) type Permit = OwnedSemaphorePermit;

/// Counts somebody as waiting while it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl Pool {
    /// So many connections, and so many outcomes beside one a connection (promise: P-03).
    pub fn new(connections_max: usize, unrecorded_outcomes_max: usize) -> Self {
        let connections = connections_max.clamp(1, Semaphore::MAX_PERMITS / 2);
        let unrecorded = unrecorded_outcomes_max.min(Semaphore::MAX_PERMITS / 2);
        Self {
            connections: Arc::new(Semaphore::new(connections)),
            unrecorded: Arc::new(Semaphore::new(connections + unrecorded)),
            waiting: AtomicUsize::new(0),
            wanted: Notify::new(),
        }
    }

    /// Waits for the right to a connection; `None` never comes, the pool has no end.
    pub(super) async fn slot(&self) -> Option<Slot> {
        let connections = Arc::clone(&self.connections);
        if let Ok(slot) = Arc::clone(&connections).try_acquire_owned() {
            return Some(slot);
        }
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        self.wanted.notify_one();
        connections.acquire_owned().await.ok()
    }

    /// Whether somebody waits for a connection.
    pub(super) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Waits until somebody waits for a connection. One who waits calls one.
    pub(super) async fn wanted(&self) {
        while !self.is_wanted() {
            self.wanted.notified().await;
        }
    }

    /// Waits until one more outcome may be unrecorded (promise: P-03).
    pub(super) async fn permit(&self) -> Option<Permit> {
        Arc::clone(&self.unrecorded).acquire_owned().await.ok()
    }

    /// The same without waiting; `None` when one would have to.
    pub(super) fn permit_now(&self) -> Option<Permit> {
        Arc::clone(&self.unrecorded).try_acquire_owned().ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_connection_calls_an_idle_one() {
        let pool = Arc::new(Pool::new(1, 0));
        let slot = pool.slot().await;
        assert!(!pool.is_wanted());
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.slot().await.is_some() }
        });
        pool.wanted().await;
        drop(slot);
        assert!(waiting.await.unwrap());
        assert!(!pool.is_wanted());
    }
}
