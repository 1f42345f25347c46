//! The run that is begun or gone on with, and the right to send it.

use std::time::{Duration, Instant};

use model::ContentHash;
use serde_json::json;
use store::{Campaign, LaneKey, Lease, NewCampaign, StoreError};

use super::tenure::{self, Asked};
use super::{Tools, cancelling, retrying};
use crate::error::CampaignError;
use crate::letter::Written;
use crate::request::{ListSource, SendRequest, Start};

/// Runs of one campaign that are looked at for an unfinished one.
const RUNS_LOOKED_AT: u32 = 1;
/// How long another process is waited for that is beginning the same campaign. It takes that one some milliseconds, unless
/// it waits itself for a sign of life of a third; and a dead one keeps its lease for some seconds.
const BEGINNING_MAX: Duration = Duration::from_secs(30);
/// How soon it is looked at again.
const BEGINNING_PAUSE: Duration = Duration::from_millis(50);

/// A run that this process may send.
pub(super) struct Run {
    pub(super) campaign: Campaign,
    pub(super) lease: Lease,
    /// The template its new messages get.
    pub(super) content: ContentHash,
    /// Whether an earlier process began it.
    pub(super) is_resumed: bool,
}

/// Begins a run, or takes an earlier one up again.
pub(super) async fn open(
    request: &SendRequest,
    start: &Start,
    content: ContentHash,
    written: &Written,
    tools: &Tools,
) -> Result<Run, CampaignError> {
    let identity = identity(request, start, written);
    // Of two processes that begin at the same moment, the second sees the first one's run.
    let beginning = beginning(&identity, tools).await?;
    let run = open_alone(request, start, identity, content, &beginning, tools).await;
    if let Err(error) = tools.store.release(beginning).await {
        // The process's end frees it as well.
        tracing::warn!(%error, "the right to begin the campaign could not be given back");
    }
    run
}

async fn beginning(identity: &str, tools: &Tools) -> Result<Lease, CampaignError> {
    let asked = Instant::now();
    loop {
        match tools.store.lease(LaneKey::beginning(identity)).await {
            Err(StoreError::LaneHeld { holder, .. }) => {
                if asked.elapsed() >= BEGINNING_MAX || tools.stop.is_cancelled() {
                    return Err(CampaignError::BeingBegun {
                        process: holder,
                        waited_s: asked.elapsed().as_secs(),
                    });
                }
            }
            other => return Ok(other?),
        }
        tokio::time::sleep(BEGINNING_PAUSE).await;
    }
}

async fn open_alone(
    request: &SendRequest,
    start: &Start,
    identity: String,
    content: ContentHash,
    beginning: &Lease,
    tools: &Tools,
) -> Result<Run, CampaignError> {
    let earlier = earlier(request, start, &identity, tools).await?;
    let is_resumed = earlier.is_some();
    let campaign = match earlier {
        Some(earlier) => earlier,
        None => begin(request, start, identity, content, beginning, tools).await?,
    };
    let lease = take(&campaign, tools).await?;
    if is_resumed {
        if let Err(error) = settle(&campaign, &lease, tools).await {
            tools.store.release(lease).await?;
            return Err(error);
        }
        tracing::info!(
            job_id = campaign.job_id,
            "going on with the run that was begun earlier"
        );
    }
    Ok(Run {
        campaign,
        lease,
        content,
        is_resumed,
    })
}

/// Takes the lane of a run, unless somebody sends it.
async fn take(run: &Campaign, tools: &Tools) -> Result<Lease, CampaignError> {
    match tenure::take(&*tools.store, run.lane_key(), &tools.stop).await? {
        Asked::Taken(lease) => Ok(lease),
        Asked::Held(rival) => Err(CampaignError::UnderWay {
            rival,
            job_id: run.job_id.clone(),
        }),
    }
}

/// Does what somebody asked for and an earlier process of the run did not live to do; refuses a run that was cancelled.
async fn settle(run: &Campaign, lease: &Lease, tools: &Tools) -> Result<(), CampaignError> {
    cancelling::refuse(run, lease, tools).await?;
    Ok(retrying::finish(run, lease, tools).await?)
}

