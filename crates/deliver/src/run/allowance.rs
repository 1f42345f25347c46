//! What a lane's account may send, shared by its feeder, its recorder and those who look.

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Timestamp;
use model::account::WhenOver;

use crate::plan::limits::{Limits, Room};

/// An account's limits behind a lock. By default there are none.
#[derive(Debug, Default)]
pub struct Allowance {
    limits: Mutex<Limits>,
    limited_until: Mutex<Option<Timestamp>>,
}

impl Allowance {
    /// The limits as far as they are used.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: Mutex::new(limits),
            limited_until: Mutex::default(),
        }
    }

    /// Until when the lane waits because a limit is used up.
    pub fn limited_until(&self) -> Option<Timestamp> {
        *locked(&self.limited_until)
    }

    pub(super) fn limit_until(&self, until: Option<Timestamp>) {
        *locked(&self.limited_until) = until;
    }

    pub(super) fn when_over(&self) -> WhenOver {
        locked(&self.limits).when_over()
    }

    pub(super) fn room(&self, now: Timestamp) -> Room {
        locked(&self.limits).room(now)
    }

    pub(super) fn take(&self, count: usize) {
        locked(&self.limits).take(count);
    }

    /// Something that was taken is settled; `delivered` says when it was.
    pub(super) fn settle(&self, delivered: Option<Timestamp>) {
        let mut limits = locked(&self.limits);
        match delivered {
            Some(at) => limits.delivered(at),
            None => limits.not_delivered(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
