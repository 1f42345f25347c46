//! What an outcome makes of its message, as every backend records it.

use model::{Attempt, Event, EventKind, Message, MessageState, Seq, Timestamp};

use crate::detail::{Detail, encode};
use crate::{Lease, Logged, NewEvent, Result, StoreError};

/// The code of an attempt without an answer.
const NO_ANSWER: u16 = 0;

/// An event at its place in the log.
pub(crate) struct Outcome {
    /// Where the message stands after it; `None` when it keeps its place in the queue.
    pub(crate) moved: Option<Moved>,
    /// What it says beside its columns, as it is kept.
    pub(crate) detail: Option<String>,
    /// As its followers are shown it.
    pub(crate) logged: Logged,
}

/// Where a message stands after an event.
pub(crate) struct Moved {
    pub(crate) state: MessageState,
    /// Only a queued message is due.
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) attempts: u32,
    /// The reply's code; `None` when there was no attempt.
    pub(crate) code: Option<u16>,
}

/// Messages that leave the queue, by their final states.
#[derive(Default)]
pub(crate) struct Moves(Vec<(MessageState, i64)>);

// === impl Outcome ===

impl Outcome {
    /// Refuses what is no outcome.
    pub(crate) fn new(new: NewEvent, seq: Seq) -> Result<Self> {
        check_is_outcome(new.kind)?;
        let moved = Moved::by(&new);
        let detail = Detail {
            attempt: new.attempt,
            due_at: new.due_at,
            news: None,
            reason: new.reason,
        };
        Ok(Self {
            moved,
            detail: encode(&detail)?,
            logged: Logged {
                event: Event {
                    seq,
                    message: new.message.seq,
                    lane: new.message.lane,
                    at: new.at,
                    kind: new.kind,
                    attempts: new.attempts,
                    attempt: detail.attempt,
                    due_at: detail.due_at,
                    news: None,
                    reason: detail.reason,
                },
                message: new.message,
            },
        })
    }
}

/// Refuses what is recorded in another way.
fn check_is_outcome(kind: EventKind) -> Result<()> {
    match kind {
        EventKind::Accepted => Err(StoreError::Invalid(
            "an event `accepted` for a message that was accepted before".to_owned(),
        )),
        EventKind::Returned | EventKind::Receipt => Err(StoreError::Invalid(
            "news of a message as its outcome".to_owned(),
        )),
        EventKind::Delivered
        | EventKind::Deferred
        | EventKind::Bounced
        | EventKind::Expired
        | EventKind::Dropped
        | EventKind::Cancelled
        | EventKind::RateLimited => Ok(()),
    }
}

/// Refuses a message that the lease does not cover (promise: P-03), by the lane of its row.
pub(crate) fn check_is_covered(row: Option<i64>, lease: &Lease, message: &Message) -> Result<()> {
    // A submission's message may have been removed while it was under way.
    let is_gone = row.is_none() && message.lane == lease.lane && message.content.letter().is_none();
    match row == Some(lease.lane.0) || is_gone {
        true => Ok(()),
        false => Err(StoreError::Missing(format!(
            "message {} of lane {}",
            message.seq.get(),
            lease.key
        ))),
    }
}

// === impl Moved ===

impl Moved {
    fn by(new: &NewEvent) -> Option<Self> {
        if new.kind == EventKind::RateLimited {
            return None;
        }
        let state = new.kind.state();
        // One that nobody gave a time is due at once.
        let due_at = match state {
            MessageState::Queued => Some(new.due_at.unwrap_or(new.at)),
            _ => None,
        };
        Some(Self {
            state,
            due_at,
            attempts: new.attempts,
            code: new.attempt.as_ref().map(code),
        })
    }
}

fn code(attempt: &Attempt) -> u16 {
    attempt.reply.as_ref().map_or(NO_ANSWER, |reply| reply.code)
}

// === impl Moves ===

impl Moves {
    /// Counts where an event left its message.
    pub(crate) fn add(&mut self, state: MessageState) {
        if state == MessageState::Queued {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => self.0.push((state, 1)),
        }
    }

    /// How many to which.
    pub(crate) fn counts(&self) -> &[(MessageState, i64)] {
        &self.0
    }
}
