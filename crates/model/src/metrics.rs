//! The one table of metrics: what is exposed, what is documented and what alerts may name comes from here.
//!
//! Most labels have their values from closed sets; where the set is open, like that of the accounts, so many are named
//! at most and the others are summed. So the number of series does not depend on what is sent to whom. Each series is
//! there from the start, at zero.

pub mod service;

use crate::event::EventKind;
use crate::live::Stage;
use crate::message::MessageState;
use crate::reply::Category;

/// One metric: of a campaign, or with its own ids of the service.
#[derive(Clone, Copy, Debug)]
pub struct Metric<I = MetricId> {
    /// Which one.
    pub id: I,
    /// Its name; a counter's ends in `_total`.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// What it is measured in, where that is not a number of things. The name ends with it.
    pub unit: Option<&'static str>,
    /// What its series are told apart by: one series for each combination of values.
    pub labels: &'static [Label],
    /// What it says.
    pub help: &'static str,
}

/// What a metric does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from zero at the start of the process or of what it counts again.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size, in [`DELIVERY_BUCKETS_S`].
    Histogram,
}

/// What series are told apart by.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What values it can have.
    pub values: LabelValues,
}

/// What values a label can have.
#[derive(Clone, Copy, Debug)]
pub enum LabelValues {
    /// One of these.
    Known(fn() -> Vec<&'static str>),
    /// Whatever identifies an account or a tenant: so many of them by name at most, the others summed under [`OTHER`].
    /// The open labels of one metric identify the same thing together.
    Open {
        /// How many by name.
        named_max: usize,
    },
}

/// The label value of what is not named but summed.
pub const OTHER: &str = "other";

/// Which metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is explained by its help in the table")]
pub enum MetricId {
    MailgridSent,
    MailgridFailed,
    MailgridPending,
    MailgridTotal,
    MailgridDuration,
    BuildInfo,
    ProcessStart,
    RunStart,
    RunStage,
    RunListed,
    Accepted,
    Repeats,
    MessagesByState,
    MessagesByStatus,
    BooksBalance,
    Attempts,
    Replies,
    ReplyCodes,
    Failures,
    ProviderAccepted,
    ProviderOutcomes,
    DeliveryDuration,
    Connections,
    Rate,
    Domains,
    DomainRest,
    ActivityEntries,
    ReaderDelay,
    ReaderPages,
    ReaderErrors,
    StreamClients,
    StreamDropped,
}

/// Upper bounds of the delivery duration's buckets, in seconds; one without a bound follows.
pub const DELIVERY_BUCKETS_S: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];

/// Reply codes that are counted one by one (RFC 5321 §4.2.3, RFC 3463, RFC 4954 §6 and what servers use beside
/// them). The others are one series, `other`; an attempt without an answer is `none`.
pub const REPLY_CODES: [&str; 36] = [
    "211", "214", "220", "221", "235", "250", "251", "252", "334", "354", "421", "432", "450",
    "451", "452", "454", "455", "458", "459", "471", "500", "501", "502", "503", "504", "521",
    "530", "534", "535", "550", "551", "552", "553", "554", "555", "556",
];

const STATE: Label = Label {
    name: "state",
    values: LabelValues::Known(|| MessageState::ALL.map(MessageState::as_str).to_vec()),
};
const STATUS: Label = Label {
    name: "status",
    values: LabelValues::Known(|| vec!["pending", "sending", "sent", "failed", "retry"]),
};
const STAGE: Label = Label {
    name: "stage",
    values: LabelValues::Known(|| Stage::ALL.map(Stage::as_str).to_vec()),
};
const ATTEMPT_OUTCOME: Label = Label {
    name: "outcome",
    values: LabelValues::Known(|| ATTEMPT_OUTCOMES.map(EventKind::as_str).to_vec()),
};
const CLASS: Label = Label {
    name: "class",
    values: LabelValues::Known(|| vec!["2xx", "3xx", "4xx", "5xx", "none"]),
};
const CODE: Label = Label {
    name: "code",
    values: LabelValues::Known(|| [REPLY_CODES.as_slice(), &["other", "none"]].concat()),
};
const CATEGORY: Label = Label {
    name: "category",
    values: LabelValues::Known(|| Category::ALL.map(Category::as_str).to_vec()),
};
const PROVIDER: Label = Label {
    name: "provider",
    values: LabelValues::Known(|| {
        vec![
            "gmail",
            "outlook",
            "yahoo",
            "apple",
            "other public",
            "own domain",
        ]
    }),
};
const PROVIDER_OUTCOME: Label = Label {
    name: "outcome",
    values: LabelValues::Known(|| vec!["delivered", "failed", "deferred"]),
};
const VERSION: Label = Label {
    name: "version",
    values: LabelValues::Known(|| vec![env!("CARGO_PKG_VERSION")]),
};

