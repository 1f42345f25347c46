//! The metrics of the service: what its accounts send, and how its reports get through.

use super::{Label, LabelValues, Metric, VERSION, counter, gauge};

/// Accounts that have series of their own.
pub const ACCOUNTS_NAMED_MAX: usize = 500;
/// Tenants that have series of their own.
pub const TENANTS_NAMED_MAX: usize = 200;

/// Which metric of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is explained by its help in the table")]
pub enum ServiceMetricId {
    Sent,
    Errors,
    Deferred,
    RateLimited,
    Pending,
    QueueDepth,
    QueueOldestAge,
    BuildInfo,
    ProcessStart,
    Uptime,
    Active,
    Accounts,
    Accepted,
    Cancelled,
    BooksBalance,
    LanesBusy,
    LanesLimited,
    LanesTroubled,
    Connections,
    Sending,
    ReportBacklog,
    ReportLag,
    ReportSyncs,
    ReportFailures,
    ReportsAcknowledged,
    ReportsRefused,
    ReportsExpired,
    ArchiveLag,
}

/// A stage that mail goes through, as a queue of what waits there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Messages that are made: rendered, their attachments fetched.
    Process,
    /// Messages that wait for their delivery.
    Deliver,
    /// Delivery reports that a tenant's application has not acknowledged.
    Webhook,
}

impl Queue {
    /// Every queue, in the order that mail goes through them.
    pub const ALL: [Self; 3] = [Self::Process, Self::Deliver, Self::Webhook];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "email:process",
            Self::Deliver => "smtp:deliver",
            Self::Webhook => "webhook:deliver",
        }
    }
}

impl ServiceMetricId {
    /// Whether it is about all processes that share a store together: one of them exposes it, so that sums over all that
    /// are scraped count nothing twice. The others are each process's own.
    pub fn is_of_installation(self) -> bool {
        match self {
            Self::Sent
            | Self::Errors
            | Self::Deferred
            | Self::RateLimited
            | Self::Pending
            | Self::QueueDepth
            | Self::QueueOldestAge
            | Self::Accounts
            | Self::Accepted
            | Self::Cancelled
            | Self::BooksBalance
            | Self::ReportBacklog
            | Self::ReportLag => true,
            Self::BuildInfo
            | Self::ProcessStart
            | Self::Uptime
            | Self::Active
            | Self::LanesBusy
            | Self::LanesLimited
            | Self::LanesTroubled
            | Self::Connections
            | Self::Sending
            | Self::ReportSyncs
            | Self::ReportFailures
            | Self::ReportsAcknowledged
            | Self::ReportsRefused
            | Self::ReportsExpired
            | Self::ArchiveLag => false,
        }
    }
}

const QUEUE: [Label; 1] = [Label {
    name: "queue",
    values: LabelValues::Known(|| Queue::ALL.map(Queue::as_str).to_vec()),
}];
const ACCOUNT: [Label; 4] = [
    open("account_id", ACCOUNTS_NAMED_MAX),
    open("account_name", ACCOUNTS_NAMED_MAX),
    open("tenant_id", ACCOUNTS_NAMED_MAX),
    open("tenant_name", ACCOUNTS_NAMED_MAX),
];
const TENANT: [Label; 1] = [open("tenant_id", TENANTS_NAMED_MAX)];

