//! One run from start to end.
//!
//! ```text
//! list ──► listing ──► store ──► deliver ──► relay
//!                        │
//!                        └──► readers ──► bar, log lines, success.csv, failed.csv, counts
//! ```
//! - `ledger`: the run that is begun or gone on with, and the right to send it
//! - `listing`: the list's rows accepted into the ledger; on a resumed run reconciled with it
//! - `unmade`: whose messages could not be made, named by row
//! - `readers`: who follows the log while the run goes on
//! - `account`: `success.csv` and `failed.csv`
//! - `patience`: how a run waits while a disk is full
//! - `webhook`: the end of a run told to another system

mod account;
mod ledger;
mod listing;
mod patience;
mod readers;
mod unmade;
mod webhook;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deliver::{Connector, Delivery, Ended, RetryPolicy, Settings, Supply};
use model::{Clock, Live, Mailbox, Secret};
use observe::Tally;
use store::{Progress, Store};
use tokio_util::sync::CancellationToken;

use crate::check;
use crate::error::CampaignError;
use crate::filter::Filter;
use crate::letter::Written;
use crate::list::OpenableList;
use crate::recipients::ListSummary;
use crate::report::{Ending, RunReport};
use crate::request::{Checking, SendRequest, Start};
use ledger::Run;
use listing::Listing;
use readers::Readers;
use unmade::Unmade;

pub use readers::View;

/// What a run needs beside its request.
#[derive(Clone)]
pub struct Tools {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The way to the relay.
    pub connector: Arc<Connector>,
    /// Who it comes from.
    pub from: Mailbox,
    /// The key webhooks are signed with.
    pub webhook_secret: Option<Secret>,
    /// The time.
    pub clock: Clock,
    /// What is under way, for those who show it.
    pub live: Arc<Live>,
    /// Asks for a stop.
    pub stop: CancellationToken,
    /// What is shown meanwhile.
    pub view: View,
}

/// Sends a campaign and says what became of it. Also an interrupted run is an `Ok`: its report says so.
pub async fn send(
    request: &SendRequest,
    start: Start,
    tools: &Tools,
) -> Result<RunReport, CampaignError> {
    let started_at = tools.clock.now();
    let (letter, from) = (request.letter.clone(), tools.from.clone());
    let written = Arc::new(check::blocking(move || Written::read(&letter, &from)).await?);
    let filter = request.filter.as_deref().map(Filter::parse).transpose()?;
    let list = Arc::new(OpenableList::find(&request.list).await?);
    if request.checking == Checking::Strict {
        check::strict(&list, filter.clone(), &written).await?;
    }
    let listing = Listing::open(&list, filter, request).await?;
    check_account_folder(&request.account_folder)?;
    let content = written.keep(&*tools.store).await?;
    let run = ledger::open(request, &start, content, &written, tools).await?;
    let outcome = run_through(request, &run, listing, written, tools).await;
    if let Err(error) = tools.store.release(run.lease.clone()).await {
        // The process's end frees the lane as well; what became of the run matters more.
        tracing::warn!(%error, "the run's lane could not be given back");
    }
    let Outcome {
        ending,
        tally,
        unmade,
        final_before,
        list: read,
    } = outcome?;
    unmade.name(&list).await;
    let mut report = RunReport {
        campaign: run.campaign,
        ending,
        tally,
        final_before,
        list: read,
        started_at,
        ended_at: tools.clock.now(),
        webhook: None,
    };
    if let Some(url) = &request.webhook {
        // promise: a webhook is sent before the process ends.
        let told = webhook::tell(url, tools.webhook_secret.as_ref(), request, &report).await;
        report.webhook = Some(told);
    }
    Ok(report)
}

/// Finds out before the run begins that its account could not be written.
fn check_account_folder(folder: &Path) -> Result<(), CampaignError> {
    let reason = match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => std::io::ErrorKind::NotADirectory.into(),
        Err(reason) => reason,
    };
    Err(CampaignError::AccountFolder {
        path: folder.to_owned(),
        reason,
    })
}

/// What a run came to.
struct Outcome {
    ending: Ending,
    tally: Tally,
    unmade: Unmade,
    final_before: u64,
    list: ListSummary,
}

/// Lists, delivers and reads until the run ends.
async fn run_through(
    request: &SendRequest,
    run: &Run,
    listing: Listing,
    written: Arc<Written>,
    tools: &Tools,
) -> Result<Outcome, CampaignError> {
    let readers = Readers::start(request, run, tools).await?;
    let mark = || {
        tools
            .store
            .mark_campaign(run.campaign.id, Progress::Listing)
    };
    patience::ask(&tools.stop, mark).await?;
    let supply = Arc::new(Supply::default());
    // A listing that fails stops the delivery as well; what was accepted stays queued.
    let stop = tools.stop.child_token();
    let listed = listing.run(run, written, Arc::clone(&supply), tools, stop.clone());
    let delivery = Delivery {
        store: Arc::clone(&tools.store),
        lease: run.lease.clone(),
        connector: Arc::clone(&tools.connector),
        settings: settings(request),
        supply,
        live: Arc::clone(&tools.live),
        clock: tools.clock.clone(),
    };
    let (listed, ended) = match run.is_resumed {
        // What the list says now decides who is still to be mailed, so it is read first.
        true => match listed.await {
            Ok(summary) => (Ok(summary), delivery.run(stop).await),
            Err(error) => (Err(error), Ok(Ended::Stopped)),
        },
        false => tokio::join!(listed, delivery.run(stop)),
    };
    let final_before = readers.final_before;
    let (tally, unmade) = readers.finish().await?;
    let (list, ended) = (listed?, ended?);
    let ending = match ended {
        Ended::Drained => Ending::Completed,
        Ended::Stopped => Ending::Interrupted,
        Ended::Unreachable(error) => Ending::Unreachable(error.to_string()),
    };
    if matches!(ending, Ending::Completed) {
        let finished = Progress::Finished(tools.clock.now());
        let mark = || tools.store.mark_campaign(run.campaign.id, finished);
        patience::ask(&tools.stop, mark).await?;
    }
    Ok(Outcome {
        ending,
        tally,
        unmade,
        final_before,
        list,
    })
}

/// How long deliveries may go on after a stop. With the webhook's share the process ends within 30 s
/// (promise: P-06).
const STOP_GRACE: Duration = Duration::from_secs(20);

fn settings(request: &SendRequest) -> Settings {
    let retry = RetryPolicy::campaign(request.retries);
    Settings {
        connections_max: request.connections.max(1),
        relay_retry: retry.clone(),
        retry,
        per_second_max: request.per_second_max,
        stop_grace: STOP_GRACE,
        ..Settings::default()
    }
}
