//! One run from start to end.
//!
//! ```text
//! list ──► listing ──► store ──► deliver ──► relay
//!                        │
//!                        └──► readers ──► bar, log lines, success.csv, failed.csv, counts
//! ```
//! - `ledger`: the run that is begun or gone on with
//! - [`tenure`](Rival): the right to send it
//! - `listing`: the list's rows accepted into the ledger; on a resumed run reconciled with it
//! - `unmade`: whose messages could not be made, named by row
//! - `readers`: who follows the log while the run goes on
//! - `account`: `success.csv` and `failed.csv`
//! - `course`: the run from its first delivery to its last end
//! - [`desk`](Desk): where it takes interventions
//! - [`possible`]: what can be done to it when
//! - `interventions`: what was written down about them
//! - `cancelling`, `retrying`: what is left of a cancelling, and of a retry, whose process died
//! - [`watcher`](Watcher): who watches it from its beginning
//! - `patience`: how a run waits while a disk is full, or a database is away
//! - `webhook`: the ends of a run told to another system

mod account;
mod cancelling;
mod course;
mod desk;
mod interventions;
mod ledger;
mod listing;
mod patience;
mod possible;
mod readers;
mod retrying;
mod tenure;
mod unmade;
mod watcher;
mod webhook;

use std::path::Path;
use std::sync::Arc;

use deliver::Connector;
use model::{Clock, Live, Mailbox, Secret};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::check;
use crate::error::CampaignError;
use crate::filter::Filter;
use crate::letter::Written;
use crate::list::OpenableList;
use crate::report::RunReport;
use crate::request::{Checking, SendRequest, Start};
use course::Course;
use listing::Listing;

pub use desk::{Desk, DeskError};
pub use possible::possible;
pub use readers::View;
pub use tenure::{Machine, Rival};
pub use watcher::Watcher;

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
    /// Who watches the run.
    pub watcher: Option<Arc<dyn Watcher>>,
}

/// Sends a campaign and says what became of it. Also an interrupted run is an `Ok`: its report says so. A run that is
/// watched is so for a while after its end, and may go on meanwhile.
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
    let course = Course::new(request, &run, &list, tools, started_at);
    let report = course.run(listing, written).await;
    if let Err(error) = tools.store.release(run.lease.clone()).await {
        // The process's end frees the lane as well; what became of the run matters more.
        tracing::warn!(%error, "the run's lane could not be given back");
    }
    report
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
