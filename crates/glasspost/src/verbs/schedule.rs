//! `glasspost schedule`: keeps, lists and cancels jobs; and how `send` registers one.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context;
use campaign::report::Ending;
use campaign::schedule::keeper::Finished;
use campaign::schedule::timing::parse_go_duration;
use campaign::schedule::{self, Executor, NewJob, Timing};
use campaign::send::View;
use campaign::{CampaignError, SendRequest, Start};
use model::{Clock, Secret, Timestamp};
use store::{Job, Store};
use tokio_util::sync::CancellationToken;

use super::send::{self, Surroundings};
use super::{open_store, request};
use crate::cli::{ScheduleArgs, ScheduleVerb, SendArgs};
use crate::exit::Failure;
use crate::settings::{Environment, Variable, data_folder};
use crate::signals;
use crate::terminal;

/// What the first Ctrl-C says.
const STOPPING: &str = "stopping: what is under way is finished, the rest goes on with the next \
                        `glasspost schedule run` (Ctrl-C again stops at once)";
/// The columns of the list, as MailGrid has them.
const HEADINGS: [&str; 4] = ["JOB ID", "STATUS", "RUN AT", "CREATED AT"];

/// Runs the verb.
pub async fn run(args: ScheduleArgs, environment: &Environment) -> Result<(), Failure> {
    let folder = data_folder(args.data.data.as_deref(), None, environment)?;
    act(args.verb, folder, environment).await
}

/// Does one of the things that can be done with the schedules of a data folder.
pub async fn act(
    verb: ScheduleVerb,
    folder: PathBuf,
    environment: &Environment,
) -> Result<(), Failure> {
    let store = open_store(&folder)?;
    match verb {
        ScheduleVerb::Run => keep(store, &folder, environment).await,
        ScheduleVerb::List => Ok(terminal::print(&table(&store.jobs().await?))?),
        ScheduleVerb::Cancel { id } => cancel(&*store, &id).await,
    }
}

/// Registers a request that `send` was given with a time.
pub async fn register(
    args: &SendArgs,
    request: SendRequest,
    timing: Timing,
    folder: PathBuf,
    environment: &Environment,
) -> Result<(), Failure> {
    let backoff = &args.scheduling.job_backoff;
    let new = NewJob {
        request: request::with_absolute_paths(request).context("the current folder is gone")?,
        timing,
        attempts_max: u32::try_from(args.scheduling.job_retries).unwrap_or(1),
        backoff: parse_go_duration(backoff).ok_or_else(|| CampaignError::Schedule {
            flag: "--job-backoff",
            value: backoff.clone(),
            reason: "expected a duration such as 2s or 1m30s".to_owned(),
        })?,
    };
    remark_on_what_is_not_kept(args);
    let clock = Clock::system();
    if matches!(&new.timing, Timing::At(at) if *at < clock.now()) {
        tracing::warn!("--schedule-at is in the past: the job is due at once");
    }
    let store = open_store(&folder)?;
    let job = schedule::register(&*store, new, &clock).await?;
    terminal::print(&registered(&job, &folder))?;
    if args.scheduling.scheduler_run {
        return keep(store, &folder, environment).await;
    }
    Ok(())
}

fn registered(job: &Job, folder: &Path) -> String {
    let at = job.next_run_at.map(moment).unwrap_or_default();
    format!(
        "Job {} is scheduled, next run at {at}.\n\
         It runs while a scheduler keeps this data folder: glasspost schedule run --data {}\n",
        job.id,
        folder.display()
    )
}

/// A job keeps no secrets.
fn remark_on_what_is_not_kept(args: &SendArgs) {
    if args.webhook.webhook_secret.is_some() {
        terminal::remark(
            "--webhook-secret is not kept with a job: set GLASSPOST_WEBHOOK_SECRET for `glasspost schedule run`",
        );
    }
}

async fn keep(
    store: Arc<dyn Store>,
    folder: &Path,
    environment: &Environment,
) -> Result<(), Failure> {
    let stop = signals::stop_token(STOPPING)?;
    let sender = Sender {
        store: Arc::clone(&store),
        webhook_secret: environment.text(Variable::WebhookSecret).map(Secret::new),
        stop: stop.clone(),
    };
    tracing::info!(data = %folder.display(), "keeping the schedules of the data folder until Ctrl-C");
    schedule::keep(store, Arc::new(sender), Clock::system(), stop).await?;
    Ok(())
}

/// Sends what is due.
struct Sender {
    store: Arc<dyn Store>,
    webhook_secret: Option<Secret>,
    stop: CancellationToken,
}

