//! The counters of a run: they balance after every commit.

use model::MessageState;
use serde::Serialize;

/// What a table of books calls the sum of all: a code that no state has.
pub(crate) const ACCEPTED: i64 = -1;

/// How many messages stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Messages taken responsibility for.
    pub accepted: u64,
    /// Still to be delivered.
    pub queued: u64,
    /// Taken by the next server.
    pub delivered: u64,
    /// Refused for good.
    pub bounced: u64,
    /// Out of attempts or time.
    pub expired: u64,
    /// Refused by us.
    pub dropped: u64,
    /// Taken back.
    pub cancelled: u64,
}

impl Books {
    /// Messages in one state.
    pub fn count(&self, state: MessageState) -> u64 {
        match state {
            MessageState::Queued => self.queued,
            MessageState::Delivered => self.delivered,
            MessageState::Bounced => self.bounced,
            MessageState::Expired => self.expired,
            MessageState::Dropped => self.dropped,
            MessageState::Cancelled => self.cancelled,
        }
    }

    /// The counter of one state, to change it.
    pub fn count_mut(&mut self, state: MessageState) -> &mut u64 {
        match state {
            MessageState::Queued => &mut self.queued,
            MessageState::Delivered => &mut self.delivered,
            MessageState::Bounced => &mut self.bounced,
            MessageState::Expired => &mut self.expired,
            MessageState::Dropped => &mut self.dropped,
            MessageState::Cancelled => &mut self.cancelled,
        }
    }

    /// Messages that failed for good: bounced, expired or dropped.
    pub fn failed(&self) -> u64 {
        self.bounced + self.expired + self.dropped
    }

    /// Whether accepted = queued + delivered + bounced + expired + dropped + cancelled.
    pub fn balance(&self) -> bool {
        self.accepted
            == MessageState::ALL
                .into_iter()
                .map(|state| self.count(state))
                .sum::<u64>()
    }
}
