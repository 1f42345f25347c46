//! What tells a delivery that more messages were accepted, that what it read may have changed, and when no more will
//! come.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use model::Priority;
use tokio::sync::Notify;

/// Nothing urgent.
const NONE: u8 = u8::MAX;

/// Between whoever accepts messages for a lane and whoever delivers them.
#[derive(Debug)]
pub struct Supply {
    complete: AtomicBool,
    news: Notify,
    /// The code of the most urgent priority among what was accepted and not looked for yet.
    urgency: AtomicU8,
    recalls: AtomicU64,
}

impl Default for Supply {
    /// More may come.
    fn default() -> Self {
        Self {
            complete: AtomicBool::new(false),
            news: Notify::new(),
            urgency: AtomicU8::new(NONE),
            recalls: AtomicU64::new(0),
        }
    }
}

impl Supply {
    /// More messages were accepted.
    pub fn added(&self) {
        self.news.notify_one();
    }

    /// More messages were accepted, the most urgent of them of this priority.
    pub fn added_urgent(&self, priority: Priority) {
        let code = u8::try_from(priority.code()).unwrap_or(NONE);
        self.urgency.fetch_min(code, Ordering::AcqRel);
        self.news.notify_one();
    }

    /// From now on nothing is begun that was read from the store before: it is read again. What was begun before is
    /// shown as being sent.
    pub fn recall(&self) {
        // In one order with the showing of what is begun: either that is seen by who recalled, or this by who begins.
        self.recalls.fetch_add(1, Ordering::SeqCst);
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

    /// How often what was read was recalled.
    pub(crate) fn recalls(&self) -> u64 {
        self.recalls.load(Ordering::SeqCst)
    }

    /// Whether something was accepted that is more urgent than this.
    pub(crate) fn has_more_urgent(&self, than: Option<Priority>) -> bool {
        let code = than.and_then(|priority| u8::try_from(priority.code()).ok());
        self.urgency.load(Ordering::Acquire) < code.unwrap_or(0)
    }

    /// What was accepted so far is looked for now.
    pub(crate) fn look(&self) {
        self.urgency.store(NONE, Ordering::Release);
    }

    /// Waits for news.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_more_urgent_counts_and_only_until_it_is_looked_for() {
        let supply = Supply::default();
        assert!(!supply.has_more_urgent(Some(Priority::Low)));
        supply.added_urgent(Priority::High);
        supply.added_urgent(Priority::Low);
        assert!(supply.has_more_urgent(Some(Priority::Low)));
        assert!(supply.has_more_urgent(Some(Priority::Medium)));
        assert!(!supply.has_more_urgent(Some(Priority::High)));
        assert!(!supply.has_more_urgent(None));
        supply.look();
        assert!(!supply.has_more_urgent(Some(Priority::Low)));
    }
}
