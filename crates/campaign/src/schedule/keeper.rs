//! The loop that keeps the jobs of a store. Several may run on one store; each job runs in one of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use model::Clock;
use store::{Job, JobState, LaneKey, Lease, Store, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::timing::{next_by_cron, pause_after};
use crate::error::CampaignError;
use crate::request::SendRequest;

/// How often the jobs are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Jobs under way at once; the others wait.
const RUNNING_MAX: usize = 8;

/// Runs one occurrence of a job: a request, under a name that stays the same until the occurrence is finished.
/// `Ok(false)` is a run that was interrupted by a stop and is to be gone on with.
pub trait Executor: Send + Sync + 'static {
    /// Sends it.
    fn run(
        &self,
        request: SendRequest,
        occurrence: String,
    ) -> Pin<Box<dyn Future<Output = Result<Finished, String>> + Send>>;
}

/// How an occurrence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Every recipient is final.
    Whole,
    /// A stop came in between, or the store was away; whoever keeps the jobs goes on.
    Interrupted,
}

/// Keeps the jobs until `stop`; then waits for those under way, which the same token stops.
pub async fn keep(
    store: Arc<dyn Store>,
    executor: Arc<dyn Executor>,
    clock: Clock,
    stop: CancellationToken,
) -> Result<(), CampaignError> {
    let mut running = JoinSet::new();
    let mut kept = Ok(());
    while !stop.is_cancelled() {
        match start_due(&store, &executor, &clock, &mut running).await {
            Ok(()) => {}
            Err(CampaignError::Store(error)) if error.is_transient() => {
                tracing::warn!(%error, "the jobs cannot be looked at, trying again");
            }
            Err(error) => {
                // What is under way ends in order all the same.
                kept = Err(error);
                break;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
            Some(ended) = running.join_next() => note(ended),
        }
    }
    while let Some(ended) = running.join_next().await {
        note(ended);
    }
    kept
}

/// Starts the jobs whose time has come.
async fn start_due(
    store: &Arc<dyn Store>,
    executor: &Arc<dyn Executor>,
    clock: &Clock,
    running: &mut JoinSet<Result<(), CampaignError>>,
) -> Result<(), CampaignError> {
    for job in due_jobs(&**store, clock).await? {
        if running.len() >= RUNNING_MAX {
            break;
        }
        if let Some(claimed) = claim(store, job).await? {
            running.spawn(occur(claimed, Arc::clone(executor), clock.clone()));
        }
    }
    Ok(())
}

fn note(ended: Result<Result<(), CampaignError>, tokio::task::JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(CampaignError::Store(StoreError::LeaseLost { .. }))) => {
            tracing::warn!("a job was taken over by another keeper, and goes on there");
        }
        Ok(Err(error)) => tracing::error!(%error, "a job's state could not be kept"),
        Err(error) => tracing::error!(%error, "a job broke off"),
    }
}

/// Jobs whose time has come. One that is marked as running is looked at as well: when nobody holds its lane,
/// its scheduler died.
async fn due_jobs(store: &dyn Store, clock: &Clock) -> Result<Vec<Job>, CampaignError> {
    let now = clock.now();
    let jobs = store.jobs().await?;
    Ok(jobs
        .into_iter()
        .filter(|job| match job.state {
            JobState::Pending => job.next_run_at.is_some_and(|at| at <= now),
            JobState::Running => true,
            JobState::Done | JobState::Cancelled | JobState::Failed => false,
        })
        .collect())
}

/// A job that this process may run.
struct Claimed {
    store: Arc<dyn Store>,
    lease: Lease,
    job: Job,
}

