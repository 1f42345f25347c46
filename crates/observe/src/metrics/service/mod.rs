//! The service as metrics: `gmp_*` as genro-mail-proxy has them, `glasspost_service_*` beside them.

mod names;
mod rows;

use std::sync::Arc;

use model::Timestamp;
use model::metrics::Metric;
use model::metrics::service::{Queue, SERVICE_METRICS, ServiceMetricId as Id};
use store::submissions::{AccountCounts, ReportBacklog};

use super::{Format, text};
use crate::reports::ReportFigures;
pub use names::Names;
use rows::{Rows, Told, Traffic};

/// Everything that the service's metrics are made from, of one moment.
#[derive(Clone, Debug, Default)]
pub struct ServiceFigures {
    /// The moment.
    pub at: Timestamp,
    /// When the process began.
    pub started_at: Timestamp,
    /// Whether mail is being sent.
    pub is_active: bool,
    /// The figures of all processes together; `None` where another process exposes them.
    pub installation: Option<Installation>,
    /// What the accounts' lanes do in this process.
    pub lanes: Vec<LaneFigures>,
    /// The figures of the reports, as this process tells them.
    pub reports: ReportFigures,
    /// Places of the log that the archive has still to see to, where this process archives.
    pub archive_behind: u64,
    /// Who has series of its own: one for the life of the process.
    pub names: Arc<Names>,
}

/// What is the same whichever process is asked.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    /// The counts of every account.
    pub counts: Vec<AccountCounts>,
    /// How much waits where; a queue that is not among them is empty.
    pub queues: Vec<QueueFigures>,
    /// The reports that somebody waits for.
    pub backlog: Vec<ReportBacklog>,
}

/// How much waits in one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFigures {
    /// Which one.
    pub queue: Queue,
    /// How much.
    pub depth: u64,
    /// Since when the oldest of it.
    pub oldest_at: Option<Timestamp>,
}

/// What one account's lane does at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneFigures {
    /// Its open connections.
    pub connections: u64,
    /// Its messages that are under way.
    pub sending: u64,
    /// Whether it waits because a limit was reached.
    pub is_limited: bool,
    /// Whether its server cannot be used.
    pub is_troubled: bool,
}

/// Where the values of a metric's series come from.
enum Source {
    /// It has one series.
    One(f64),
    /// It has one for each account.
    Accounts(fn(&Traffic) -> u64),
    /// It has one for each tenant.
    Tenants(fn(&Told) -> f64),
    /// It has one for each queue.
    Queues(fn(&QueueFigures, Timestamp) -> f64),
}

/// Every metric of the service, as text.
pub fn exposition(figures: &ServiceFigures, format: Format) -> String {
    let (accounts, tenants) = rows::settled(figures);
    let mut text = String::new();
    let exposed =
        |metric: &&Metric<Id>| figures.installation.is_some() || !metric.id.is_of_installation();
    for metric in SERVICE_METRICS.iter().filter(exposed) {
        text::head(&mut text, metric, format);
        match figures.source(metric.id) {
            Source::One(value) => {
                for labels in metric.series() {
                    sample(&mut text, metric, &text::labels(metric, &labels), value);
                }
            }
            Source::Accounts(of) => {
                samples(&mut text, metric, &accounts, |traffic| count(of(traffic)));
            }
            Source::Tenants(of) => samples(&mut text, metric, &tenants, of),
            Source::Queues(of) => {
                for queue in Queue::ALL {
                    let labels = text::labels(metric, &[queue.as_str()]);
                    let value = of(&figures.queue(queue), figures.at);
                    sample(&mut text, metric, &labels, value);
                }
            }
        }
    }
    text::end(&mut text, format);
    text
}

fn samples<T>(text: &mut String, metric: &Metric<Id>, rows: &Rows<T>, of: impl Fn(&T) -> f64) {
    for (labels, row) in rows {
        sample(text, metric, labels, of(row));
    }
}

