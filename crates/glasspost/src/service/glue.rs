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

/// Sending, as the API moves it.
pub struct Sending(pub Dispatch);

#[async_trait]
impl Wakes for Sending {
    fn wake(&self) {
        self.0.wake();
    }

    fn look_at(&self, account: AccountPk) {
        self.0.look_at(account);
    }

    async fn recall(&self) {
        self.0.recall().await;
    }

    fn is_sending(&self, message: Seq) -> bool {
        self.0.is_sending(message)
    }

    fn is_sending_of(&self, account: AccountPk) -> bool {
        let mut lanes = self.0.lanes().into_iter();
        lanes.any(|lane| lane.account == account && lane.sending > 0)
    }

    fn activate(&self) {
        self.0.set_active(true);
    }

    fn suspend(&self) {
        self.0.set_active(false);
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn account_changed(&self, account: AccountPk) {
        self.0.account_changed(account);
    }
}

/// Reporting, as the API moves it.
pub struct Reporters(pub Reports);

impl SyncControl for Reporters {
    fn run_now(&self, tenant: Option<TenantId>) {
        self.0.run_now(tenant);
    }

    fn status(&self) -> Vec<SyncStatus> {
        self.0.status()
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