/// The run to go on with, if there is one.
async fn earlier(
    request: &SendRequest,
    start: &Start,
    identity: &str,
    tools: &Tools,
) -> Result<Option<Campaign>, CampaignError> {
    if let Start::ResumeRun(job_id) = start {
        let run = tools.store.campaign(job_id).await?;
        return match run.filter(|run| run.identity == identity) {
            Some(run) => Ok(Some(run)),
            None => Err(CampaignError::NoSuchRun {
                job_id: job_id.clone(),
            }),
        };
    }
    let runs = tools
        .store
        .campaigns(Some(identity), RUNS_LOOKED_AT)
        .await?;
    let latest = runs.into_iter().next();
    match (start, latest) {
        (Start::New, Some(earlier)) => {
            check_new_run(request, &earlier, tools).await?;
            Ok(None)
        }
        (Start::New, None) => Ok(None),
        (Start::Resume | Start::ResumeRun(_) | Start::Occurrence(_), earlier) => Ok(earlier),
    }
}

/// What makes two runs the same campaign: the occurrence of a job, the name, or else what it says (and, for a
/// single message, to whom).
fn identity(request: &SendRequest, start: &Start, written: &Written) -> String {
    if let Start::Occurrence(occurrence) = start {
        return format!("job:{occurrence}");
    }
    if let Some(name) = &request.name {
        return format!("name:{name}");
    }
    let digest = hex(&written.source.digest());
    match &request.list {
        ListSource::One(address) => format!("letter:{digest} to:{}", address.to_lowercase()),
        ListSource::File(_) | ListSource::Sheet(_) => format!("letter:{digest}"),
    }
}

fn hex(hash: &ContentHash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A second run of a campaign that is under way would mail everybody twice: refused. One that was left
/// unfinished is said, with the way to go on with it.
async fn check_new_run(
    request: &SendRequest,
    earlier: &Campaign,
    tools: &Tools,
) -> Result<(), CampaignError> {
    if earlier.finished_at.is_some() || request.list.is_one() {
        return Ok(());
    }
    let lease = take(earlier, tools).await?;
    let cancelled = cancelling::finish(earlier, &lease, tools).await;
    tools.store.release(lease).await?;
    if cancelled?.is_some() {
        return Ok(());
    }
    let books = tools.store.books(earlier.lane).await?;
    tracing::warn!(
        job_id = earlier.job_id,
        queued = books.queued,
        "an earlier run of this campaign is unfinished; this is a new run and mails everybody again \
         (to go on with the earlier one instead, stop this one and run it with --resume={})",
        earlier.job_id
    );
    Ok(())
}

async fn begin(
    request: &SendRequest,
    start: &Start,
    identity: String,
    content: ContentHash,
    beginning: &Lease,
    tools: &Tools,
) -> Result<Campaign, CampaignError> {
    if *start == Start::Resume {
        tracing::info!("there is no earlier run of this campaign: this is the first");
    }
    let now = tools.clock.now();
    let kind = if request.list.is_one() {
        "mailgrid-single"
    } else {
        "mailgrid"
    };
    let new = NewCampaign {
        job_id: format!("{kind}-{}", now.as_secs()),
        identity,
        name: request.name.clone(),
        content,
        settings: summary(request),
        at: now,
    };
    Ok(tools.store.begin_campaign(beginning, new).await?)
}

/// The configuration as the console shows it (the campaign contract, section 8: `config_summary`).
fn summary(request: &SendRequest) -> String {
    let (file, sheet) = match &request.list {
        ListSource::File(path) => (Some(path.display().to_string()), None),
        ListSource::Sheet(url) => (None, Some(url.clone())),
        ListSource::One(_) => (None, None),
    };
    json!({
        "csv_file": file,
        "sheet_url": sheet,
        "template_file": request.letter.html.as_ref().map(|path| path.display().to_string()),
        "concurrent_workers": request.connections,
        "batch_size": request.batch_size,
        "retry_limit": request.retries,
        "filter_expression": request.filter,
    })
    .to_string()
}
