//! The bounded queue between the feeder and the connections.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use model::Message;
use tokio::sync::Notify;

/// Work in the queue at most. The feeder adds nothing beyond it.
pub(super) const WORK_MAX: usize = 512;
/// Below so many the feeder reads on.
pub(super) const WORK_LOW: usize = 256;

/// One message to try.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) message: Arc<Message>,
    /// How often it was put back because a connection had died under the message before it. At
    /// [`PUT_BACKS_MAX`] that counts as an attempt.
    pub(super) put_backs: u8,
}

/// How often a message that never began costs itself no attempt.
pub(super) const PUT_BACKS_MAX: u8 = 3;

/// The queue.
#[derive(Default)]
pub(super) struct WorkQueue {
    state: Mutex<State>,
    /// For connections: there is work, or the queue was closed.
    ready: Notify,
    /// For the feeder: the queue ran low.
    low: Notify,
}

#[derive(Default)]
struct State {
    work: VecDeque<Work>,
    closed: bool,
}

impl WorkQueue {
    /// Adds due messages.
    pub(super) fn extend(&self, messages: impl IntoIterator<Item = Arc<Message>>) {
        let mut added = 0;
        self.with(|state| {
            for message in messages {
                state.work.push_back(Work {
                    message,
                    put_backs: 0,
                });
                added += 1;
            }
        });
        for _ in 0..added {
            self.ready.notify_one();
        }
    }

    /// Puts work back in front after a connection had died under the message before it.
    pub(super) fn put_back(&self, work: Work) {
        self.hand_back(Work {
            put_backs: work.put_backs.saturating_add(1),
            ..work
        });
    }

    /// Puts work back in front that nobody had begun.
    pub(super) fn hand_back(&self, work: Work) {
        self.with(|state| state.work.push_front(work));
        self.ready.notify_one();
    }

    /// The next piece of work, at once or not at all.
    pub(super) fn try_pop(&self) -> Option<Work> {
        let (work, left) = self.with(|state| (state.work.pop_front(), state.work.len()));
        if left == WORK_LOW || left == 0 {
            self.low.notify_one();
        }
        work
    }

    /// The next piece of work; `None` when the queue is closed and empty.
    pub(super) async fn pop(&self) -> Option<Work> {
        loop {
            let ready = self.ready.notified();
            tokio::pin!(ready);
            // Enabled before the look, so that work added in between wakes this one and not nobody.
            ready.as_mut().enable();
            if let Some(work) = self.try_pop() {
                if self.len() > 0 {
                    // This one may have taken a call that was meant for another.
                    self.ready.notify_one();
                }
                return Some(work);
            }
            if self.with(|state| state.closed) {
                // The others wait for the same news.
                self.ready.notify_one();
                return None;
            }
            ready.await;
        }
    }

    /// No work comes any more.
    pub(super) fn close(&self) {
        self.with(|state| state.closed = true);
        self.ready.notify_waiters();
        self.ready.notify_one();
    }

    pub(super) fn len(&self) -> usize {
        self.with(|state| state.work.len())
    }

    /// Waits until the queue ran low.
    pub(super) async fn low(&self) {
        self.low.notified().await;
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
