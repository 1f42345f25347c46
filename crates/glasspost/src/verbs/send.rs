//! `glasspost send`: sends, schedules, or shows what would be sent.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use campaign::report::Ending;
use campaign::schedule::Timing;
use campaign::send::{View, Watcher};
use campaign::{RunReport, SendRequest, Start, Tools};
use model::{Clock, Live, Secret};
use observe::summary;
use store::Store;
use tokio_util::sync::CancellationToken;

use super::{open_store, preview, request, schedule, shell_word};
use crate::cli::{ScheduleVerb, SendArgs};
use crate::dashboard::{Dashboard, Shown};
use crate::exit::Failure;
use crate::mail_config::MailConfig;
use crate::settings::{Environment, Variable, data_folder, is_platform_folder};
use crate::signals;
use crate::terminal;

/// What the first Ctrl-C says.
const STOPPING: &str =
    "stopping: what is under way is finished, the rest stays queued (Ctrl-C again stops at once)";

/// What a run needs of the outside.
pub struct Surroundings {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The key webhooks are signed with.
    pub webhook_secret: Option<Secret>,
    /// Asks for a stop.
    pub stop: CancellationToken,
    /// What is shown meanwhile.
    pub view: View,
    /// What is under way, for those who show it.
    pub live: Arc<Live>,
    /// Who watches.
    pub watcher: Option<Arc<dyn Watcher>>,
}

/// Runs the verb. The checks come in the order that MailGrid has (the campaign contract, section 1).
pub async fn run(args: SendArgs, environment: &Environment) -> Result<(), Failure> {
    let folder = folder(&args, environment)?;
    if args.scheduling.jobs_list {
        return schedule::act(ScheduleVerb::List, folder, environment).await;
    }
    if let Some(id) = request::given(args.scheduling.jobs_cancel.as_ref()) {
        return schedule::act(ScheduleVerb::Cancel { id }, folder, environment).await;
    }
    let timing = timing(&args)?;
    if args.scheduling.scheduler_run && timing.is_none() {
        return schedule::act(ScheduleVerb::Run, folder, environment).await;
    }
    if let Some(timing) = timing {
        if args.dashboard.monitor {
            terminal::remark(
                "--monitor shows what is sent at once: a scheduled run has no dashboard",
            );
        }
        let (request, _) = checked(&args, environment)?;
        return schedule::register(&args, request, timing, folder, environment).await;
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
    let (request, report) = now(&args, environment).await?;
    let data = (!is_platform_folder(&folder, environment)).then_some(folder.as_path());
    tell(&request, &report, data)
}

/// The request and the configuration, read and found good.
fn checked(
    args: &SendArgs,
    environment: &Environment,
) -> Result<(SendRequest, MailConfig), Failure> {
    let path = request::config_path(args, environment)?;
    let config = load(&path, args.delivery.smtp_timeout)?;
    Ok((request::of_flags(args, &path)?, config))
}

/// Sends at once, until the end or a signal.
pub async fn now(
    args: &SendArgs,
    environment: &Environment,
) -> Result<(SendRequest, RunReport), Failure> {
    let (request, config) = checked(args, environment)?;
    let store = open_store(&folder(args, environment)?)?;
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
    let sent = send(&request, start(args), config, surroundings).await;
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

fn folder(args: &SendArgs, environment: &Environment) -> Result<PathBuf, Failure> {
    let data = request::given_path(args.safety.data.data.as_ref());
    let job_file = request::given_path(args.safety.db_path.as_ref());
    Ok(data_folder(
        data.as_deref(),
        job_file.as_deref(),
        environment,
    )?)
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

/// Reads the configuration and says what it warns of.
pub fn load(path: &Path, timeout_s: Option<u32>) -> Result<MailConfig, Failure> {
    let timeout = timeout_s.map(|seconds| Duration::from_secs(seconds.into()));
    let config = MailConfig::load(path, timeout)?;
    for warning in &config.warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    Ok(config)
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

/// Sends a campaign by its configuration.
pub async fn send(
    request: &SendRequest,
    start: Start,
    config: MailConfig,
    surroundings: Surroundings,
) -> Result<RunReport, Failure> {
    let mut request = request.clone();
    request.per_second_max = request.per_second_max.or(config.per_second_max);
    let tools = Tools {
        store: surroundings.store,
        connector: Arc::new(config.connector()?),
        from: config.from,
        webhook_secret: surroundings.webhook_secret,
        clock: Clock::system(),
        live: surroundings.live,
        stop: surroundings.stop,
        view: surroundings.view,
        watcher: surroundings.watcher,
    };
    Ok(campaign::send(&request, start, &tools).await?)
}

/// Says what became of a run. `data` is its data folder, when other commands have to be told of it.
pub fn tell(request: &SendRequest, report: &RunReport, data: Option<&Path>) -> Result<(), Failure> {
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
            terminal::print(&whole_account(request, report, data))?;
            let (elapsed, workers) = (summary::duration(report.elapsed()), request.connections);
            terminal::print(&format!("Completed in {elapsed} using {workers} workers\n"))?;
            Ok(())
        }
        Ending::Cancelled { by } => {
            terminal::print(&whole_account(request, report, data))?;
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
fn whole_account(request: &SendRequest, report: &RunReport, data: Option<&Path>) -> String {
    format!(
        "account in {} and `{}`\n",
        request.account_folder.display(),
        report_command(&report.campaign.job_id, data),
    )
}

/// The command that shows a run, as it is typed into a shell.
fn report_command(job_id: &str, data: Option<&Path>) -> String {
    let data = data.map_or_else(String::new, |folder| {
        format!(" --data {}", shell_word(&folder.display().to_string()))
    });
    format!("glasspost report {job_id}{data}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_is_shown_looks_into_the_same_folder() {
        let command = |data: Option<&str>| report_command("j1", data.map(Path::new));
        assert_eq!(command(None), "glasspost report j1");
        assert_eq!(command(Some("d/x")), "glasspost report j1 --data d/x");
        assert_eq!(
            command(Some("my data")),
            "glasspost report j1 --data 'my data'"
        );
    }
}
