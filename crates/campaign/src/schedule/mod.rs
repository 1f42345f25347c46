//! When jobs run, and the loop that runs them.
//!
//! A job is a stored request with a time. Each time it is due is an occurrence: a run of its own, resumed until
//! it is finished, so that a scheduler that is killed goes on with it and mails nobody twice.
//!
//! - [`timing`]: pure: when a job is due first and next
//! - [`keeper`]: the loop that keeps the jobs of a store

pub mod keeper;
pub mod timing;

use std::time::Duration;

use model::{Clock, Timestamp};
use store::{Job, JobState, Store};

use crate::error::CampaignError;
use crate::request::SendRequest;
pub use keeper::{Executor, keep};
pub use timing::Timing;

/// Tries when the wish is not a positive number.
const ATTEMPTS_MIN: u32 = 1;

/// A job to register.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// What to send; its paths are absolute.
    pub request: SendRequest,
    /// When.
    pub timing: Timing,
    /// Tries of one occurrence (`--job-retries`).
    pub attempts_max: u32,
    /// The first pause after a failed try (`--job-backoff`); it doubles.
    pub backoff: Duration,
}

/// Registers a job; gives it as it is stored.
pub async fn register(store: &dyn Store, new: NewJob, clock: &Clock) -> Result<Job, CampaignError> {
    let now = clock.now();
    let first = new.timing.first(now)?;
    let request = serde_json::to_string(&new.request)
        .map_err(|error| store::StoreError::Backend(error.to_string()))?;
    let job = Job {
        id: new_id(now),
        request,
        state: JobState::Pending,
        next_run_at: Some(first),
        cron: new.timing.cron().map(str::to_owned),
        interval: new.timing.interval(),
        attempts: 0,
        attempts_max: new.attempts_max.max(ATTEMPTS_MIN),
        backoff: new.backoff,
        created_at: now,
        updated_at: now,
        last_run_at: None,
        last_error: None,
    };
    store.add_job(job.clone()).await?;
    Ok(job)
}

/// Seconds in hexadecimal, and eight random bytes (the campaign contract, section 7: "Scheduler").
fn new_id(now: Timestamp) -> String {
    format!("{:x}-{:016x}", now.as_secs(), fastrand::u64(..))
}
