//! The event log: what readers get, and how they follow it.

use std::sync::Arc;

use model::{
    Attempt, Content, Control, ControlAction, Event, EventKind, LaneId, Message, MessageId,
    MessageState, Priority, Seq, Timestamp,
};
use tokio::sync::broadcast;

use crate::campaign::NewMessage;
use crate::{Result, StoreError};

/// One event with the message it is about. The message says whom it is about; where that stood at the time is in
/// the event. (In a [`LogBatch`] the message is as its recorder had it, read back it is as it stands now.)
#[derive(Clone, Debug)]
pub struct Logged {
    /// What happened.
    pub event: Event,
    /// To which message.
    pub message: Arc<Message>,
}

/// An event to record.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The message it is about.
    pub message: Arc<Message>,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// When it will be tried again. For `Deferred` `None` means at once; `RateLimited` only says it: the message keeps
    /// its place in the queue.
    pub due_at: Option<Timestamp>,
    /// The attempt that led to it.
    pub attempt: Option<Attempt>,
    /// In our own words, what is not in the attempt.
    pub reason: Option<Box<str>>,
}

impl NewEvent {
    /// The end that a message comes to by our own decision, without an attempt.
    pub(crate) fn end(
        message: Arc<Message>,
        kind: EventKind,
        at: Timestamp,
        reason: impl Into<Box<str>>,
    ) -> Self {
        Self {
            kind,
            at,
            attempts: message.attempts,
            message,
            due_at: None,
            attempt: None,
            reason: Some(reason.into()),
        }
    }
}

/// The longest name of who intervened, in characters.
pub const BY_CHARS_MAX: usize = 200;

/// An intervention to write down.
#[derive(Clone, Debug)]
pub struct NewControl {
    /// The lane of the run.
    pub lane: LaneId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: ControlAction,
    /// Who, in [`BY_CHARS_MAX`] characters at most; a longer one is refused.
    pub by: Box<str>,
}

impl NewControl {
    /// Refuses what is not written down.
    pub(crate) fn check(&self) -> Result<()> {
        let chars = self.by.chars().count();
        match chars > BY_CHARS_MAX {
            true => Err(StoreError::Invalid(format!(
                "a control whose `by` has {chars} characters: {BY_CHARS_MAX} at most"
            ))),
            false => Ok(()),
        }
    }
}

/// What one commit added to the log.
#[derive(Debug)]
pub struct LogBatch {
    /// The log's end before this commit: a reader whose cursor is earlier has missed something. It equals
    /// `last` when others committed it, and when the follower came while the commit was under way; `events` is empty then.
    pub previous: Seq,
    /// The log's end after this commit.
    pub last: Seq,
    /// The events, in order.
    pub events: Vec<Logged>,
    /// The interventions, in order.
    pub controls: Vec<Control>,
    /// Who committed it.
    pub origin: Origin,
}

impl LogBatch {
    /// What is shown where others wrote up to `last` and did not say what.
    pub(crate) fn untold(last: Seq) -> Self {
        Self::of_others(last, Origin::Untold)
    }

    /// What is shown of a commit of others: that the log goes on to `last`, and nothing of what is in it.
    pub(crate) fn of_others(last: Seq, origin: Origin) -> Self {
        Self {
            previous: last,
            last,
            events: Vec::new(),
            controls: Vec::new(),
            origin,
        }
    }
}

/// Who made a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This process: the batch holds all of it.
    Here {
        /// Where its commit before this one ended, at the latest: a follower that was not shown that one has missed
        /// something of this process. What lies between the two is of others.
        after: Seq,
    },
    /// Another process: its events are to be read from the store. These are the lanes that it added mail to, and how
    /// urgent the most urgent of it is.
    Elsewhere(Vec<(LaneId, Priority)>),
    /// Others, and what they did was not told: any lane may have mail.
    Untold,
}

/// A new message as its followers are shown it.
pub(crate) fn accepted(new: NewMessage, seq: Seq, tag: u32) -> Logged {
    let message = Arc::new(Message {
        seq,
        id: MessageId::new(new.at, tag, seq),
        lane: new.lane,
        content: Content::Letter(new.content),
        priority: Priority::default(),
        address: new.address,
        data: new.data,
        accepted_at: new.at,
        attempts: 0,
        state: MessageState::Queued,
        retry_of: None,
    });
    Logged {
        event: accepted_event(&message),
        message,
    }
}

/// The cancellation of a message that is forgotten with its events: those who follow the log are told, nothing is kept.
pub(crate) fn cancelled(message: Message, seq: Seq, at: Timestamp, reason: &str) -> Logged {
    let event = Event {
        seq,
        message: message.seq,
        lane: message.lane,
        at,
        kind: EventKind::Cancelled,
        attempts: message.attempts,
        attempt: None,
        due_at: None,
        news: None,
        reason: Some(reason.into()),
    };
    Logged {
        event,
        message: Arc::new(message),
    }
}

/// A message's row read as its own `accepted` event.
pub(crate) fn accepted_event(message: &Message) -> Event {
    Event {
        seq: message.seq,
        message: message.seq,
        lane: message.lane,
        at: message.accepted_at,
        kind: EventKind::Accepted,
        attempts: 0,
        attempt: None,
        due_at: None,
        news: None,
        reason: None,
    }
}

/// Follows what this process commits, and learns that others did where the backend tells. It never slows the writer: a
/// follower that lags misses batches, sees it by their `previous`, and reads them from the store.
#[derive(Debug)]
pub struct Tail(broadcast::Receiver<Arc<LogBatch>>);

impl Tail {
    /// A follower of a channel.
    pub(crate) fn new(receiver: broadcast::Receiver<Arc<LogBatch>>) -> Self {
        Self(receiver)
    }

    /// The next batch; `None` when the store is closed. Batches that were missed are passed over.
    pub async fn next(&mut self) -> Option<Arc<LogBatch>> {
        loop {
            match self.0.recv().await {
                Ok(batch) => return Some(batch),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
