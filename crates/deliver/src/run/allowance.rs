//! What a lane's account may send, shared by its feeder, its recorder and those who look.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::account::WhenOver;
use model::{Seq, Timestamp};

use crate::plan::limits::{Limits, Room};

/// An account's limits behind a lock. By default there are none.
#[derive(Debug, Default)]
pub struct Allowance {
    limits: Mutex<Limits>,
    limited_until: Mutex<Option<Timestamp>>,
    told: Mutex<Told>,
}

/// Whose senders know that a limit is used up, and until when.
#[derive(Clone, Debug, Default)]
struct Told {
    until: Option<Timestamp>,
    messages: HashSet<Seq>,
}

impl Allowance {
    /// The limits as far as they are used.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: Mutex::new(limits),
            ..Self::default()
        }
    }

    /// The same account's limits, read anew: who was told of a pause is told of it once.
    pub fn after(before: &Self, limits: Limits) -> Self {
        Self {
            limits: Mutex::new(limits),
            limited_until: Mutex::default(),
            told: Mutex::new(locked(&before.told).clone()),
        }
    }

    /// The messages whose senders were told of a pause until then.
    pub(super) fn told(&self, until: Timestamp) -> HashSet<Seq> {
        let told = locked(&self.told);
        match told.until == Some(until) {
            true => told.messages.clone(),
            false => HashSet::new(),
        }
    }

    /// These senders were told of a pause until then.
    pub(super) fn tell(&self, until: Timestamp, messages: impl Iterator<Item = Seq>) {
        let mut told = locked(&self.told);
        if told.until != Some(until) {
            *told = Told {
                until: Some(until),
                messages: HashSet::new(),
            };
        }
        told.messages.extend(messages);
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
