//! Where rooms meet that do not know each other: what the API and the console see of sending and reporting.

use async_trait::async_trait;
use console::service::FiguresSource;
use deliver::dispatch::{Dispatch, LaneNow};
use intake::proxy::{SyncControl, Wakes};
use model::account::AccountPk;
use model::{Seq, TenantId};
use observe::reports::{ReportFigures, Reports, SyncStatus};
use store::submissions::ReportBacklog;
use tokio_util::sync::CancellationToken;

use super::cluster::{Cluster, Order};

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

    async fn recall(&self) {
        let (here, elsewhere) = (
            self.dispatch.recall(),
            self.cluster.ask_and_wait(Order::Recall),
        );
        tokio::join!(here, elsewhere);
    }

    fn is_sending(&self, message: Seq) -> bool {
        self.dispatch.is_sending(message) || self.cluster.is_sending_elsewhere(message)
    }

    fn is_sending_of(&self, account: AccountPk) -> bool {
        let mut lanes = self.dispatch.lanes().into_iter();
        lanes.any(|lane| lane.account == account && lane.sending > 0)
            || self.cluster.is_sending_of_elsewhere(account)
    }

    fn activate(&self) {
        self.dispatch.set_active(true);
        self.cluster.set_active(true);
    }

    fn suspend(&self) {
        self.dispatch.set_active(false);
        self.cluster.set_active(false);
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
        self.reports.status()
    }
}

/// Both, as the console shows them.
pub struct Shown {
    /// Sending.
    pub dispatch: Dispatch,
    /// Reporting.
    pub reports: Reports,
    /// Cancelled when sending has ended.
    pub ended: CancellationToken,
}

impl FiguresSource for Shown {
    fn lanes(&self) -> Vec<LaneNow> {
        self.dispatch.lanes()
    }

    fn reporting(&self) -> Vec<SyncStatus> {
        self.reports.status()
    }

    fn retain_awaited(&self, backlog: &mut Vec<ReportBacklog>) {
        self.reports.retain_awaited(backlog);
    }

    fn report_figures(&self) -> ReportFigures {
        self.reports.figures()
    }

    fn is_active(&self) -> bool {
        self.dispatch.is_active()
    }

    fn is_running(&self) -> bool {
        !self.ended.is_cancelled()
    }

    fn is_sending(&self, message: Seq) -> bool {
        self.dispatch.is_sending(message)
    }
}
