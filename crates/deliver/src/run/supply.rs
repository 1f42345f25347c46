//! What tells a delivery that more messages were accepted, and when no more will come.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Between whoever accepts messages for a lane and whoever delivers them.
#[derive(Debug, Default)]
pub struct Supply {
    complete: AtomicBool,
    news: Notify,
}

impl Supply {
    /// More messages were accepted.
    pub fn added(&self) {
        self.news.notify_one();
    }

    /// No more messages will be accepted: the delivery ends when the lane is empty.
    pub fn complete(&self) {
        self.complete.store(true, Ordering::Release);
        self.news.notify_one();
    }

    /// Whether no more will come.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Waits for news.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }
}