/// Takes a job, unless another keeper (or this one, already) runs it.
async fn claim(store: &Arc<dyn Store>, job: Job) -> Result<Option<Claimed>, CampaignError> {
    let lease = match store.lease(LaneKey::job(&job.id)).await {
        Ok(lease) => lease,
        Err(StoreError::LaneHeld { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // It may have ended between the look and the lease.
    let jobs = store.jobs().await;
    let is_fresh = jobs.as_ref().is_ok_and(|jobs| jobs.contains(&job));
    if is_fresh {
        let store = Arc::clone(store);
        return Ok(Some(Claimed { store, lease, job }));
    }
    store.release(lease).await?;
    jobs?;
    Ok(None)
}

/// Runs one occurrence, or goes on with it. The job is given back in any case: when its new state could not be
/// written, it is still marked as running, and the next look goes on with it.
async fn occur(
    claimed: Claimed,
    executor: Arc<dyn Executor>,
    clock: Clock,
) -> Result<(), CampaignError> {
    let Claimed { store, lease, job } = claimed;
    let kept = run_once(&*store, &lease, job, executor, clock).await;
    store.release(lease).await?;
    kept
}

/// Runs one occurrence and writes down what comes next.
async fn run_once(
    store: &dyn Store,
    lease: &Lease,
    mut job: Job,
    executor: Arc<dyn Executor>,
    clock: Clock,
) -> Result<(), CampaignError> {
    let now = clock.now();
    let is_continued = job.state == JobState::Running || job.attempts > 0;
    if !is_continued {
        job.last_run_at = Some(now);
    }
    job.state = JobState::Running;
    job.updated_at = now;
    if !store.save_job(lease, job.clone()).await? {
        // It was cancelled meanwhile.
        return Ok(());
    }
    let started = job.last_run_at.unwrap_or(now);
    let occurrence = format!("{}@{}", job.id, started.as_millis());
    let outcome = match serde_json::from_str::<SendRequest>(&job.request) {
        Ok(request) => executor.run(request, occurrence).await,
        Err(error) => Err(format!("the stored request cannot be read: {error}")),
    };
    let next = after(job, outcome, &clock, fastrand::f64())?;
    // A job that was cancelled meanwhile stays so.
    store.save_job(lease, next).await?;
    Ok(())
}

/// What a job is after an occurrence.
fn after(
    mut job: Job,
    outcome: Result<Finished, String>,
    clock: &Clock,
    chance: f64,
) -> Result<Job, CampaignError> {
    let now = clock.now();
    job.updated_at = now;
    match outcome {
        // Still marked as running: whoever keeps the jobs next goes on with it.
        Ok(Finished::Interrupted) => return Ok(job),
        Ok(Finished::Whole) => {
            job.attempts = 0;
            job.last_error = None;
            job.next_run_at = next_run(&job, clock)?;
            job.state = match job.next_run_at {
                Some(_) => JobState::Pending,
                None => JobState::Done,
            };
        }
        Err(error) => {
            tracing::error!(job_id = job.id, %error, "a job failed");
            job.attempts += 1;
            job.last_error = Some(error);
            if job.attempts < job.attempts_max {
                job.state = JobState::Pending;
                job.next_run_at = Some(now + pause_after(job.attempts, job.backoff, chance));
            } else {
                // This occurrence is given up; a job that repeats waits for its next one.
                job.next_run_at = next_run(&job, clock)?;
                job.state = match job.next_run_at {
                    Some(_) => JobState::Pending,
                    None => JobState::Failed,
                };
                if job.next_run_at.is_some() {
                    job.attempts = 0;
                }
            }
        }
    }
    Ok(job)
}

/// When it is due again: an interval wins over cron.
fn next_run(job: &Job, clock: &Clock) -> Result<Option<model::Timestamp>, CampaignError> {
    let now = clock.now();
    if let Some(interval) = job.interval {
        return Ok(Some(now + interval));
    }
    job.cron
        .as_deref()
        .map(|cron| next_by_cron(cron, now))
        .transpose()
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    fn job(cron: Option<&str>) -> Job {
        let at = Timestamp::from_millis(0);
        Job {
            id: "j".to_owned(),
            request: String::new(),
            state: JobState::Running,
            next_run_at: Some(at),
            cron: cron.map(str::to_owned),
            interval: None,
            attempts: 0,
            attempts_max: 2,
            backoff: Duration::from_secs(2),
            created_at: at,
            updated_at: at,
            last_run_at: Some(at),
            last_error: None,
        }
    }

    #[test]
    fn a_job_ends_repeats_or_tries_again() {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        let done = after(job(None), Ok(Finished::Whole), &clock, 0.0).unwrap();
        assert_eq!((done.state, done.next_run_at), (JobState::Done, None));
        let again = after(job(Some("* * * * *")), Ok(Finished::Whole), &clock, 0.0).unwrap();
        assert_eq!(again.next_run_at, Some(Timestamp::from_millis(60_000)));
        let failed = after(job(None), Err("no relay".to_owned()), &clock, 0.0).unwrap();
        assert_eq!((failed.state, failed.attempts), (JobState::Pending, 1));
        assert_eq!(failed.next_run_at, Some(Timestamp::from_millis(3_000)));
        let given_up = after(failed, Err("no relay".to_owned()), &clock, 0.0).unwrap();
        assert_eq!(
            (given_up.state, given_up.next_run_at),
            (JobState::Failed, None)
        );
    }
}
