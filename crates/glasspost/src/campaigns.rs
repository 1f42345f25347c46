//! A campaign by its configuration: sent at once, or whenever its time has come.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use campaign::report::Ending;
use campaign::schedule::keeper::Finished;
use campaign::schedule::{self, Executor};
use campaign::send::{View, Watcher};
use campaign::{CampaignError, RunReport, SendRequest, Start, Tools};
use model::{Clock, Live, Secret};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;
use crate::mail_config::MailConfig;

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

/// Reads the configuration and says what it warns of.
pub fn load(path: &Path, timeout_s: Option<u32>) -> Result<MailConfig, Failure> {
    let timeout = timeout_s.map(|seconds| Duration::from_secs(seconds.into()));
    let config = MailConfig::load(path, timeout)?;
    for warning in &config.warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    Ok(config)
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

/// Who keeps the schedules of a store.
#[derive(Clone)]
pub struct Scheduler {
    /// Which.
    pub store: Arc<dyn Store>,
    /// The key webhooks are signed with.
    pub webhook_secret: Option<Secret>,
    /// What the log says of a run that is under way.
    pub view: View,
}

impl Scheduler {
    /// Sends what is due until `stop`; then what is under way is finished, and the rest is gone on with by whoever keeps
    /// the schedules next.
    pub async fn keep(self, stop: CancellationToken) -> Result<(), CampaignError> {
        let store = Arc::clone(&self.store);
        let sender = Sender {
            scheduler: self,
            stop: stop.clone(),
        };
        schedule::keep(store, Arc::new(sender), Clock::system(), stop).await
    }
}

/// Sends what is due.
struct Sender {
    scheduler: Scheduler,
    stop: CancellationToken,
}

impl Executor for Sender {
    fn run(
        &self,
        request: SendRequest,
        occurrence: String,
    ) -> Pin<Box<dyn Future<Output = Result<Finished, String>> + Send>> {
        let Scheduler {
            store,
            webhook_secret,
            view,
        } = self.scheduler.clone();
        let surroundings = Surroundings {
            store,
            webhook_secret,
            stop: self.stop.clone(),
            view,
            live: Arc::default(),
            watcher: None,
        };
        Box::pin(async move {
            match occur(&request, occurrence, surroundings).await {
                // None of the job's tries is used up by what lies in the store.
                Err(Failure::Campaign(error)) if error.is_passing() => {
                    tracing::warn!(%error, "a scheduled run broke off, it is gone on with");
                    Ok(Finished::Interrupted)
                }
                run => run.map_err(|failure| failure.to_string()),
            }
        })
    }
}

async fn occur(
    request: &SendRequest,
    occurrence: String,
    surroundings: Surroundings,
) -> Result<Finished, Failure> {
    let config = load(&request.config, request.connect_timeout_s)?;
    let start = Start::Occurrence(occurrence);
    let report = send(request, start, config, surroundings).await?;
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
