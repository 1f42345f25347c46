//! What the console is told by who delivers and reports: it knows nothing of how they run.

use deliver::dispatch::LaneNow;
use model::Seq;
use observe::reports::{ReportFigures, SyncStatus};
use store::submissions::ReportBacklog;

/// What the service has in memory beside its store. Every answer is at once and from memory.
pub trait FiguresSource: Send + Sync + 'static {
    /// The lanes that are worked on, one an account at most.
    fn lanes(&self) -> Vec<LaneNow>;

    /// How the reports to each tenant stand that gets some.
    fn reporting(&self) -> Vec<SyncStatus>;

    /// Leaves of a backlog only the reports that wait for somebody.
    fn retain_awaited(&self, backlog: &mut Vec<ReportBacklog>);

    /// What the reports came to so far, for the metrics.
    fn report_figures(&self) -> ReportFigures;

    /// Whether mail is sent: `false` while the operator has it suspended.
    fn is_active(&self) -> bool;

    /// Whether the task that sends is alive.
    fn is_running(&self) -> bool;

    /// Whether this message is being sent.
    fn is_sending(&self, message: Seq) -> bool;
}
