//! What several deliveries share: so many connections at once, so many outcomes that are not recorded, so much memory for
//! messages that are made, and how fast messages pay for relays that cannot be reached.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connections::{Party, Slot, Slots};
use crate::plan::pace::Pace;

/// Bytes of large messages that are made and not sent yet, by default.
pub const MADE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The bytes of a message that do not count: read-ahead and connections bound how many such there are.
pub(super) const SMALL: usize = 256 * 1024;
/// Messages a second that pay an attempt for relays that cannot be reached, those of all deliveries together: each costs the
/// store as much as one that is delivered, and a backlog for a dead relay is not to be felt by others.
const CHARGES_PER_SECOND: u32 = 150;
/// The unit in which memory is given out, in bytes.
const UNIT: usize = 64 * 1024;

/// The bounds of several deliveries together. Who needs a connection when all are given out gets one of those that are
/// idle, or that had their turn.
#[derive(Debug)]
pub struct Pool {
    slots: Slots,
    unrecorded: Arc<Semaphore>,
    /// In units.
    memory: Arc<Semaphore>,
    /// All units there are.
    units: u32,
    charges: Mutex<Pace>,
}

/// The right to have one more outcome unrecorded: of those of one server, and of all. Taken before a message's bytes leave,
/// given back by its drop.
pub(super) struct Permit {
    _of_server: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// The right to the memory of a large message, given back by its drop.
#[derive(Debug)]
pub(super) struct Share(OwnedSemaphorePermit);

impl Pool {
    /// So many connections, so many outcomes beside one a connection (promise: P-03), and so many bytes of large messages
    /// that are made.
    pub fn new(
        connections_max: usize,
        unrecorded_outcomes_max: usize,
        made_bytes_max: usize,
    ) -> Self {
        let connections = connections_max.clamp(1, Semaphore::MAX_PERMITS / 2);
        let unrecorded = unrecorded_outcomes_max.min(Semaphore::MAX_PERMITS / 2);
        let units = u32::try_from(made_bytes_max / UNIT).unwrap_or(u32::MAX);
        let units = units.clamp(1, u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self {
            memory: Arc::new(Semaphore::new(units as usize)),
            units,
            slots: Slots::new(connections),
            unrecorded: Arc::new(Semaphore::new(connections + unrecorded)),
            charges: Mutex::new(Pace::new(CHARGES_PER_SECOND)),
        }
    }

    /// Lets up to `wanted` messages pay an attempt for a relay that cannot be reached; gives how many may, and how long to
    /// wait before the next may.
    pub(super) fn charge(&self, now: Timestamp, wanted: usize) -> (usize, Duration) {
        let mut charges = self.charges.lock().unwrap_or_else(PoisonError::into_inner);
        charges.take(now, wanted)
    }

    /// Waits for the right to a connection; `None` never comes, the pool has no end.
    pub(super) async fn slot(&self) -> Option<Slot> {
        self.slots.slot().await
    }

    /// Whether somebody waits for a connection.
    pub(super) fn is_wanted(&self) -> bool {
        self.slots.is_wanted()
    }

    /// Waits until somebody waits for a connection. One who waits calls one.
    pub(super) async fn wanted(&self) {
        self.slots.wanted().await;
    }

    /// Waits for the memory of a message of so many bytes. One that is larger than all there is gets all of it, alone.
    pub(super) async fn share(&self, bytes: usize) -> Option<Share> {
        let memory = Arc::clone(&self.memory);
        memory
            .acquire_many_owned(self.units(bytes))
            .await
            .ok()
            .map(Share)
    }

    /// Makes a share one of so many bytes, without waiting; `None` when there is no room for that.
    pub(super) fn fit(&self, share: Option<Share>, bytes: usize) -> Option<Share> {
        let units = self.units(bytes);
        let had = share.as_ref().map_or(0, |share| share.0.num_permits());
        let lacking = units.saturating_sub(u32::try_from(had).unwrap_or(u32::MAX));
        let memory = Arc::clone(&self.memory);
        let more = memory.try_acquire_many_owned(lacking).ok()?;
        let mut whole = match share {
            Some(Share(mut whole)) => {
                whole.merge(more);
                whole
            }
            None => more,
        };
        drop(whole.split(had.saturating_sub(units as usize)));
        Some(Share(whole))
    }

    fn units(&self, bytes: usize) -> u32 {
        if bytes <= SMALL {
            return 0;
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        units.min(self.units)
    }

    /// Waits until a party may have one more outcome unrecorded (promise: P-03).
    pub(super) async fn permit(&self, party: &Party) -> Option<Permit> {
        let of_server = party.permit().await?;
        let of_all = Arc::clone(&self.unrecorded).acquire_owned().await.ok()?;
        Some(Permit {
            _of_server: of_server,
            _of_all: of_all,
        })
    }

    /// The same without waiting; `None` when one would have to.
    pub(super) fn permit_now(&self, party: &Party) -> Option<Permit> {
        let of_server = party.permit_now()?;
        let of_all = Arc::clone(&self.unrecorded).try_acquire_owned().ok()?;
        Some(Permit {
            _of_server: of_server,
            _of_all: of_all,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_messages_share_the_memory_and_one_larger_than_all_of_it_goes_alone() {
        let pool = Pool::new(1, 0, 4 * SMALL);
        let guessed = pool.share(2 * SMALL).await;
        let known = pool.fit(guessed, 3 * SMALL);
        assert!(known.is_some());
        assert!(pool.fit(None, 2 * SMALL).is_none());
        assert!(pool.fit(None, SMALL).is_some(), "a small one is free");
        let shrunk = pool.fit(known, 2 * SMALL);
        assert!(shrunk.is_some());
        assert!(pool.fit(None, 9 * SMALL).is_none());
        drop(shrunk);
        let all = pool.fit(None, 9 * SMALL);
        assert!(all.is_some());
        assert!(pool.fit(None, 2 * SMALL).is_none());
    }
}