impl Executor for Sender {
    fn run(
        &self,
        request: SendRequest,
        occurrence: String,
    ) -> Pin<Box<dyn Future<Output = Result<Finished, String>> + Send>> {
        let surroundings = Surroundings {
            store: Arc::clone(&self.store),
            webhook_secret: self.webhook_secret.clone(),
            stop: self.stop.clone(),
            view: View::Quiet,
            live: Arc::default(),
            watcher: None,
        };
        Box::pin(async move {
            let run = occur(&request, occurrence, surroundings);
            run.await.map_err(|failure| failure.to_string())
        })
    }
}

async fn occur(
    request: &SendRequest,
    occurrence: String,
    surroundings: Surroundings,
) -> Result<Finished, Failure> {
    let config = send::load(&request.config, request.connect_timeout_s)?;
    let start = Start::Occurrence(occurrence);
    let report = send::send(request, start, config, surroundings).await?;
    let books = report.tally.books;
    tracing::info!(
        job_id = report.campaign.job_id,
        recipients = books.accepted,
        delivered = books.delivered,
        failed = books.failed(),
        "a scheduled run ended: {}",
        report.ending.as_str()
    );
    match report.ending {
        // Somebody cancelled this occurrence: it is over.
        Ending::Completed | Ending::Cancelled { .. } => Ok(Finished::Whole),
        Ending::Interrupted => Ok(Finished::Interrupted),
        Ending::Unreachable(reason) => Err(Failure::Unreachable(format!(
            "cannot reach the relay: {reason}"
        ))),
    }
}

async fn cancel(store: &dyn Store, id: &str) -> Result<(), Failure> {
    match store.cancel_job(id, Clock::system().now()).await? {
        true => Ok(terminal::print(&format!(
            "Job {id} cancelled successfully.\n"
        ))?),
        false => Err(Failure::Other(anyhow::anyhow!(
            "there is no job {id} that has not ended: see `glasspost schedule list`"
        ))),
    }
}

/// The jobs as MailGrid lists them; below a job why its last try failed.
fn table(jobs: &[Job]) -> String {
    if jobs.is_empty() {
        return "No scheduled jobs found.\n".to_owned();
    }
    let rows: Vec<[String; 4]> = jobs.iter().map(row).collect();
    let widths: [usize; 4] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.chain([HEADINGS[column].len()]).max().unwrap_or(0)
    });
    let mut text = format!("Found {} job(s):\n", jobs.len());
    text.push_str(&line(&HEADINGS.map(str::to_owned), &widths));
    for (job, row) in jobs.iter().zip(&rows) {
        text.push_str(&line(row, &widths));
        if let Some(error) = &job.last_error {
            text.push_str(&format!("  last try failed: {error}\n"));
        }
    }
    text
}

fn row(job: &Job) -> [String; 4] {
    [
        job.id.clone(),
        job.state.as_str().to_owned(),
        job.next_run_at.map_or_else(|| "-".to_owned(), moment),
        moment(job.created_at),
    ]
}

fn line(cells: &[String; 4], widths: &[usize; 4]) -> String {
    let padded = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"));
    let line = padded.collect::<Vec<_>>().join("  ");
    format!("{}\n", line.trim_end())
}

/// A moment to the second, as in `2026-01-31T08:30:00Z`.
pub fn moment(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_second(at.as_secs());
    moment.map(|moment| moment.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store::JobState;

    use super::*;

    fn job(id: &str, state: JobState, last_error: Option<&str>) -> Job {
        let at = Timestamp::from_millis(1_769_848_200_000);
        Job {
            id: id.to_owned(),
            request: String::new(),
            state,
            next_run_at: (state == JobState::Pending).then_some(at),
            cron: None,
            interval: None,
            attempts: 0,
            attempts_max: 3,
            backoff: Duration::from_secs(2),
            created_at: at,
            updated_at: at,
            last_run_at: None,
            last_error: last_error.map(str::to_owned),
        }
    }

    #[test]
    fn jobs_are_listed_as_mailgrid_lists_them() {
        assert_eq!(table(&[]), "No scheduled jobs found.\n");
        let jobs = [
            job("697d-00ff", JobState::Pending, None),
            job("697e-01", JobState::Failed, Some("no relay")),
        ];
        let expected = "\
Found 2 job(s):
JOB ID     STATUS   RUN AT                CREATED AT
697d-00ff  pending  2026-01-31T08:30:00Z  2026-01-31T08:30:00Z
697e-01    failed   -                     2026-01-31T08:30:00Z
  last try failed: no relay
";
        assert_eq!(table(&jobs), expected);
    }
}
