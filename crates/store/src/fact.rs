//! What the outcome of a submission's message is to its submission and its account, as every backend counts it.

use model::{EventKind, RATE_LIMIT_EXCEEDED, Seq, SubmissionId, Timestamp};

use crate::NewEvent;

/// What of an event matters to the submission.
pub(crate) struct Fact {
    pub(crate) message: Seq,
    pub(crate) submission: Option<SubmissionId>,
    pub(crate) kind: EventKind,
    pub(crate) at: Timestamp,
    pub(crate) is_over_limit: bool,
}

/// What is added to the counters of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: i64,
    pub(crate) sent: i64,
    pub(crate) errors: i64,
    pub(crate) cancelled: i64,
    pub(crate) deferred: i64,
    pub(crate) rate_limited: i64,
}

// === impl Fact ===

impl Fact {
    pub(crate) fn of(new: &NewEvent) -> Self {
        let is_over_limit = new.kind == EventKind::RateLimited
            || new.kind == EventKind::Dropped && new.reason.as_deref() == Some(RATE_LIMIT_EXCEEDED);
        Self {
            message: new.message.seq,
            submission: new.message.content.submission(),
            kind: new.kind,
            at: new.at,
            is_over_limit,
        }
    }
}

// === impl Counts ===

impl Counts {
    /// Counts a submission whose last open message became final, and how many of its messages failed.
    pub(crate) fn finish(&mut self, last: EventKind, failed: i64) {
        match last {
            EventKind::Cancelled => self.cancelled += 1,
            _ if failed > 0 => self.errors += 1,
            _ => self.sent += 1,
        }
    }
}
