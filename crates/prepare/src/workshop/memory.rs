//! The memory for what was fetched ahead and is not handed over yet.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many bytes for all that is prepared at once. Nobody waits for some of it while having some, so nobody waits in a circle.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Semaphore>);

/// What one submission has of it, given back by its drop.
#[derive(Debug)]
pub struct Share {
    memory: Arc<Semaphore>,
    kept: Mutex<Vec<Taken>>,
}

/// The memory of one attachment, given back by its drop.
pub(super) type Taken = OwnedSemaphorePermit;

impl Memory {
    /// So many bytes in all.
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Semaphore::new(
            bytes_max.min(Semaphore::MAX_PERMITS),
        )))
    }

    /// The share of one more submission, nothing yet.
    pub fn share(&self) -> Share {
        Share {
            memory: Arc::clone(&self.0),
            kept: Mutex::default(),
        }
    }
}

impl Share {
    /// So many bytes, without waiting; `None` when there are no more so many.
    pub(super) fn take(&self, bytes: usize) -> Option<Taken> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.memory).try_acquire_many_owned(bytes).ok()
    }

    /// What was taken is needed until the submission is handed over.
    pub(super) fn keep(&self, taken: Taken) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(taken);
    }
}