/// What an attempt can lead to.
pub const ATTEMPT_OUTCOMES: [EventKind; 4] = [
    EventKind::Delivered,
    EventKind::Deferred,
    EventKind::Bounced,
    EventKind::Expired,
];

/// Every metric, in the order that they are exposed and documented in.
pub const METRICS: [Metric; 32] = [
    counter(
        MetricId::MailgridSent,
        "mailgrid_emails_sent_total",
        "Emails sent.",
    ),
    counter(
        MetricId::MailgridFailed,
        "mailgrid_emails_failed_total",
        "Emails that failed for good.",
    ),
    gauge(
        MetricId::MailgridPending,
        "mailgrid_emails_pending",
        "Emails that wait for their first attempt.",
    ),
    gauge(
        MetricId::MailgridTotal,
        "mailgrid_emails_total",
        "Emails of the campaign, those that were taken back left out.",
    ),
    gauge(
        MetricId::MailgridDuration,
        "mailgrid_campaign_duration_seconds",
        "Time since the campaign began, until its end.",
    )
    .in_seconds(),
    gauge(
        MetricId::BuildInfo,
        "glasspost_build_info",
        "Always 1; its label says which version runs.",
    )
    .by(&[VERSION]),
    gauge(
        MetricId::ProcessStart,
        "glasspost_process_start_time_seconds",
        "When the process began, since 1970.",
    )
    .in_seconds(),
    gauge(
        MetricId::RunStart,
        "glasspost_run_start_time_seconds",
        "When the campaign's run began, since 1970.",
    )
    .in_seconds(),
    gauge(
        MetricId::RunStage,
        "glasspost_run_stage",
        "1 for the stage that the run is in, 0 for the others.",
    )
    .by(&[STAGE]),
    gauge(
        MetricId::RunListed,
        "glasspost_run_listed",
        "1 when the list has been read to its end, so that the totals are final.",
    ),
    counter(
        MetricId::Accepted,
        "glasspost_messages_accepted_total",
        "Messages that responsibility was taken for.",
    ),
    counter(
        MetricId::Repeats,
        "glasspost_messages_repeated_total",
        "Of the accepted messages, those that repeat a failed one because somebody asked for it.",
    ),
    gauge(
        MetricId::MessagesByState,
        "glasspost_messages",
        "Messages by where they stand in the books.",
    )
    .by(&[STATE]),
    gauge(
        MetricId::MessagesByStatus,
        "glasspost_messages_by_status",
        "Messages by what the dashboard shows: the queued ones told apart, those that were taken back left out.",
    )
    .by(&[STATUS]),
    gauge(
        MetricId::BooksBalance,
        "glasspost_books_balance",
        "1 when the accepted messages are as many as those in all states together.",
    ),
    counter(
        MetricId::Attempts,
        "glasspost_attempts_total",
        "Attempts by what they led to.",
    )
    .by(&[ATTEMPT_OUTCOME]),
    counter(
        MetricId::Replies,
        "glasspost_replies_total",
        "Attempts by the class of the reply that decided them; none is no answer.",
    )
    .by(&[CLASS]),
    counter(
        MetricId::ReplyCodes,
        "glasspost_reply_codes_total",
        "Attempts by the code of the reply that decided them; none is no answer, other any code not listed.",
    )
    .by(&[CODE]),
    counter(
        MetricId::Failures,
        "glasspost_failures_total",
        "Messages that failed for good, by why.",
    )
    .by(&[CATEGORY]),
    counter(
        MetricId::ProviderAccepted,
        "glasspost_provider_accepted_total",
        "Accepted messages by the provider of the recipient's domain.",
    )
    .by(&[PROVIDER]),
    counter(
        MetricId::ProviderOutcomes,
        "glasspost_provider_outcomes_total",
        "Outcomes by the provider of the recipient's domain: delivered, failed for good, or deferred to another attempt.",
    )
    .by(&[PROVIDER, PROVIDER_OUTCOME]),
    Metric {
        id: MetricId::DeliveryDuration,
        name: "glasspost_delivery_duration_seconds",
        kind: Kind::Histogram,
        unit: Some("seconds"),
        labels: &[],
        help: "How long attempts that delivered took.",
    },
    gauge(
        MetricId::Connections,
        "glasspost_connections",
        "Open connections to mail servers.",
    ),
    gauge(
        MetricId::Rate,
        "glasspost_messages_per_second",
        "Messages delivered or failed a second, over the last five seconds.",
    ),
    gauge(
        MetricId::Domains,
        "glasspost_domains",
        "Recipients' domains that are counted one by one.",
    ),
    gauge(
        MetricId::DomainRest,
        "glasspost_domain_rest_messages",
        "Messages to domains beyond those that are counted one by one.",
    ),
    counter(
        MetricId::ActivityEntries,
        "glasspost_activity_entries_total",
        "Entries of the activity log, also those that are no longer kept.",
    ),
    gauge(
        MetricId::ReaderDelay,
        "glasspost_reader_delay_seconds",
        "How long after it happened the newest event was counted: its commit and the way here.",
    )
    .in_seconds(),
    counter(
        MetricId::ReaderPages,
        "glasspost_reader_pages_total",
        "Pages of the log that were read back from the store instead of from memory, after many commits at once, or because another process wrote.",
    ),
    counter(
        MetricId::ReaderErrors,
        "glasspost_reader_errors_total",
        "How often the store did not answer whoever counts.",
    ),
    gauge(
        MetricId::StreamClients,
        "glasspost_stream_clients",
        "Browsers and others that the event stream is open to.",
    ),
    counter(
        MetricId::StreamDropped,
        "glasspost_stream_clients_dropped_total",
        "Event streams that were closed because their reader did not keep up.",
    ),
];

