//! Where rooms meet that do not know each other: what the API and the console see of sending and reporting.

use async_trait::async_trait;
use console::service::{FiguresSource, NodeNow};
use deliver::dispatch::Dispatch;
use intake::proxy::{SyncControl, Unanswered, Wakes};
use model::account::AccountPk;
use model::{Seq, Tenant, TenantId};
use observe::archive::Archive;
use observe::reports::{ReportFigures, Reports, SyncStatus};
use store::submissions::Channel;
use tokio_util::sync::CancellationToken;

use super::cluster::{Cluster, Order};
use super::duty::{HOUSEKEEPING, Held};

/// Sending, as the API moves it: here, and in the other processes.
pub struct Sending {
    /// Here.
    pub dispatch: Dispatch,
    /// The others.
    pub cluster: Cluster,
}

#[async_trait]
impl Wakes for Sending {
    fn wake(&self) {
        self.dispatch.wake();
        self.cluster.ask(Order::Wake);
    }

    fn look_at(&self, account: AccountPk) {
        self.dispatch.look_at(account);
        self.cluster.ask(Order::LookAt(account));
    }

    async fn recall(&self) -> Result<(), Unanswered> {
        let (here, elsewhere) = (
            self.dispatch.recall(),
            self.cluster.ask_and_wait(Order::Recall),
        );
        let ((), answered) = tokio::join!(here, elsewhere);
        answered
    }

    async fn look_around(&self) -> Result<(), Unanswered> {
        self.cluster.ask_and_wait(Order::Tell).await
    }

    async fn hold(&self, accounts: &[AccountPk]) -> Result<(), Unanswered> {
        for account in accounts {
            self.dispatch.hold(*account);
        }
        for account in accounts {
            self.cluster.ask_and_wait(Order::Hold(*account)).await?;
        }
        Ok(())
    }

    fn let_go(&self, accounts: &[AccountPk]) {
        for account in accounts {
            self.dispatch.let_go(*account);
            self.cluster.ask(Order::LetGo(*account));
        }
    }

    fn is_sending(&self, message: Seq) -> bool {
        self.dispatch.is_sending(message) || self.cluster.is_sending_elsewhere(message)
    }

    fn is_sending_of(&self, account: AccountPk) -> bool {
        let mut lanes = self.dispatch.lanes().into_iter();
        lanes.any(|lane| lane.account == account && lane.sending > 0)
            || self.cluster.is_sending_of_elsewhere(account)
    }

    async fn activate(&self) -> store::Result<()> {
        self.cluster.set_active(true).await
    }

    async fn suspend(&self) -> store::Result<()> {
        self.cluster.set_active(false).await
    }

    fn is_active(&self) -> bool {
        self.dispatch.is_active()
    }

    fn account_changed(&self, account: AccountPk) {
        self.dispatch.account_changed(account);
        self.cluster.ask(Order::AccountChanged(account));
    }
}

/// Reporting, as the API moves it: here, and in the other processes.
pub struct Reporters {
    /// Here.
    pub reports: Reports,
    /// The others.
    pub cluster: Cluster,
}

impl SyncControl for Reporters {
    fn run_now(&self, tenant: Option<TenantId>) {
        self.reports.run_now(tenant.clone());
        self.cluster.ask(Order::Report(tenant));
    }

    fn status(&self) -> Vec<SyncStatus> {
        self.cluster.reporting()
    }
}

/// Both, as the console shows them.
pub struct Shown {
    /// Sending here.
    pub dispatch: Dispatch,
    /// Reporting here.
    pub reports: Reports,
    /// All processes.
    pub cluster: Cluster,
    /// What this one does for all.
    pub duties: Held,
    /// Whether there may be others.
    pub is_shared: bool,
    /// What archives events here.
    pub archive: Option<Archive>,
    /// Cancelled when sending has ended.
    pub ended: CancellationToken,
}

impl FiguresSource for Shown {
    fn nodes(&self) -> Vec<NodeNow> {
        self.cluster.nodes()
    }

    fn reporting(&self) -> Vec<SyncStatus> {
        self.cluster.reporting()
    }

    fn are_awaited(&self, tenant: &Tenant, channel: Channel) -> bool {
        self.reports.are_awaited(tenant, channel)
    }

    fn report_figures(&self) -> ReportFigures {
        self.reports.figures()
    }

    fn archive_behind(&self) -> u64 {
        self.archive.as_ref().map_or(0, Archive::behind)
    }

    fn exposes_installation(&self) -> bool {
        !self.is_shared || self.duties.has(HOUSEKEEPING)
    }

    fn is_active(&self) -> bool {
        self.dispatch.is_active()
    }

    fn is_running(&self) -> bool {
        !self.ended.is_cancelled()
    }

    fn is_sending(&self, message: Seq) -> bool {
        self.dispatch.is_sending(message) || self.cluster.is_sending_elsewhere(message)
    }
}
