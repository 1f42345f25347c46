//! What is learned of a message after the next server took it.

use serde::{Deserialize, Serialize};

/// A piece of news about a delivered message. Its words are in the event's `reason`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It came back.
    Bounce {
        /// Whether another message to the same address would fail too.
        permanence: Permanence,
        /// The digits of the enhanced code, or the reply code, where one is known: `511`, `550`.
        code: Option<Box<str>>,
    },
    /// A receipt of certified mail (PEC).
    Receipt(ReceiptKind),
}

/// Whether a failure would come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permanence {
    /// It would.
    Hard,
    /// It may not.
    Soft,
}

/// What a receipt of certified mail says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// The sender's provider took it.
    Acceptance,
    /// It is in the recipient's mailbox.
    Delivery,
    /// It was refused, or could not be delivered.
    Error,
    /// The recipient's provider took it.
    Relay,
    /// No acceptance came in time.
    Timeout,
}

impl Permanence {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

impl ReceiptKind {
    /// The word as it stands in reports: `pec_acceptance`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acceptance => "pec_acceptance",
            Self::Delivery => "pec_delivery",
            Self::Error => "pec_error",
            Self::Relay => "pec_relay",
            Self::Timeout => "pec_timeout",
        }
    }
}
