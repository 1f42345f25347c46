//! `glasspost send`: sends, schedules, or shows what would be sent.

use std::io::IsTerminal;
use std::sync::Arc;

use campaign::report::Ending;
use campaign::schedule::Timing;
use campaign::send::{View, Watcher};
use campaign::{RunReport, SendRequest, Start};
use model::{Clock, Live, Secret};
use observe::summary;

use super::store_place::StorePlace;
use super::{preview, request, schedule};
use crate::campaigns::{self, Surroundings};
use crate::cli::{ScheduleVerb, SendArgs};
use crate::dashboard::{Dashboard, Shown};
use crate::exit::Failure;
use crate::mail_config::MailConfig;
use crate::settings::{Environment, Variable};
use crate::signals;
use crate::terminal;

/// What the first Ctrl-C says.
const STOPPING: &str =
    "stopping: what is under way is finished, the rest stays queued (Ctrl-C again stops at once)";

/// Runs the verb. The checks come in the order that MailGrid has (the campaign contract, section 1).
pub async fn run(args: SendArgs, environment: &Environment) -> Result<(), Failure> {
    let place = place(&args, environment)?;
    if args.scheduling.jobs_list {
        return schedule::act(ScheduleVerb::List, &place, environment).await;
    }
    if let Some(id) = request::given(args.scheduling.jobs_cancel.as_ref()) {
        return schedule::act(ScheduleVerb::Cancel { id }, &place, environment).await;
    }
    let timing = timing(&args)?;
    if args.scheduling.scheduler_run && timing.is_none() {
        return schedule::act(ScheduleVerb::Run, &place, environment).await;
    }
    if let Some(timing) = timing {
        if args.dashboard.monitor {
            terminal::remark(
                "--monitor shows what is sent at once: a scheduled run has no dashboard",
            );
        }
        let (request, _) = checked(&args, environment)?;
        return schedule::register(&args, request, timing, &place, environment).await;
    }
    if args.safety.preview {
        let (request, config) = checked(&args, environment)?;
        return preview::run(&request, &config.from, args.safety.port).await;
    }
    if args.safety.dry_run {
        let (request, config) = checked(&args, environment)?;
        campaign::check::dry_run(&request, &config.from, std::io::stdout()).await?;
        return Ok(());
    }
    let (request, report) = now(&args, &place, environment).await?;
    tell(&request, &report, &place)
}

/// The request and the configuration, read and found good.
fn checked(
    args: &SendArgs,
    environment: &Environment,
) -> Result<(SendRequest, MailConfig), Failure> {
    let path = request::config_path(args, environment)?;
    let config = campaigns::load(&path, args.delivery.smtp_timeout)?;
    Ok((request::of_flags(args, &path)?, config))
}

/// Sends at once, until the end or a signal.
pub async fn now(
    args: &SendArgs,
    place: &StorePlace,
    environment: &Environment,
) -> Result<(SendRequest, RunReport), Failure> {
    let (request, config) = checked(args, environment)?;
    let store = place.open().await?;
    let live = Arc::<Live>::default();
    let dashboard = match args.dashboard.monitor {
        true => {
            let shown = Shown {
                store: Arc::clone(&store),
                live: Arc::clone(&live),
                clock: Clock::system(),
            };
            Some(Dashboard::bind(&args.dashboard, environment, shown).await?)
        }
        false => None,
    };
    let surroundings = Surroundings {
        store,
        webhook_secret: webhook_secret(args, environment),
        stop: signals::stop_token(STOPPING)?,
        view: view(),
        live,
        watcher: dashboard.clone().map(|it| it as Arc<dyn Watcher>),
    };
    let sent = campaigns::send(&request, start(args), config, surroundings).await;
    if let Some(dashboard) = dashboard {
        dashboard.close().await;
    }
    Ok((request, sent?))
}

/// What the flags say about an earlier run.
fn start(args: &SendArgs) -> Start {
    if args.safety.reset_offset {
        terminal::remark("--reset-offset: an unfinished run is left as it is, this is a new one");
    }
    request::start(args)
}

/// Where its run, or its job, is kept.
pub fn place(args: &SendArgs, environment: &Environment) -> Result<StorePlace, Failure> {
    let flags = &args.safety;
    let data = request::given_path(flags.data.data.as_ref());
    let job_file = request::given_path(flags.db_path.as_ref());
    StorePlace::find(
        &flags.store,
        data.as_deref(),
        job_file.as_deref(),
        environment,
    )
}

fn timing(args: &SendArgs) -> Result<Option<Timing>, Failure> {
    let given = |value: &Option<String>| request::given(value.as_ref());
    let flags = &args.scheduling;
    let (at, interval, cron) = (
        given(&flags.schedule_at),
        given(&flags.interval),
        given(&flags.cron),
    );
    Ok(Timing::parse(
        at.as_deref(),
        interval.as_deref(),
        cron.as_deref(),
    )?)
}

fn webhook_secret(args: &SendArgs, environment: &Environment) -> Option<Secret> {
    let flag = request::given(args.webhook.webhook_secret.as_ref());
    flag.or_else(|| environment.text(Variable::WebhookSecret))
        .map(Secret::new)
}

fn view() -> View {
    match std::io::stderr().is_terminal() {
        true => View::Bar,
        false => View::Quiet,
    }
}

/// Says what became of a run that is kept there.
pub fn tell(request: &SendRequest, report: &RunReport, place: &StorePlace) -> Result<(), Failure> {
    terminal::print(&summary::account(&report.tally))?;
    if let Some(Err(error)) = &report.webhook {
        terminal::remark(&format!("the webhook was not delivered: {error}"));
    }
    let queued = report.tally.books.queued;
    let go_on = format!("{queued} recipients are still queued: run the same command with --resume");
    match &report.ending {
        Ending::Completed => {
            if report.final_before == report.tally.books.accepted {
                // The seed's words for a run that is resumed after its end.
                terminal::print("All emails already sent\n")?;
            }
            terminal::print(&whole_account(request, report, place))?;
            let (elapsed, workers) = (summary::duration(report.elapsed()), request.connections);
            terminal::print(&format!("Completed in {elapsed} using {workers} workers\n"))?;
            Ok(())
        }
        Ending::Cancelled { by } => {
            terminal::print(&whole_account(request, report, place))?;
            let taken_back = report.tally.books.cancelled;
            Err(Failure::Interrupted(format!(
                "cancelled by {by}: {taken_back} recipients were taken back"
            )))
        }
        Ending::Interrupted => Err(Failure::Interrupted(format!("interrupted; {go_on}"))),
        Ending::Unreachable(reason) => Err(Failure::Unreachable(format!(
            "cannot reach the relay: {reason}; {go_on}"
        ))),
    }
}

/// Where every recipient is accounted for.
fn whole_account(request: &SendRequest, report: &RunReport, place: &StorePlace) -> String {
    format!(
        "account in {} and `{}`\n",
        request.account_folder.display(),
        place.command(&format!("report {}", report.campaign.job_id)),
    )
}
