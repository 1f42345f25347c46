//! What became of a run.

use std::time::Duration;

use model::Timestamp;
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
    /// How the webhook went, when there was one.
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
}

impl RunReport {
    /// How long this process took.
    pub fn elapsed(&self) -> Duration {
        self.ended_at.since(self.started_at)
    }
}

impl Ending {
    /// The word as webhooks and JSON have it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Unreachable(_) => "failed",
        }
    }
}