const fn counter<I: Copy>(id: I, name: &'static str, help: &'static str) -> Metric<I> {
    Metric {
        kind: Kind::Counter,
        ..gauge(id, name, help)
    }
}

const fn gauge<I: Copy>(id: I, name: &'static str, help: &'static str) -> Metric<I> {
    Metric {
        id,
        name,
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        help,
    }
}

impl<I: Copy> Metric<I> {
    const fn in_seconds(self) -> Self {
        Self {
            unit: Some("seconds"),
            ..self
        }
    }

    const fn by(self, labels: &'static [Label]) -> Self {
        Self { labels, ..self }
    }

    /// The label values of each of its series, in the labels' order; none for a metric with open labels.
    pub fn series(&self) -> Vec<Vec<&'static str>> {
        let none = vec![Vec::new()];
        self.labels.iter().fold(none, |series, label| {
            let values = label.known();
            let with_each = |before: Vec<&'static str>| {
                let with = |value: &&'static str| [before.as_slice(), &[*value]].concat();
                values.iter().map(with).collect::<Vec<_>>()
            };
            series.into_iter().flat_map(with_each).collect()
        })
    }

    /// How many series it has at most. (Those of a histogram's buckets are not counted.)
    pub fn series_max(&self) -> usize {
        let mut known = 1;
        let mut open = 1;
        for label in self.labels {
            match label.values {
                LabelValues::Known(values) => known *= values().len(),
                LabelValues::Open { named_max } => open = named_max + 1,
            }
        }
        known * open
    }
}

impl Label {
    /// Its values, where they are known beforehand.
    pub fn known(&self) -> Vec<&'static str> {
        match self.values {
            LabelValues::Known(values) => values(),
            LabelValues::Open { .. } => Vec::new(),
        }
    }
}

impl Kind {
    /// The word as it stands in expositions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn is_name(text: &str) -> bool {
        let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(is_part)
    }

    #[test]
    fn the_table_keeps_the_rules_of_names() {
        let names: HashSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        let ids: HashSet<_> = METRICS.iter().map(|metric| metric.id).collect();
        assert_eq!((names.len(), ids.len()), (METRICS.len(), METRICS.len()));
        for metric in &METRICS {
            let name = metric.name;
            assert!(is_name(name), "{name}");
            // MailGrid's own name for a gauge.
            if metric.id != MetricId::MailgridTotal {
                let is_counter = metric.kind == Kind::Counter;
                assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            }
            let unit = metric.unit.unwrap_or_default();
            assert!(name.ends_with(unit), "{name} is in {unit}");
            assert!(metric.labels.iter().all(|label| is_name(label.name)));
            assert!(metric.help.ends_with('.'), "{name}: {}", metric.help);
        }
    }

    #[test]
    fn series_are_few_and_known() {
        let of = |id| {
            METRICS
                .iter()
                .find(|metric| metric.id == id)
                .unwrap()
                .series()
        };
        assert_eq!(of(MetricId::Accepted), [Vec::<&str>::new()]);
        assert_eq!(of(MetricId::ProviderOutcomes).len(), 18);
        assert_eq!(of(MetricId::ProviderOutcomes)[1], ["gmail", "failed"]);
        let count: usize = METRICS.iter().map(|metric| metric.series().len()).sum();
        assert!(count < 200, "{count} series");
        let count_max: usize = METRICS.iter().map(Metric::series_max).sum();
        assert_eq!(count, count_max);
    }
}
