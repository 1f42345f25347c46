//! `glasspost schedule`: keeps, lists and cancels jobs; and how `send` registers one.

use std::sync::Arc;

use anyhow::Context;
use campaign::schedule::timing::parse_go_duration;
use campaign::schedule::{self, NewJob, Timing};
use campaign::send::View;
use campaign::{CampaignError, SendRequest};
use model::{Clock, Secret, Timestamp};
use store::{Job, Store};

use super::request;
use super::store_place::StorePlace;
use crate::campaigns::Scheduler;
use crate::cli::{ScheduleArgs, ScheduleVerb, SendArgs};
use crate::exit::Failure;
use crate::settings::{Environment, Variable};
use crate::signals;
use crate::terminal;

/// What the first Ctrl-C says.
const STOPPING: &str = "stopping: what is under way is finished, the rest goes on with the next \
                        `glasspost schedule run`, or a service (Ctrl-C again stops at once)";
/// The columns of the list, as MailGrid has them.
const HEADINGS: [&str; 4] = ["JOB ID", "STATUS", "RUN AT", "CREATED AT"];

/// Runs the verb.
pub async fn run(args: ScheduleArgs, environment: &Environment) -> Result<(), Failure> {
    let place = StorePlace::find(&args.store, args.data.data.as_deref(), None, environment)?;
    act(args.verb, &place, environment).await
}

/// Does one of the things that can be done with the schedules of a store.
pub async fn act(
    verb: ScheduleVerb,
    place: &StorePlace,
    environment: &Environment,
) -> Result<(), Failure> {
    let store = place.open().await?;
    match verb {
        ScheduleVerb::Run => keep(store, place, environment).await,
        ScheduleVerb::List => Ok(terminal::print(&table(&store.jobs().await?))?),
        ScheduleVerb::Cancel { id } => cancel(&*store, &id, place).await,
    }
}

/// Registers a request that `send` was given with a time.
pub async fn register(
    args: &SendArgs,
    request: SendRequest,
    timing: Timing,
    place: &StorePlace,
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
    let store = place.open().await?;
    let job = schedule::register(&*store, new, &clock).await?;
    terminal::print(&registered(&job, place))?;
    if args.scheduling.scheduler_run {
        return keep(store, place, environment).await;
    }
    Ok(())
}

fn registered(job: &Job, place: &StorePlace) -> String {
    let at = job.next_run_at.map(moment).unwrap_or_default();
    format!(
        "Job {} is scheduled, next run at {at}.\n\
         It runs while a service works on {place}; without one, keep this running: {}\n",
        job.id,
        place.command("schedule run")
    )
}

/// A job keeps no secrets.
fn remark_on_what_is_not_kept(args: &SendArgs) {
    if args.webhook.webhook_secret.is_some() {
        terminal::remark(
            "--webhook-secret is not kept with a job: set GLASSPOST_WEBHOOK_SECRET for `glasspost serve`, or for \
             `glasspost schedule run`",
        );
    }
}

async fn keep(
    store: Arc<dyn Store>,
    place: &StorePlace,
    environment: &Environment,
) -> Result<(), Failure> {
    let stop = signals::stop_token(STOPPING)?;
    let scheduler = Scheduler {
        store,
        webhook_secret: environment.text(Variable::WebhookSecret).map(Secret::new),
        view: View::Quiet,
    };
    tracing::info!("keeping the schedules of {place} until Ctrl-C");
    Ok(scheduler.keep(stop).await?)
}

async fn cancel(store: &dyn Store, id: &str, place: &StorePlace) -> Result<(), Failure> {
    match store.cancel_job(id, Clock::system().now()).await? {
        true => Ok(terminal::print(&format!(
            "Job {id} cancelled successfully.\n"
        ))?),
        false => Err(Failure::Other(anyhow::anyhow!(
            "there is no job {id} that has not ended: see `{}`",
            place.command("schedule list")
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
