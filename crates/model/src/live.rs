//! What is under way and not yet a fact: kept in memory, shown, never counted as an outcome.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::event::Seq;
use crate::message::Message;

/// A running delivery as it is this moment, shared by those who deliver and those who show it.
#[derive(Debug, Default)]
pub struct Live {
    /// Messages from the start of their dialogue to the commit of what came of it, with their earlier attempts.
    sending: Mutex<HashMap<Seq, u32>>,
    connections: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    trouble: Option<Box<str>>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing is sent yet.
    #[default]
    Starting,
    /// Messages are sent, while the list is read or after that.
    Sending,
    /// What was begun is finished; nothing new begins until somebody resumes it.
    Paused,
    /// What was begun is finished, then the run ends.
    Stopping,
    /// Every recipient is final.
    Completed,
    /// It was stopped; the rest is queued.
    Interrupted,
    /// The relay could not be reached; the rest is queued.
    Unreachable,
    /// Somebody cancelled it; the rest was taken back.
    Cancelled,
    /// It broke off by an error of ours; the rest is queued.
    Failed,
}

/// Messages in the middle of their dialogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// For the first time.
    pub first_tries: u64,
    /// Tried before.
    pub repeats: u64,
}

/// One message in the middle of its dialogue: shown while this lives.
#[derive(Debug)]
pub struct Sending {
    live: Arc<Live>,
    message: Seq,
}

// === impl Live ===

impl Live {
    /// Shows a message as being sent until the answer is dropped.
    pub fn begin_sending(self: &Arc<Self>, message: &Message) -> Sending {
        self.sending().insert(message.seq, message.attempts);
        Sending {
            live: Arc::clone(self),
            message: message.seq,
        }
    }

    /// How many messages are being sent.
    pub fn under_way(&self) -> UnderWay {
        let sending = self.sending();
        let repeats = sending.values().filter(|attempts| **attempts > 0).count();
        UnderWay {
            first_tries: (sending.len() - repeats) as u64,
            repeats: repeats as u64,
        }
    }

    /// Whether this message is being sent.
    pub fn is_sending(&self, message: Seq) -> bool {
        self.sending().contains_key(&message)
    }

    /// The messages that are being sent, in the log's order. They are as many as connections and unrecorded
    /// outcomes at most.
    pub fn messages_under_way(&self) -> Vec<Seq> {
        let mut messages: Vec<Seq> = self.sending().keys().copied().collect();
        messages.sort_unstable();
        messages
    }

    /// Open connections.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// A connection was opened.
    pub fn connection_opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection is gone.
    pub fn connection_closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// How far the run has come.
    pub fn stage(&self) -> Stage {
        self.state().stage
    }

    /// Says how far the run has come.
    pub fn set_stage(&self, stage: Stage) {
        self.state().stage = stage;
    }

    /// What keeps the run from going on, in words for people: the relay cannot be reached, the disk is full.
    pub fn trouble(&self) -> Option<Box<str>> {
        self.state().trouble.clone()
    }

    /// Says what keeps the run from going on; `None` when nothing does any more.
    pub fn set_trouble(&self, trouble: Option<String>) {
        self.state().trouble = trouble.map(String::into_boxed_str);
    }

    fn sending(&self) -> MutexGuard<'_, HashMap<Seq, u32>> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.live.sending().remove(&self.message);
    }
}

// === impl Stage ===

impl Stage {
    /// Every stage, in the order of a run.
    pub const ALL: [Self; 9] = [
        Self::Starting,
        Self::Sending,
        Self::Paused,
        Self::Stopping,
        Self::Completed,
        Self::Interrupted,
        Self::Unreachable,
        Self::Cancelled,
        Self::Failed,
    ];

    /// The word as it stands in JSON and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Sending => "sending",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Unreachable => "unreachable",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing of the run will change any more, unless somebody has failed messages tried again.
    pub fn is_end(self) -> bool {
        match self {
            Self::Starting | Self::Sending | Self::Paused | Self::Stopping => false,
            Self::Completed
            | Self::Interrupted
            | Self::Unreachable
            | Self::Cancelled
            | Self::Failed => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::clock::Timestamp;
    use crate::id::MessageId;
    use crate::message::{Content, ContentHash, LaneId, MessageState};
    use crate::priority::Priority;

    fn message(number: i64, attempts: u32) -> Message {
        let (seq, at) = (Seq::new(number), Timestamp::from_millis(0));
        Message {
            seq,
            id: MessageId::new(at, 1, seq),
            lane: LaneId(1),
            content: Content::Letter(ContentHash([0; 32])),
            priority: Priority::Medium,
            address: Address::parse("ada@example.org").unwrap(),
            data: "{}".into(),
            accepted_at: at,
            attempts,
            state: MessageState::Queued,
            retry_of: None,
        }
    }

    #[test]
    fn messages_are_under_way_while_it_lasts() {
        let live = Arc::new(Live::default());
        let first = live.begin_sending(&message(7, 0));
        let second = live.begin_sending(&message(3, 2));
        let (first_tries, repeats) = (1, 1);
        assert_eq!(
            live.under_way(),
            UnderWay {
                first_tries,
                repeats
            }
        );
        assert_eq!(live.messages_under_way(), [Seq::new(3), Seq::new(7)]);
        drop(first);
        assert!(!live.is_sending(Seq::new(7)) && live.is_sending(Seq::new(3)));
        drop(second);
        assert_eq!(live.under_way(), UnderWay::default());
    }
}