/// Values are written as genro-mail-proxy writes them: `1523.0`.
fn sample(text: &mut String, metric: &Metric<Id>, labels: &str, value: f64) {
    text::line(text, format_args!("{}{labels} {value:?}", metric.name));
}

impl ServiceFigures {
    fn source(&self, id: Id) -> Source {
        let (counts, lanes) = (self.counts().iter(), self.lanes.iter());
        Source::One(match id {
            Id::Sent => return Source::Accounts(|traffic| traffic.sent),
            Id::Errors => return Source::Accounts(|traffic| traffic.errors),
            Id::Deferred => return Source::Accounts(|traffic| traffic.deferred),
            Id::RateLimited => return Source::Accounts(|traffic| traffic.rate_limited),
            Id::ReportBacklog => return Source::Tenants(|told| count(told.backlog)),
            Id::ReportLag => return Source::Tenants(|told| told.lag_s),
            Id::ReportSyncs => return Source::Tenants(|told| count(told.syncs)),
            Id::ReportFailures => return Source::Tenants(|told| count(told.failures)),
            Id::ReportsAcknowledged => return Source::Tenants(|told| count(told.acknowledged)),
            Id::ReportsRefused => return Source::Tenants(|told| count(told.refused)),
            Id::QueueDepth => return Source::Queues(|queue, _| count(queue.depth)),
            Id::QueueOldestAge => return Source::Queues(age_s),
            Id::ReportsExpired => count(self.reports.expired),
            Id::ArchiveLag => count(self.archive_behind),
            Id::Pending => count(counts.map(pending).sum()),
            Id::BuildInfo => 1.0,
            Id::ProcessStart => self.started_at.as_millis() as f64 / 1e3,
            Id::Uptime => self.at.since(self.started_at).as_secs_f64(),
            Id::Active => flag(self.is_active),
            Id::Accounts => count(counts.count() as u64),
            Id::Accepted => count(counts.map(|account| account.accepted).sum()),
            Id::Cancelled => count(counts.map(|account| account.cancelled).sum()),
            Id::BooksBalance => flag({ counts }.all(balances)),
            Id::LanesBusy => self.lanes_with(|lane| lane.sending > 0),
            Id::LanesLimited => self.lanes_with(|lane| lane.is_limited),
            Id::LanesTroubled => self.lanes_with(|lane| lane.is_troubled),
            Id::Connections => count(lanes.map(|lane| lane.connections).sum()),
            Id::Sending => count(lanes.map(|lane| lane.sending).sum()),
        })
    }

    fn counts(&self) -> &[AccountCounts] {
        self.installation
            .as_ref()
            .map_or(&[], |installation| &installation.counts)
    }

    fn queue(&self, queue: Queue) -> QueueFigures {
        let mut queues = self.installation.iter().flat_map(|all| &all.queues);
        let found = queues.find(|figures| figures.queue == queue);
        found.copied().unwrap_or(QueueFigures {
            queue,
            depth: 0,
            oldest_at: None,
        })
    }

    fn lanes_with(&self, is_so: impl Fn(&LaneFigures) -> bool) -> f64 {
        let lanes = self.lanes.iter().filter(|lane| is_so(lane));
        count(lanes.count() as u64)
    }
}

/// How long the oldest has been there; nothing where its time is still to come.
fn age_s(queue: &QueueFigures, at: Timestamp) -> f64 {
    let age = queue.oldest_at.map(|oldest_at| at.since(oldest_at));
    age.unwrap_or_default().as_secs_f64()
}

fn outcomes(account: &AccountCounts) -> u64 {
    account.sent + account.errors + account.cancelled
}

fn balances(account: &AccountCounts) -> bool {
    outcomes(account) <= account.accepted
}

/// Submissions that are not final; none where the books do not balance, which has a metric of its own.
fn pending(account: &AccountCounts) -> u64 {
    account.accepted.saturating_sub(outcomes(account))
}

/// A count as the number that expositions have, which is exact up to 2^53.
fn count(number: u64) -> f64 {
    number as f64
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}
