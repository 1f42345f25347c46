//! The course of one run: its first delivery beside the reading of its list, its end, and further deliveries when
//! failed messages are tried again after that.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use deliver::{DeliverError, Delivery, Ended, Letters, RetryPolicy, Settings};
use model::{Stage, Timestamp};
use store::{Progress, StoreError};

use super::desk::{Desk, Pass};
use super::ledger::Run;
use super::listing::Listing;
use super::readers::{Readers, Reading};
use super::tenure::Tenure;
use super::webhook::Webhook;
use super::{Tools, cancelling, patience};
use crate::error::CampaignError;
use crate::letter::Written;
use crate::list::OpenableList;
use crate::recipients::ListSummary;
use crate::report::{Ending, RunReport};
use crate::request::SendRequest;

/// How long deliveries may go on after a stop. With the webhook's share the process ends within 30 s
/// (promise: P-06).
const STOP_GRACE: Duration = Duration::from_secs(20);

/// A run and everything that it needs on its way.
pub(super) struct Course<'a> {
    request: &'a SendRequest,
    run: &'a Run,
    list: &'a Arc<OpenableList>,
    tools: &'a Tools,
    desk: Arc<Desk>,
    webhook: Webhook<'a>,
    started_at: Timestamp,
    /// How long the run only stood there after an end, before it went on.
    lingered: Duration,
}

impl<'a> Course<'a> {
    /// The course of a run that was opened.
    pub(super) fn new(
        request: &'a SendRequest,
        run: &'a Run,
        list: &'a Arc<OpenableList>,
        tools: &'a Tools,
        started_at: Timestamp,
    ) -> Self {
        Self {
            request,
            run,
            list,
            tools,
            desk: Arc::new(Desk::new(run, tools)),
            webhook: Webhook::new(request, tools),
            started_at,
            lingered: Duration::ZERO,
        }
    }

    /// Sends the run and stays while it is watched.
    pub(super) async fn run(
        mut self,
        listing: Listing,
        written: Arc<Written>,
    ) -> Result<RunReport, CampaignError> {
        if let Some(watcher) = &self.tools.watcher {
            let desk = Arc::clone(&self.desk);
            watcher.begun(&self.run.campaign, desk).await?;
        }
        self.desk.set_stage(Stage::Sending).await;
        let gone = self.go(listing, written).await;
        let mut result = gone.map_err(|error| self.explained(error));
        if let Err(error) = &result {
            self.break_off(error).await;
        }
        let told = self.webhook.told().await;
        match &mut result {
            Ok(report) => report.webhook = told,
            Err(_) => {
                if let Some(Err(error)) = told {
                    tracing::warn!(%error, "the webhook of an earlier end was not delivered");
                }
            }
        }
        result
    }

    async fn go(
        &mut self,
        listing: Listing,
        written: Arc<Written>,
    ) -> Result<RunReport, CampaignError> {
        let mut readers = Readers::start(self.request, self.run, self.tools).await?;
        let final_before = readers.final_before;
        self.mark(Progress::Listing).await?;
        let listed = self.list_and_deliver(listing, written).await;
        let mut reading = readers.finish().await?;
        let (list, mut ending) = listed?;
        loop {
            let report = RunReport {
                campaign: self.run.campaign.clone(),
                tally: reading.tally.clone(),
                final_before,
                list: list.clone(),
                started_at: self.started_at,
                ended_at: self.tools.clock.now(),
                lingered: self.lingered,
                ending,
                webhook: None,
            };
            self.end(&report).await?;
            self.webhook.tell(&report);
            let (is_over, ()) =
                tokio::join!(self.is_over(&report.ending), self.say_the_end(&mut reading));
            if is_over {
                return Ok(report);
            }
            self.lingered += self.tools.clock.now().since(report.ended_at);
            readers = reading.go_on();
            let delivered = self.deliver_again().await;
            reading = readers.finish().await?;
            ending = delivered?;
        }
    }

    /// What an error is for the run: one that lost its right to another process says so.
    fn explained(&self, error: CampaignError) -> CampaignError {
        match error {
            CampaignError::Store(StoreError::LeaseLost { .. })
            | CampaignError::Deliver(DeliverError::Store(StoreError::LeaseLost { .. })) => {
                let job_id = self.run.campaign.job_id.clone();
                CampaignError::TakenOver { job_id }
            }
            other => other,
        }
    }

    /// The first delivery, beside the reading of the list.
    async fn list_and_deliver(
        &self,
        listing: Listing,
        written: Arc<Written>,
    ) -> Result<(ListSummary, Ending), CampaignError> {
        let pass = self.desk.pass().await;
        let (supply, stop) = (Arc::clone(&pass.supply), pass.stop.clone());
        // A listing that fails stops the delivery as well; what was accepted stays queued.
        let listed = listing.run(self.run, written, supply, self.tools, stop);
        let delivered = async {
            let ended = self.whole_delivery(&pass).await;
            // Nor is the list read on by who lost the run.
            ended.inspect_err(|_| pass.stop.cancel())
        };
        let both = async {
            match self.run.is_resumed {
                // What the list says now decides who is still to be mailed, so it is read first.
                true => match listed.await {
                    Ok(summary) => (Ok(summary), delivered.await),
                    Err(error) => (Err(error), Ok(Ended::Stopped)),
                },
                false => tokio::join!(listed, delivered),
            }
        };
        let (listed, ended) = self.until_stop_is_said(both).await;
        let list = listed?;
        Ok((list, self.ending(&pass, ended?).await?))
    }

