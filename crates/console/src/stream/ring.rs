//! The last updates, for those who follow and for those who come back.

use std::collections::VecDeque;

use bytes::Bytes;

/// Updates kept.
const UPDATES_MAX: usize = 256;
/// Bytes of the updates kept.
const BYTES_MAX: usize = 512 * 1024;

/// The last updates. Their ids grow by one.
#[derive(Debug)]
pub(super) struct Ring {
    updates: VecDeque<Bytes>,
    bytes: usize,
    /// The id of the last update, whether it is kept or not.
    latest: u64,
}

/// What comes after an update.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// This one, as it goes to the client.
    Update(u64, Bytes),
    /// Nothing yet.
    Nothing,
    /// Updates that are not kept any more, or never were: so many, where it can be told.
    Missed(u64),
}

impl Ring {
    /// No update yet; the first one gets the id after `latest`.
    pub(super) fn new(latest: u64) -> Self {
        Self {
            updates: VecDeque::new(),
            bytes: 0,
            latest,
        }
    }

    /// The id of the last update.
    pub(super) fn latest(&self) -> u64 {
        self.latest
    }

    /// Adds the update with the next id, at the cost of the oldest ones.
    pub(super) fn push(&mut self, update: Bytes) {
        self.latest += 1;
        self.bytes += update.len();
        self.updates.push_back(update);
        while self.updates.len() > UPDATES_MAX || self.bytes > BYTES_MAX {
            match self.updates.pop_front() {
                Some(oldest) => self.bytes -= oldest.len(),
                None => break,
            }
        }
    }

    /// What comes after the update with this id.
    pub(super) fn after(&self, id: u64) -> After {
        let oldest = self.latest - self.updates.len() as u64 + 1;
        match id {
            _ if id == self.latest => After::Nothing,
            // Of another process, or a guess.
            _ if id > self.latest => After::Missed(0),
            _ if id + 1 < oldest => After::Missed(oldest - id - 1),
            _ => match self.updates.get((id + 1 - oldest) as usize) {
                Some(update) => After::Update(id + 1, update.clone()),
                None => After::Nothing,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(updates: usize, bytes: usize) -> Ring {
        let mut ring = Ring::new(1_000);
        for number in 0..updates {
            ring.push(Bytes::from(vec![number as u8; bytes]));
        }
        ring
    }

    #[test]
    fn each_update_leads_to_the_next() {
        let ring = ring(3, 1);
        assert_eq!(
            ring.after(1_000),
            After::Update(1_001, Bytes::from_static(&[0]))
        );
        assert_eq!(
            ring.after(1_002),
            After::Update(1_003, Bytes::from_static(&[2]))
        );
        assert_eq!(ring.after(1_003), After::Nothing);
    }

    #[test]
    fn what_is_too_old_or_foreign_is_missed() {
        let ring = ring(UPDATES_MAX + 10, 1);
        assert_eq!(ring.after(1_009), After::Missed(1));
        assert!(matches!(ring.after(1_010), After::Update(1_011, _)));
        for foreign in [0, 7, u64::MAX, ring.latest() + 1] {
            assert!(matches!(ring.after(foreign), After::Missed(_)), "{foreign}");
        }
        assert_eq!(Ring::new(5).after(4), After::Missed(1));
    }

    #[test]
    fn memory_is_bounded_by_bytes_as_well() {
        let half = BYTES_MAX / 2;
        let ring = ring(5, half);
        assert_eq!((ring.updates.len(), ring.bytes), (2, BYTES_MAX));
        assert!(matches!(ring.after(1_002), After::Missed(1)));
        let huge = super::tests::ring(1, BYTES_MAX + 1);
        assert_eq!((huge.updates.len(), huge.bytes), (0, 0));
        assert_eq!(huge.after(1_000), After::Missed(1));
    }
}
