//! A recipient's message and its state.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::clock::Timestamp;
use crate::event::Seq;
use crate::id::MessageId;
use crate::priority::Priority;

/// A lane in the store: the unit of ownership of the queue, and what messages are counted by. Each run of a campaign has
/// one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneId(pub i64);

/// The hash under which content that many messages share is stored: SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

/// What a client handed over under one id, by the number of its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubmissionId(pub Seq);

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// A template, filled with the recipient's data.
    Letter(ContentHash),
    /// What a client handed over, the same for all of its recipients.
    Submission(SubmissionId),
}

/// One accepted email to one recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its place in the log; unique in its store.
    pub seq: Seq,
    /// Its id for the outside, made from the above.
    pub id: MessageId,
    /// The lane it waits in: its campaign's run, or its account.
    pub lane: LaneId,
    /// What it says.
    pub content: Content,
    /// How urgent it is.
    pub priority: Priority,
    /// Whom it is for.
    pub address: Address,
    /// The recipient's own data, a JSON object; what a template is rendered with.
    pub data: Box<str>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Attempts so far.
    pub attempts: u32,
    /// Where it stands.
    pub state: MessageState,
    /// The failed message that it repeats, because somebody asked for that.
    pub retry_of: Option<Seq>,
}

/// Where a message stands. All but `Queued` are final, and exactly one of them is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Waiting, or under way.
    Queued,
    /// The next server took responsibility.
    Delivered,
    /// A server refused it for good.
    Bounced,
    /// The attempts or the time allowed were used up.
    Expired,
    /// We refused to send it.
    Dropped,
    /// Somebody took it back.
    Cancelled,
}

impl Content {
    /// The template, where there is one.
    pub fn letter(self) -> Option<ContentHash> {
        match self {
            Self::Letter(hash) => Some(hash),
            Self::Submission(_) => None,
        }
    }

    /// The submission, where it is one.
    pub fn submission(self) -> Option<SubmissionId> {
        match self {
            Self::Letter(_) => None,
            Self::Submission(id) => Some(id),
        }
    }
}

impl MessageState {
    /// Every state, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Delivered,
        Self::Bounced,
        Self::Expired,
        Self::Dropped,
        Self::Cancelled,
    ];

    /// The word as it stands in labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The number as it stands in the store; never reused for another state.
    pub fn code(self) -> i64 {
        match self {
            Self::Queued => 0,
            Self::Delivered => 1,
            Self::Bounced => 3,
            Self::Expired => 4,
            Self::Dropped => 5,
            Self::Cancelled => 6,
        }
    }

    /// The state of a stored number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_to_their_states() {
        for state in MessageState::ALL {
            assert_eq!(MessageState::from_code(state.code()), Some(state));
        }
    }
}
