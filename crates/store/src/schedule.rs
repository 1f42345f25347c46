//! Jobs: campaigns that run later, or again and again.

use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{LaneKey, Lease, Result, StoreError};

/// A registered job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id for people.
    pub id: String,
    /// What to send, a JSON object of the campaign room's making. It holds no secrets, only paths to them.
    pub request: String,
    /// Where it stands.
    pub state: JobState,
    /// When it runs next; `None` when never again.
    pub next_run_at: Option<Timestamp>,
    /// Five fields of cron, when it repeats by the calendar.
    pub cron: Option<String>,
    /// The pause between runs, when it repeats by the clock.
    pub interval: Option<Duration>,
    /// Failed tries of the current run.
    pub attempts: u32,
    /// Tries before a run counts as failed.
    pub attempts_max: u32,
    /// The first pause after a failed try; it doubles.
    pub backoff: Duration,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When its present or last occurrence began; tries of one occurrence share it.
    pub last_run_at: Option<Timestamp>,
    /// Why the last try failed.
    pub last_error: Option<String>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waiting for its time.
    Pending,
    /// Under way.
    Running,
    /// Ended, and will not run again.
    Done,
    /// Taken back.
    Cancelled,
    /// Out of tries.
    Failed,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Done,
        Self::Cancelled,
        Self::Failed,
    ];

    /// The word as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// The state of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Refuses the lease of another lane than the job's.
pub(crate) fn check_is_its_lane(lease: &Lease, job: &Job) -> Result<()> {
    match lease.key == LaneKey::job(&job.id) {
        true => Ok(()),
        false => Err(StoreError::Invalid(format!(
            "job {} with the lease on lane {}",
            job.id, lease.key
        ))),
    }
}

/// A pause as it is stored, in milliseconds.
pub(crate) fn to_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The pause of a stored number.
pub(crate) fn from_millis(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}
