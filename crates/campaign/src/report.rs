//! What became of a run.

use std::time::Duration;

use jiff::Timestamp as Moment;
use model::{Stage, Timestamp};
use observe::Tally;
use store::Campaign;

use crate::recipients::ListSummary;

/// What became of a run.
#[derive(Debug)]
pub struct RunReport {
    /// The run.
    pub campaign: Campaign,
    /// How it ended.
    pub ending: Ending,
    /// Its counts, of the whole run: earlier processes' share included.
    pub tally: Tally,
    /// How many of them were final before this process began.
    pub final_before: u64,
    /// What its list came to.
    pub list: ListSummary,
    /// When this process began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How long of that it only stood there, at an end after which it went on.
    pub lingered: Duration,
    /// How the webhook of this end went, when there was one.
    pub webhook: Option<Result<(), String>>,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    /// Every recipient is final.
    Completed,
    /// It was asked to stop; the rest is queued and can be resumed.
    Interrupted,
    /// The relay cannot be reached; the rest is queued and can be resumed.
    Unreachable(String),
    /// Somebody cancelled it; whoever was queued was taken back.
    Cancelled {
        /// Who.
        by: Box<str>,
    },
}

impl RunReport {
    /// How long this process took to send, without the time that the run was only watched.
    pub fn elapsed(&self) -> Duration {
        self.ended_at
            .since(self.started_at)
            .saturating_sub(self.lingered)
    }
}

impl Ending {
    /// The word as webhooks and JSON have it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Unreachable(_) => "failed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// How far the run has come with it.
    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::Completed => Stage::Completed,
            Self::Interrupted => Stage::Interrupted,
            Self::Unreachable(_) => Stage::Unreachable,
            Self::Cancelled { .. } => Stage::Cancelled,
        }
    }
}

/// A moment as RFC 3339 has it, in UTC.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    Moment::from_millisecond(at.as_millis())
        .map(|moment| moment.to_string())
        .unwrap_or_default()
}
