//! Rights to open connections: those of all deliveries together, and those to one server that several deliveries share, with
//! how many outcomes those may have that are not recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The right to one connection, given back by its drop.
pub(super) type Slot = OwnedSemaphorePermit;

/// So many connections at once, and who waits for one.
#[derive(Debug)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    wanted: Notify,
}

/// Connections to one server, shared by the deliveries that lead to it. Each may have its part of them for as long as it
/// has work, and of what the others leave as much as there is.
#[derive(Debug)]
pub struct Connections {
    slots: Slots,
    max: usize,
    /// Outcomes that may wait for their commit, one a connection and some more (promise: P-03).
    unrecorded: Arc<Semaphore>,
    /// Deliveries that share them now.
    parties: AtomicUsize,
}

/// One of the deliveries that share connections, while this lives.
#[derive(Debug)]
pub(super) struct Party {
    connections: Arc<Connections>,
    /// Connections that it has.
    held: AtomicUsize,
}

/// A party's right to one connection, given back by its drop.
pub(super) struct Right {
    party: Arc<Party>,
    _slot: Slot,
}

/// Counts somebody as waiting while it lives.
struct Waiting<'a>(&'a AtomicUsize);

// === impl Slots ===

impl Slots {
    /// So many; at least 1.
    pub(super) fn new(max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(max.clamp(1, Semaphore::MAX_PERMITS / 2))),
            waiting: AtomicUsize::new(0),
            wanted: Notify::new(),
        }
    }

    /// Waits for the right to a connection; `None` never comes, there is no end of them.
    pub(super) async fn slot(&self) -> Option<Slot> {
        let free = Arc::clone(&self.free);
        if let Ok(slot) = Arc::clone(&free).try_acquire_owned() {
            return Some(slot);
        }
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        self.wanted.notify_one();
        free.acquire_owned().await.ok()
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
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

// === impl Connections ===

impl Connections {
    /// So many, at least 1, and so many outcomes that wait for their commit beside one a connection.
    pub fn new(max: usize, unrecorded_outcomes_max: usize) -> Self {
        let max = max.clamp(1, Semaphore::MAX_PERMITS / 2);
        let unrecorded = unrecorded_outcomes_max.min(Semaphore::MAX_PERMITS / 2);
        Self {
            slots: Slots::new(max),
            max,
            unrecorded: Arc::new(Semaphore::new(max + unrecorded)),
            parties: AtomicUsize::new(0),
        }
    }

    /// One delivery more shares them.
    pub(super) fn join(self: &Arc<Self>) -> Arc<Party> {
        self.parties.fetch_add(1, Ordering::AcqRel);
        Arc::new(Party {
            connections: Arc::clone(self),
            held: AtomicUsize::new(0),
        })
    }

    /// The part of each when so many share them; `None` when there is not one for each.
    fn part(max: usize, parties: usize) -> Option<usize> {
        (parties <= max).then(|| max.div_ceil(parties.max(1)))
    }
}

// === impl Party ===

impl Party {
    /// Waits for the right to a connection; `None` never comes.
    pub(super) async fn right(self: &Arc<Self>) -> Option<Right> {
        let slot = self.connections.slots.slot().await?;
        self.held.fetch_add(1, Ordering::AcqRel);
        Some(Right {
            party: Arc::clone(self),
            _slot: slot,
        })
    }

    /// Waits until one more outcome may be unrecorded.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let unrecorded = Arc::clone(&self.connections.unrecorded);
        unrecorded.acquire_owned().await.ok()
    }

    /// The same without waiting; `None` when one would have to.
    pub(super) fn permit_now(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.connections.unrecorded)
            .try_acquire_owned()
            .ok()
    }

    /// Whether others wait for a connection, and this one has more than its part. Where there is not one for each, they go
    /// round.
    pub(super) fn is_to_share(&self) -> bool {
        let connections = &self.connections;
        let parties = connections.parties.load(Ordering::Acquire);
        let part = Connections::part(connections.max, parties);
        connections.slots.is_wanted()
            && part.is_none_or(|part| self.held.load(Ordering::Acquire) > part)
    }

    /// Waits until somebody waits for a connection. One who waits calls one.
    pub(super) async fn wanted(&self) {
        self.connections.slots.wanted().await;
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        self.connections.parties.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Right {
    fn drop(&mut self) {
        self.party.held.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_connection_calls_an_idle_one() {
        let slots = Arc::new(Slots::new(1));
        let slot = slots.slot().await;
        assert!(!slots.is_wanted());
        let waiting = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.slot().await.is_some() }
        });
        slots.wanted().await;
        drop(slot);
        assert!(waiting.await.unwrap());
        assert!(!slots.is_wanted());
    }

    #[test]
    fn parts_leave_none_without_a_connection_and_hand_out_all() {
        let part = Connections::part;
        assert_eq!(part(8, 0), Some(8));
        assert_eq!(part(8, 1), Some(8));
        assert_eq!(part(8, 2), Some(4));
        assert_eq!(part(8, 3), Some(3));
        assert_eq!(part(8, 8), Some(1));
        assert_eq!(part(2, 3), None);
    }

    #[tokio::test]
    async fn a_delivery_gives_to_others_what_is_beyond_its_part_and_no_more() {
        let connections = Arc::new(Connections::new(4, 0));
        let (first, second) = (connections.join(), connections.join());
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(first.right().await);
        }
        assert!(!first.is_to_share(), "nobody else wants one");
        for part in 1..=2 {
            let waiting = tokio::spawn({
                let second = Arc::clone(&second);
                async move { second.right().await }
            });
            first.wanted().await;
            assert!(first.is_to_share());
            held.pop();
            std::mem::forget(waiting.await.unwrap());
            assert_eq!(second.held.load(Ordering::Acquire), part);
        }
        let third = tokio::spawn({
            let second = Arc::clone(&second);
            async move { second.right().await }
        });
        first.wanted().await;
        assert!(!first.is_to_share() && !second.is_to_share());
        third.abort();
        drop(second);
    }

    #[tokio::test]
    async fn where_there_is_not_a_connection_for_each_they_go_round() {
        let connections = Arc::new(Connections::new(1, 0));
        let (first, second) = (connections.join(), connections.join());
        let right = first.right().await;
        let waiting = tokio::spawn(async move { second.right().await.is_some() });
        first.wanted().await;
        assert!(first.is_to_share());
        drop(right);
        assert!(waiting.await.unwrap());
    }
}
