//! One fact about one message.

use serde::{Deserialize, Serialize};

use crate::attempt::Attempt;
use crate::clock::Timestamp;
use crate::message::{LaneId, MessageState};
use crate::news::News;

/// A place in the log: messages and events share one sequence, so a reader needs one cursor.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(i64);

/// One fact about one message. Written in the transaction that changes the message's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the log. For `accepted` it is the message's own.
    pub seq: Seq,
    /// The message it is about.
    pub message: Seq,
    /// The lane of the message.
    pub lane: LaneId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// The attempt that led to it, when one did.
    pub attempt: Option<Attempt>,
    /// When it is tried next, where it waits for a time.
    pub due_at: Option<Timestamp>,
    /// What was learned of it after it was delivered.
    pub news: Option<News>,
    /// In our own words, what is not in the attempt: why it was cancelled, which limit was reached.
    pub reason: Option<Box<str>>,
}

/// The reason of a `dropped` by which an account's limit refused a message; the same word stands in what clients are told.
pub const RATE_LIMIT_EXCEEDED: &str = "rate_limit_exceeded";

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// We took responsibility for it.
    Accepted,
    /// The next server took responsibility for it. Final.
    Delivered,
    /// An attempt failed; another will follow.
    Deferred,
    /// A server refused it for good. Final.
    Bounced,
    /// The attempts or the time allowed were used up. Final.
    Expired,
    /// We refused to send it: suppressed, or it could not be made. Final.
    Dropped,
    /// Somebody took it back. Final.
    Cancelled,
    /// Its account may send no more for now: it waits, and that was no attempt.
    RateLimited,
    /// It came back after it had been delivered to the next server. It stays delivered.
    Returned,
    /// A provider of certified mail said where it is. It stays delivered.
    Receipt,
}

// === impl Seq ===

impl Seq {
    /// The place before the first.
    pub const START: Self = Self(0);

    /// A place by its number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The next place.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

// === impl EventKind ===

impl EventKind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::Delivered,
        Self::Deferred,
        Self::Bounced,
        Self::Expired,
        Self::Dropped,
        Self::Cancelled,
        Self::RateLimited,
        Self::Returned,
        Self::Receipt,
    ];

    /// The word as it stands in labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
            Self::Cancelled => "cancelled",
            Self::RateLimited => "rate_limited",
            Self::Returned => "returned",
            Self::Receipt => "receipt",
        }
    }

    /// The number as it stands in the store; never reused for another kind.
    pub fn code(self) -> i64 {
        match self {
            Self::Accepted => 0,
            Self::Delivered => 1,
            Self::Deferred => 2,
            Self::Bounced => 3,
            Self::Expired => 4,
            Self::Dropped => 5,
            Self::Cancelled => 6,
            Self::RateLimited => 7,
            Self::Returned => 8,
            Self::Receipt => 9,
        }
    }

    /// The kind of a stored number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The state a message is in after it.
    pub fn state(self) -> MessageState {
        match self {
            Self::Accepted | Self::Deferred | Self::RateLimited => MessageState::Queued,
            Self::Delivered | Self::Returned | Self::Receipt => MessageState::Delivered,
            Self::Bounced => MessageState::Bounced,
            Self::Expired => MessageState::Expired,
            Self::Dropped => MessageState::Dropped,
            Self::Cancelled => MessageState::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_to_their_kinds() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(EventKind::from_code(99), None);
    }
}