    /// Another delivery after an end.
    async fn deliver_again(&self) -> Result<Ending, CampaignError> {
        let pass = self.desk.pass().await;
        let ended = self.deliver(&pass).await?;
        self.ending(&pass, ended).await
    }

    async fn deliver(&self, pass: &Pass) -> Result<Ended, DeliverError> {
        self.until_stop_is_said(self.whole_delivery(pass)).await
    }

    /// A delivery to its end. One that broke off since the store was away is gone on with when that is back, unless
    /// somebody else has the run by then.
    async fn whole_delivery(&self, pass: &Pass) -> Result<Ended, DeliverError> {
        loop {
            let delivered = self.delivery(pass).run(pass.stop.clone()).await;
            let Err(DeliverError::Store(error)) = delivered else {
                return delivered;
            };
            // Who lost sight of the lease asks in any case: it may be another's.
            let is_lost = matches!(error, StoreError::LeaseLost { .. });
            let is_away = error.is_transient() && !pass.stop.is_cancelled();
            if !is_lost && !is_away {
                return Err(error.into());
            }
            tracing::warn!(%error, "sending waits for the store");
            patience::pause(&pass.stop).await;
            self.tenure().certain().await?;
        }
    }

    fn tenure(&self) -> Tenure {
        Tenure::new(self.run, self.tools)
    }

    fn delivery(&self, pass: &Pass) -> Delivery {
        Delivery {
            store: Arc::clone(&self.tools.store),
            lease: self.run.lease.clone(),
            maker: Arc::new(Letters::new(Arc::clone(&self.tools.store))),
            connector: Arc::clone(&self.tools.connector),
            settings: settings(self.request),
            supply: Arc::clone(&pass.supply),
            gate: Arc::clone(&pass.gate),
            live: Arc::clone(&self.tools.live),
            clock: self.tools.clock.clone(),
        }
    }

    /// Does the work; when a stop is asked for meanwhile, that is shown.
    async fn until_stop_is_said<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = self.tools.stop.cancelled() => {}
        }
        self.desk.set_stage(Stage::Stopping).await;
        work.await
    }

    /// What a delivery's end is for the run, once nothing more came in while it was ending.
    async fn ending(&self, pass: &Pass, mut ended: Ended) -> Result<Ending, CampaignError> {
        while self.desk.goes_on(&ended).await? {
            ended = self.deliver(pass).await?;
        }
        if let Some(by) = self.desk.cancelled_by().await {
            return self.take_back(by).await;
        }
        Ok(match ended {
            Ended::Drained => Ending::Completed,
            Ended::Stopped => Ending::Interrupted,
            Ended::Unreachable(error) => Ending::Unreachable(error.to_string()),
        })
    }

    async fn take_back(&self, by: Box<str>) -> Result<Ending, CampaignError> {
        let Tools {
            store, clock, stop, ..
        } = self.tools;
        let lease = &self.run.lease;
        let whole = cancelling::take_back(&**store, lease, &by, clock, stop).await?;
        Ok(match whole {
            true => Ending::Cancelled { by },
            // Whoever takes the run up again finds that it was cancelled, and takes back the rest.
            false => Ending::Interrupted,
        })
    }

    /// The run is at an end: from here on it lingers.
    async fn end(&self, report: &RunReport) -> Result<(), CampaignError> {
        if matches!(report.ending, Ending::Completed | Ending::Cancelled { .. }) {
            self.mark(Progress::Finished(report.ended_at)).await?;
        }
        self.desk.set_stage(report.ending.stage()).await;
        Ok(())
    }

    /// Says an end to everybody who looks.
    async fn say_the_end(&self, reading: &mut Reading) {
        if let Some(watcher) = &self.tools.watcher {
            watcher.ended().await;
        }
        let unmade = std::mem::take(&mut reading.unmade);
        unmade.name(self.list, self.tools.view).await;
    }

    /// Stays while the run is watched; `false` when it goes on.
    async fn is_over(&self, ending: &Ending) -> bool {
        if !matches!(ending, Ending::Interrupted) {
            self.linger().await;
        }
        self.desk.close().await
    }

    async fn linger(&self) {
        let Some(watcher) = &self.tools.watcher else {
            return;
        };
        tokio::select! {
            () = self.tools.stop.cancelled() => {}
            () = self.desk.reopened() => {}
            () = tokio::time::sleep(watcher.linger()) => {}
        }
    }

    /// Shows that the run broke off, for as long as it is watched.
    async fn break_off(&self, error: &CampaignError) {
        self.tools.live.set_trouble(Some(error.to_string()));
        self.desk.set_stage(Stage::Failed).await;
        if let Some(watcher) = &self.tools.watcher {
            watcher.ended().await;
        }
        self.linger().await;
        self.desk.close().await;
    }

    async fn mark(&self, progress: Progress) -> Result<(), CampaignError> {
        let (store, lease) = (&self.tools.store, &self.run.lease);
        let mark = || store.mark_campaign(lease, progress);
        Ok(patience::ask(&self.tools.stop, mark).await?)
    }
}

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