/// Every metric of the service, in the order that they are exposed and documented in. The names and helps of the first
/// five are genro-mail-proxy's own, for those who read them.
pub const SERVICE_METRICS: [Metric<ServiceMetricId>; 28] = [
    counter(ServiceMetricId::Sent, "gmp_sent_total", "Total sent emails").by(&ACCOUNT),
    counter(
        ServiceMetricId::Errors,
        "gmp_errors_total",
        "Total send errors",
    )
    .by(&ACCOUNT),
    counter(
        ServiceMetricId::Deferred,
        "gmp_deferred_total",
        "Total deferred emails",
    )
    .by(&ACCOUNT),
    counter(
        ServiceMetricId::RateLimited,
        "gmp_rate_limited_total",
        "Total rate limited occurrences",
    )
    .by(&ACCOUNT),
    gauge(
        ServiceMetricId::Pending,
        "gmp_pending_messages",
        "Current pending messages",
    ),
    gauge(
        ServiceMetricId::QueueDepth,
        "glasspost_queue_depth",
        "How much is at each stage: mail whose attachments are being fetched (email:process; on a data file, the messages \
         being made at the moment), messages that wait for their delivery, those \
         under way, put off and held back as well (smtp:deliver), delivery reports that an application has not \
         acknowledged (webhook:deliver).",
    )
    .by(&QUEUE),
    gauge(
        ServiceMetricId::QueueOldestAge,
        "glasspost_queue_oldest_age_seconds",
        "How long the oldest of it has been there: since it had to be fetched, or began to be made; since it became due, which it does anew \
         when it is put off, and does not while it is held back; since what is to be reported happened.",
    )
    .in_seconds()
    .by(&QUEUE),
    gauge(
        ServiceMetricId::BuildInfo,
        "glasspost_service_build_info",
        "Always 1; its label says which version runs.",
    )
    .by(&[VERSION]),
    gauge(
        ServiceMetricId::ProcessStart,
        "glasspost_service_start_time_seconds",
        "When the process began, since 1970.",
    )
    .in_seconds(),
    gauge(
        ServiceMetricId::Uptime,
        "glasspost_service_uptime_seconds",
        "How long the process has been running.",
    )
    .in_seconds(),
    gauge(
        ServiceMetricId::Active,
        "glasspost_service_active",
        "1 while mail is being sent, 0 while somebody has stopped that.",
    ),
    gauge(
        ServiceMetricId::Accounts,
        "glasspost_service_accounts",
        "Accounts, those without a name in the series as well.",
    ),
    counter(
        ServiceMetricId::Accepted,
        "glasspost_service_accepted_total",
        "Submissions that responsibility was taken for, of all accounts.",
    ),
    counter(
        ServiceMetricId::Cancelled,
        "glasspost_service_cancelled_total",
        "Submissions that were taken back before they were final, of all accounts.",
    ),
    gauge(
        ServiceMetricId::BooksBalance,
        "glasspost_service_books_balance",
        "1 when no account has more submissions sent, failed and taken back than it accepted.",
    ),
    gauge(
        ServiceMetricId::LanesBusy,
        "glasspost_service_lanes_busy",
        "Accounts of which this process has a message under way.",
    ),
    gauge(
        ServiceMetricId::LanesLimited,
        "glasspost_service_lanes_limited",
        "Accounts that wait because a limit was reached, as this process sees it.",
    ),
    gauge(
        ServiceMetricId::LanesTroubled,
        "glasspost_service_lanes_troubled",
        "Accounts whose server this process cannot use at the moment.",
    ),
    gauge(
        ServiceMetricId::Connections,
        "glasspost_service_connections",
        "Open connections of this process to mail servers.",
    ),
    gauge(
        ServiceMetricId::Sending,
        "glasspost_service_sending",
        "Messages that this process has under way.",
    ),
    gauge(
        ServiceMetricId::ReportBacklog,
        "glasspost_service_report_backlog",
        "Delivery reports that the tenant's application has not acknowledged. Those of a tenant without an application \
         wait for nobody: they are not counted, and kept for their retention.",
    )
    .by(&TENANT),
    gauge(
        ServiceMetricId::ReportLag,
        "glasspost_service_report_lag_seconds",
        "How long ago the oldest of them happened; under other, the longest.",
    )
    .in_seconds()
    .by(&TENANT),
    counter(
        ServiceMetricId::ReportSyncs,
        "glasspost_service_report_syncs_total",
        "Calls by this process that the tenant's application answered, those without a report as well.",
    )
    .by(&TENANT),
    counter(
        ServiceMetricId::ReportFailures,
        "glasspost_service_report_failures_total",
        "Calls by this process that the tenant's application did not answer well.",
    )
    .by(&TENANT),
    counter(
        ServiceMetricId::ReportsAcknowledged,
        "glasspost_service_reports_acknowledged_total",
        "Delivery reports that the tenant's application acknowledged.",
    )
    .by(&TENANT),
    counter(
        ServiceMetricId::ReportsRefused,
        "glasspost_service_reports_refused_total",
        "Delivery reports that the tenant's application could not take at the time.",
    )
    .by(&TENANT),
    counter(
        ServiceMetricId::ReportsExpired,
        "glasspost_service_reports_expired_total",
        "Delivery reports that were given up after their retention.",
    ),
    gauge(
        ServiceMetricId::ArchiveLag,
        "glasspost_archive_lag_places",
        "Places of the log that the archive of events has still to see to, where this process is the one that archives.",
    ),
];

const fn open(name: &'static str, named_max: usize) -> Label {
    let values = LabelValues::Open { named_max };
    Label { name, values }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::metrics::{Kind, METRICS};

    #[test]
    fn the_table_keeps_the_rules_of_names() {
        let campaign = METRICS.iter().map(|metric| metric.name);
        let service = SERVICE_METRICS.iter().map(|metric| metric.name);
        let names: HashSet<_> = campaign.chain(service).collect();
        let ids: HashSet<_> = SERVICE_METRICS.iter().map(|metric| metric.id).collect();
        assert_eq!(names.len(), METRICS.len() + SERVICE_METRICS.len());
        assert_eq!(ids.len(), SERVICE_METRICS.len());
        for metric in &SERVICE_METRICS {
            let name = metric.name;
            let is_counter = metric.kind == Kind::Counter;
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            assert!(name.ends_with(metric.unit.unwrap_or_default()), "{name}");
            assert!(
                name.starts_with("gmp_") || metric.help.ends_with('.'),
                "{name}"
            );
        }
    }

    #[test]
    fn series_stay_few_however_many_tenants_and_accounts_there_are() {
        let series: usize = SERVICE_METRICS.iter().map(Metric::series_max).sum();
        assert_eq!(SERVICE_METRICS[0].series_max(), ACCOUNTS_NAMED_MAX + 1);
        assert!(series < 5_000, "{series}");
    }
}
