//! The event log: what readers get, and how they follow it.

use std::sync::Arc;

use model::{Attempt, Control, ControlAction, Event, EventKind, LaneId, Message, Seq, Timestamp};
use tokio::sync::broadcast;

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

/// What one commit added to the log.
#[derive(Debug)]
pub struct LogBatch {
    /// The log's end before this commit: a reader whose cursor is earlier has missed something. It equals
    /// `last` when the follower came while the commit was under way, and `events` is empty then.
    pub previous: Seq,
    /// The log's end after this commit.
    pub last: Seq,
    /// The events, in order.
    pub events: Vec<Logged>,
    /// The interventions, in order.
    pub controls: Vec<Control>,
}

/// Follows what this process commits. It never slows the writer: a follower that lags misses batches, sees it
/// by their `previous`, and reads them from the store.
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
