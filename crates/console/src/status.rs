//! The words that a message's standing is shown by.

use model::{EventKind, MessageState};
use serde::Serialize;

/// Where a message stands, in the words of the campaign seed ("Status Indicators") and `cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Waiting for its first try.
    Pending,
    /// In the middle of its dialogue.
    Sending,
    /// Delivered.
    Sent,
    /// Bounced, expired or dropped.
    Failed,
    /// Waiting for another try.
    Retry,
    /// Taken back.
    Cancelled,
}

impl Status {
    pub(crate) const ALL: [Self; 6] = [
        Self::Pending,
        Self::Sending,
        Self::Sent,
        Self::Failed,
        Self::Retry,
        Self::Cancelled,
    ];

    /// The standing of a message. A final state counts for more than that its dialogue was seen going on.
    pub(crate) fn of(state: MessageState, attempts: u32, is_sending: bool) -> Self {
        match state {
            MessageState::Queued if is_sending => Self::Sending,
            MessageState::Queued if attempts > 0 => Self::Retry,
            MessageState::Queued => Self::Pending,
            MessageState::Delivered => Self::Sent,
            MessageState::Bounced | MessageState::Expired | MessageState::Dropped => Self::Failed,
            MessageState::Cancelled => Self::Cancelled,
        }
    }

    /// The standing of a message to which this happened last.
    pub(crate) fn after(kind: EventKind, is_sending: bool) -> Self {
        let attempts = u32::from(kind == EventKind::Deferred);
        Self::of(kind.state(), attempts, is_sending)
    }

    /// The nearest of MailGrid's five words: what was taken back will never be sent.
    pub(crate) fn in_five_words(self) -> Self {
        match self {
            Self::Cancelled => Self::Failed,
            other => other,
        }
    }

    /// The word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Retry => "retry",
            Self::Cancelled => "cancelled",
        }
    }

    /// The standing of a word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_leads_to_its_word() {
        let words = EventKind::ALL.map(|kind| Status::after(kind, false).as_str());
        assert_eq!(
            words,
            [
                "pending",
                "sent",
                "retry",
                "failed",
                "failed",
                "failed",
                "cancelled",
                "pending",
                "sent",
                "sent"
            ]
        );
    }

    #[test]
    fn what_is_final_is_not_being_sent() {
        assert_eq!(Status::of(MessageState::Delivered, 1, true), Status::Sent);
        assert_eq!(Status::of(MessageState::Queued, 1, true), Status::Sending);
    }

    #[test]
    fn words_lead_back() {
        for status in Status::ALL {
            assert_eq!(Status::from_word(status.as_str()), Some(status));
            let json = serde_json::to_string(&status).unwrap();
            assert_eq!(json.trim_matches('"'), status.as_str());
        }
        assert_eq!(Status::from_word("Pending"), None);
    }
}
