//! What the console is told by who delivers and reports: it knows nothing of how they run.

use model::account::AccountPk;
use model::{Seq, Timestamp};
use observe::reports::{ReportFigures, SyncStatus};

/// What the service has in memory beside its store. Every answer is at once and from memory.
pub trait FiguresSource: Send + Sync + 'static {
    /// The lanes that are worked on, one an account at most.
    fn lanes(&self) -> Vec<Lane>;

    /// How the reports to each tenant stand that gets some.
    fn reporting(&self) -> Vec<SyncStatus>;

    /// What the reports came to so far, for the metrics.
    fn report_figures(&self) -> ReportFigures;

    /// Whether mail is sent: `false` while the operator has it suspended.
    fn is_active(&self) -> bool;

    /// Whether the task that sends is alive.
    fn is_running(&self) -> bool;

    /// Whether this message is being sent.
    fn is_sending(&self, message: Seq) -> bool;
}

/// One account's lane as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The account.
    pub account: AccountPk,
    /// Connections that are open.
    pub connections: u64,
    /// Messages that are being sent.
    pub sending: u64,
    /// Why nothing goes, in words.
    pub trouble: Option<Box<str>>,
    /// Until when a limit holds its mail back.
    pub limited_until: Option<Timestamp>,
}
