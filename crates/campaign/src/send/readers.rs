//! Who follows the log while a run goes on: the counts, the bar, the log lines and the account files.

use std::sync::Arc;
use std::time::Duration;

use model::Seq;
use observe::follow::Batch;
use observe::terminal::Terminal;
use observe::{Follower, Tally, log_lines};
use store::{Logged, Store, StoreError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::ledger::Run;
use super::tenure::Tenure;
use super::unmade::Unmade;
use super::{Tools, patience};
use crate::error::CampaignError;
use crate::request::SendRequest;

/// How often the bar is shown anew.
const SHOW_EVERY: Duration = Duration::from_millis(100);
/// How often a log line tells the progress where no bar does.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How often the account's place is remembered.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Messages read from the ledger at once.
const PAGE: usize = 1_000;

/// What is shown while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// A progress bar on the terminal.
    Bar,
    /// Nothing but log lines.
    Quiet,
    /// Log lines that name no recipient: the log is one of many things.
    Figures,
}

/// The readers of one run, as one task.
pub(super) struct Readers {
    /// Messages that were final when reading began.
    pub(super) final_before: u64,
    task: JoinHandle<Result<Reading, CampaignError>>,
    ended: CancellationToken,
}

impl Readers {
    /// Starts reading. Whatever an earlier process of the run left unread is read first.
    pub(super) async fn start(
        request: &SendRequest,
        run: &Run,
        tools: &Tools,
    ) -> Result<Self, CampaignError> {
        let campaign = run.campaign.lane;
        let tally = match run.is_resumed {
            true => tally_so_far(&*tools.store, run).await?,
            false => Tally::default(),
        };
        // Nobody but the holder of the lease writes about this run, so the log stands still here.
        let mut account = Account::open(&request.account_folder, run, tools).await?;
        let mut cursor = account.cursor();
        let mut follower = Follower::new(Arc::clone(&tools.store), campaign, cursor);
        loop {
            let page = page(&mut follower, &tools.stop).await?;
            if page.is_empty() {
                break;
            }
            account.write(page.iter()).await?;
            cursor = follower.cursor();
        }
        account.caught_up();
        account.save(cursor).await?;
        let reading = Reading {
            follower,
            tally,
            unmade: Unmade::default(),
            account,
            view: tools.view,
            job_id: run.campaign.job_id.clone(),
            tenure: Tenure::new(run, tools),
            stop: tools.stop.clone(),
        };
        Ok(reading.go_on())
    }

    /// Reads to the log's end and stands still there.
    pub(super) async fn finish(self) -> Result<Reading, CampaignError> {
        self.ended.cancel();
        self.task.await.map_err(|error| {
            CampaignError::Deliver(deliver::DeliverError::Task(error.to_string()))
        })?
    }
}

/// A beat whose first comes after one period, and which does not catch up on missed ones.
fn interval(period: Duration) -> Interval {
    let mut beats = tokio::time::interval_at(Instant::now() + period, period);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats
}

/// What is in the store and not read yet, however long the store is away.
async fn page(
    follower: &mut Follower,
    stop: &CancellationToken,
) -> Result<Vec<Logged>, StoreError> {
    loop {
        match follower.page().await {
            Ok(page) => return Ok(page),
            Err(error) => wait_out(error, stop).await?,
        }
    }
}

/// Waits a moment where an error passes; gives back one that does not.
async fn wait_out(error: StoreError, stop: &CancellationToken) -> Result<(), StoreError> {
    if !error.is_transient() || stop.is_cancelled() {
        return Err(error);
    }
    tracing::warn!(%error, "the log cannot be read, trying again");
    patience::pause(stop).await;
    Ok(())
}

/// The counts of a resumed run, from its ledger.
async fn tally_so_far(store: &dyn Store, run: &Run) -> Result<Tally, CampaignError> {
    let mut tally = Tally::default();
    let mut cursor = Seq::START;
    loop {
        let page = store.messages(run.campaign.lane, cursor, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(tally);
        };
        cursor = last.message.seq;
        page.iter().for_each(|logged| tally.count_latest(logged));
    }
}

/// How far the readers have come, and what they made of it.
pub(super) struct Reading {
    pub(super) tally: Tally,
    pub(super) unmade: Unmade,
    follower: Follower,
    account: Account,
    view: View,
    job_id: String,
    tenure: Tenure,
    stop: CancellationToken,
}

impl Reading {
    /// Reads on, as a task.
    pub(super) fn go_on(self) -> Readers {
        let (ended, final_before) = (CancellationToken::new(), self.tally.done());
        Readers {
            final_before,
            task: tokio::spawn(self.run(ended.clone())),
            ended,
        }
    }

    async fn run(mut self, ended: CancellationToken) -> Result<Self, CampaignError> {
        let mut bar = match self.view {
            View::Bar => Some(Terminal::new(self.tally.done())),
            View::Quiet | View::Figures => None,
        };
        let mut show = interval(SHOW_EVERY);
        let mut save = interval(SAVE_EVERY);
        let mut tell = interval(TELL_EVERY);
        loop {
            tokio::select! {
                batch = self.follower.next() => match batch {
                    Ok(Some(batch)) => self.take(&batch).await?,
                    Ok(None) => break,
                    Err(error) => wait_out(error, &self.stop).await?,
                },
                _ = show.tick() => if let Some(bar) = &mut bar { bar.show(&self.tally) },
                _ = tell.tick() => self.tell(),
                _ = save.tick() => self.save().await?,
                () = ended.cancelled() => break,
            }
        }
        self.read_to_the_end().await?;
        self.save().await?;
        if let Some(bar) = &bar {
            bar.clear();
        }
        Ok(self)
    }

    async fn read_to_the_end(&mut self) -> Result<(), CampaignError> {
        loop {
            let page = page(&mut self.follower, &self.stop).await?;
            if page.is_empty() {
                return Ok(());
            }
            self.take(&Batch::Stored(page)).await?;
        }
    }

    async fn save(&mut self) -> Result<(), CampaignError> {
        self.tenure.certain().await?;
        self.account.save(self.follower.cursor()).await
    }

    /// Counts what happened and accounts for it. The account is kept by one process at a time: whoever took the run over
    /// goes on with it.
    async fn take(&mut self, batch: &Batch) -> Result<(), CampaignError> {
        self.tenure.certain().await?;
        for logged in batch.iter() {
            self.tally.count(logged);
            self.unmade.note(logged);
            // Beside the bar a line for each recipient would bury everything else; the account names them.
            if self.view == View::Quiet {
                log_lines::write(logged);
            }
        }
        self.account.write(batch.iter()).await
    }

    fn tell(&self) {
        let Tally {
            books, retrying, ..
        } = &self.tally;
        if self.view != View::Bar {
            let (sent, failed, queued) = (books.delivered, books.failed(), books.queued);
            let job_id = &self.job_id;
            tracing::info!(job_id, sent, failed, queued, retrying, "under way");
        }
    }
}
