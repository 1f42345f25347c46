//! Delivery reports: what became of each submission, told to its tenant's application (`proxy_sync`, webhooks).
//!
//! A report stays in the store until the application has acknowledged it, so a restart loses none and a report may
//! arrive twice: at least once, in the log's order for each tenant. One tenant's calls follow one another; those of
//! different tenants run beside each other, and those of applications that fail or are slow have only a part of the
//! room, so that they hold up nobody else.
//!
//! A tenant with a webhook is told each event by itself as well. The two ways have lanes of their own: one that fails
//! holds up nothing on the other.
//!
//! An application is called when there is something to tell it, and otherwise every five minutes, since its answer may
//! say that it has work for us.
//!
//! # Layout
//! - `target`: where a tenant's reports go, and as whom
//! - `item`: a report as JSON
//! - `answer`: what an application says to it
//! - `lane`: when one tenant is called next; pure, time is passed in
//! - `board`: all tenants, in the order that they are due
//! - `call`: one call
//! - `webhook`: one call where each report is posted by itself, signed
//! - `courier`: makes the calls that are due
//! - `watch`: sees by the log who has something to be told
//! - `look`: looks through the directory and the backlog now and then

mod answer;
mod board;
mod call;
mod courier;
mod item;
mod lane;
mod look;
mod target;
mod watch;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Tenant, TenantId, Timestamp};
use store::submissions::Channel;
use store::{Directory, Store, Submissions};
use tokio_util::sync::CancellationToken;
use webclient::WebClient;

use board::Board;
use call::Caller;
use courier::Courier;
pub(crate) use item::failure;
use look::Look;
pub use target::Target;
use watch::Watch;

/// How reports are told.
#[derive(Clone, Debug)]
pub struct ReportSettings {
    /// Where the reports of tenants go that have no URL of their own; without it they have none.
    pub fallback: Option<Target>,
    /// How long an application is left alone while there is nothing to tell it.
    pub heartbeat: Duration,
    /// How long reports gather before a call.
    pub gathering: Duration,
    /// The shortest wait after a call that failed.
    pub retry_min: Duration,
    /// The longest wait after a call that failed.
    pub retry_max: Duration,
    /// The longest that a call may take.
    pub deadline: Duration,
    /// Reports older than that are given up.
    pub retention: Duration,
    /// How often the directory and the backlog are looked through.
    pub look: Duration,
}

/// The reporter: built from its parts, run until it is stopped.
#[derive(Clone)]
pub struct Reporter {
    submissions: Arc<dyn Submissions>,
    directory: Arc<dyn Directory>,
    store: Arc<dyn Store>,
    web: WebClient,
    settings: ReportSettings,
    clock: Clock,
    board: Arc<Board>,
}

/// The handle of a reporter. Copies share it.
#[derive(Clone)]
pub struct Reports {
    board: Arc<Board>,
}

/// How one tenant's reports stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncStatus {
    /// Whose.
    pub tenant: TenantId,
    /// When its application last answered, since this process began.
    pub last_sync_at: Option<Timestamp>,
    /// When it is called next; `None` where that is not planned.
    pub next_sync_at: Option<Timestamp>,
    /// Whether it asked to be left alone for now. Reports are told all the same.
    pub in_dnd: bool,
    /// Calls in a row that failed.
    pub failures: u32,
}

/// Figures of all tenants' reports, for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportFigures {
    /// Every tenant, by id.
    pub tenants: Vec<TenantReports>,
    /// Reports that were given up after their retention.
    pub expired: u64,
}

/// Figures of one tenant's reports. Counters begin with the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantReports {
    /// Whose.
    pub tenant: TenantId,
    /// Reports that wait for its application, when last looked at; none where it has no application.
    pub backlog: u64,
    /// When the oldest of them happened.
    pub oldest_at: Option<Timestamp>,
    /// Calls that were answered.
    pub syncs: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Reports that were acknowledged.
    pub acknowledged: u64,
    /// Reports that the application could not take at the time.
    pub refused: u64,
}

impl Default for ReportSettings {
    /// Heartbeats every 300 s, retries after 5 s to 300 s, a week of retention.
    fn default() -> Self {
        Self {
            fallback: None,
            heartbeat: Duration::from_secs(300),
            gathering: Duration::from_millis(250),
            retry_min: Duration::from_secs(5),
            retry_max: Duration::from_secs(300),
            deadline: Duration::from_secs(30),
            retention: Duration::from_secs(7 * 24 * 3600),
            look: Duration::from_secs(15),
        }
    }
}

impl Reporter {
    /// A reporter that has not begun yet. `web` decides which addresses may be called.
    pub fn new(
        submissions: Arc<dyn Submissions>,
        directory: Arc<dyn Directory>,
        store: Arc<dyn Store>,
        web: WebClient,
        settings: ReportSettings,
        clock: Clock,
    ) -> Self {
        let board = Arc::new(Board::new(settings.clone(), clock.clone()));
        Self {
            submissions,
            directory,
            store,
            web,
            settings,
            clock,
            board,
        }
    }

    /// Its handle.
    pub fn reports(&self) -> Reports {
        let board = Arc::clone(&self.board);
        Reports { board }
    }

    /// Tells reports until `stop`; what is being told then is waited for, for some seconds. Ends by itself when the
    /// store is closed.
    pub async fn run(self, stop: CancellationToken) {
        let watch = Watch::new(
            Arc::clone(&self.submissions),
            Arc::clone(&self.directory),
            self.store.tail(),
            Arc::clone(&self.board),
        );
        let look = Look {
            submissions: Arc::clone(&self.submissions),
            directory: Arc::clone(&self.directory),
            store: Arc::clone(&self.store),
            settings: self.settings.clone(),
            clock: self.clock.clone(),
            board: Arc::clone(&self.board),
        };
        let caller = Caller {
            submissions: self.submissions,
            directory: self.directory,
            store: self.store,
            web: self.web,
            settings: self.settings,
            clock: self.clock,
        };
        let courier = Courier::new(caller, self.board);
        let seeing = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = watch.run() => {}
                () = look.run() => {}
            }
            stop.cancel();
        };
        tokio::join!(seeing, courier.run(&stop));
    }
}

impl Reports {
    /// Calls the applications now: of one tenant even when it asked to be left alone, which ends with it; or of all
    /// tenants that did not.
    pub fn run_now(&self, tenant: Option<TenantId>) {
        match tenant {
            Some(tenant) => self.board.call_now(&tenant),
            None => self.board.call_all_now(),
        }
    }

    /// How each tenant's reports stand, by tenant.
    pub fn status(&self) -> Vec<SyncStatus> {
        self.board.status()
    }

    /// Whether a tenant's reports on a channel wait for somebody. Where it has no application, or its webhook is gone, they
    /// are kept for their retention, should it get one.
    pub fn are_awaited(&self, tenant: &Tenant, channel: Channel) -> bool {
        self.board.are_awaited(tenant, channel)
    }

    /// The figures for metrics, by tenant.
    pub fn figures(&self) -> ReportFigures {
        self.board.figures()
    }
}
