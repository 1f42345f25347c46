//! Looking for messages of a run: what is asked for, and what a bounded look found.

use model::{Event, EventKind, Message, MessageId, MessageState, Seq, Timestamp};

use crate::StoreError;
use crate::log::Logged;

/// What to look for among a run's messages. Everything given has to fit.
#[derive(Clone, Debug, Default)]
pub struct Find {
    /// Where a message stands.
    pub standing: Option<Standing>,
    /// A part of the address, in any case.
    pub address_part: Option<Box<str>>,
    /// The address's domain, in lower case.
    pub domain: Option<Box<str>>,
    /// The reply code of the latest attempt; 0 stands for an attempt without an answer.
    pub code: Option<u16>,
    /// From where to look.
    pub from: From,
    /// How many to find at most.
    pub limit: usize,
    /// How many messages to look at, at most: what bounds the time of an answer. A backend may end a look earlier,
    /// where messages cost more to look at; it looks at one at least.
    pub look_at_max: usize,
}

/// Where a message stands, in the words that a run is watched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Queued, not tried yet.
    Pending,
    /// Queued, and tried before.
    Retrying,
    /// Delivered.
    Sent,
    /// Bounced, expired or dropped.
    Failed,
    /// Taken back.
    Cancelled,
}

/// From where to look, in the log's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Forwards from after this place.
    After(Seq),
    /// Backwards from before this place; `None` is the end. What is found is still in the log's order.
    Before(Option<Seq>),
}

/// What a look found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Messages in the log's order, each with its latest event.
    pub messages: Vec<Logged>,
    /// Where the look ended because it had looked at as many as it may: to be gone on from. `None` when it found
    /// as many as were asked for, or came to the end.
    pub looked_to: Option<Seq>,
}

/// A message that is still to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The message.
    pub seq: Seq,
    /// The first message of the run to the same address: the one that the ledger knows. It is the same unless the
    /// message repeats a failed one.
    pub first: Seq,
}

/// Everything that happened to one message, up to a thousand events.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The message as it stands.
    pub message: Message,
    /// What happened, in order, `accepted` first.
    pub events: Vec<Event>,
    /// When it may be tried next, while it is queued.
    pub due_at: Option<Timestamp>,
    /// The message that repeats this one.
    pub retried_as: Option<MessageId>,
}

impl Standing {
    /// Where a message of this state and so many attempts stands.
    pub fn of(state: MessageState, attempts: u32) -> Self {
        match state {
            MessageState::Queued if attempts == 0 => Self::Pending,
            MessageState::Queued => Self::Retrying,
            MessageState::Delivered => Self::Sent,
            MessageState::Bounced | MessageState::Expired | MessageState::Dropped => Self::Failed,
            MessageState::Cancelled => Self::Cancelled,
        }
    }
}

impl From {
    /// The place that rows are compared with.
    pub(crate) fn place(self) -> i64 {
        match self {
            Self::After(seq) | Self::Before(Some(seq)) => seq.get(),
            Self::Before(None) => i64::MAX,
        }
    }
}

impl Timeline {
    /// Events of one. A message has one an attempt and one or two more, so only a strange store has more.
    pub(crate) const EVENTS_MAX: usize = 1_000;

    /// That of a message, with its events in order and its place in the queue.
    pub(crate) fn new(
        message: Message,
        events: Vec<Event>,
        due_at: Option<i64>,
        retried_as: Option<MessageId>,
    ) -> Self {
        // What waits for a limit keeps its place in the queue; until when it waits is in the event.
        let limited_until = events
            .last()
            .filter(|last| last.kind == EventKind::RateLimited)
            .and_then(|last| last.due_at);
        Self {
            message,
            events,
            due_at: due_at.map(Timestamp::from_millis).max(limited_until),
            retried_as,
        }
    }

    /// The error of a message one of whose events is not there.
    pub(crate) fn lost(message: &Message, event: i64) -> StoreError {
        let message = message.seq.get();
        StoreError::Damaged(format!("message {message}: its event {event} is not there"))
    }
}

impl Default for From {
    fn default() -> Self {
        Self::After(Seq::START)
    }
}
