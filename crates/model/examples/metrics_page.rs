//! Writes the page on metrics: `cargo run -p model --example metrics_page > docs/metrics.md`.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use model::metrics::service::{SERVICE_METRICS, ServiceMetricId};
use model::metrics::{DELIVERY_BUCKETS_S, Kind, LabelValues, METRICS, Metric, OTHER};

const OPENING: &str = "\
# Metrics

<!-- Written from crates/model/src/metrics.rs and metrics/service.rs: change them, then
     cargo run -p model --example metrics_page > docs/metrics.md -->

`GET /metrics` answers in Prometheus's text format 0.0.4, and in OpenMetrics 1.0 when the `Accept` header names
`application/openmetrics-text`. Every series is there from the start, at zero, and no label holds an address, a domain,
a message's id or the words of a server: the number of series does not depend on what is sent to whom.
";

const CAMPAIGN: &str = "
## Of a campaign

What `glasspost send --monitor` exposes. Everything is counted from the event log and of one moment, so it agrees with
the dashboard and with the account of the campaign. When a run is resumed, its counters begin with what the log has of
it.

The names that begin with `mailgrid_` are MailGrid's own, so that what reads them goes on working. (Its
`mailgrid_emails_total` is a gauge in spite of its name.)
";

const SERVICE: &str = "
## Of the service

What `glasspost serve` exposes. Some figures are of the whole installation, the same whichever process is asked:
they are exposed by one process, so that a sum over all processes counts nothing twice. Each of them is marked below.
On PostgreSQL it is the process that has the duty `housekeeping`, which `glasspost nodes` shows; when that process ends,
another has the duty, and exposes them, within twelve seconds. Their `instance` changes then, so alerts and panels leave
it out: `max without (instance) (gmp_pending_messages)`, `sum without (instance) (rate(gmp_sent_total[5m]))`. On a data
file it is always the only process. All the other figures are of the process that is asked.

The counts of submissions are kept in the transactions that change what they count, so
accepted = sent + errors + cancelled + pending at every moment, and they go on after a restart where they were. The
others begin with the process.

The names that begin with `gmp_` are genro-mail-proxy's own, so that what reads them goes on working. While there is no
account, they have one series at zero, with `default` in every label. An account has no name but its id; a tenant
without a name has its id in the place of it. A name is cut after 100 characters.

Where there are more accounts or tenants than have series of their own, those with the most traffic at the first
look have, and others as they are added while there is room. Whoever has one keeps it while the process runs, and so
do those that are summed under `other` stay there, so that no counter goes back.
";

fn main() -> io::Result<()> {
    io::stdout().lock().write_all(page().as_bytes())
}

/// The whole page.
pub fn page() -> String {
    let mut page = OPENING.to_owned();
    part(&mut page, CAMPAIGN, &METRICS, |_| false);
    part(
        &mut page,
        SERVICE,
        &SERVICE_METRICS,
        ServiceMetricId::is_of_installation,
    );
    page
}

fn part<I: Copy>(
    page: &mut String,
    opening: &str,
    metrics: &[Metric<I>],
    is_of_installation: fn(I) -> bool,
) {
    page.push_str(opening);
    for metric in metrics {
        section(page, metric);
        if is_of_installation(metric.id) {
            page.push_str("\nOf the whole installation: one process exposes it.\n");
        }
    }
    let series: usize = metrics.iter().map(series_max).sum();
    let count = metrics.len();
    let has_open = metrics.iter().any(|metric| metric.series().is_empty());
    let at_most = if has_open { " at most" } else { "" };
    let _ = write!(
        page,
        "\nIn all {count} metrics with {series} series{at_most}.\n"
    );
}

fn section<I: Copy>(page: &mut String, metric: &Metric<I>) {
    let Metric { name, help, .. } = metric;
    let kind = metric.kind.as_str();
    let unit = metric
        .unit
        .map_or(String::new(), |unit| format!(", in {unit}"));
    let help = help.trim_end_matches('.');
    let _ = write!(page, "\n### `{name}`\n\nA {kind}{unit}. {help}.\n");
    for label in metric.labels {
        let _ = write!(page, "\nLabel `{}`: {}\n", label.name, values(label.values));
    }
    if metric.kind == Kind::Histogram {
        let buckets = DELIVERY_BUCKETS_S.map(|limit| format!("{limit}"));
        let _ = write!(
            page,
            "\nBuckets up to: {}, and without a bound\n",
            buckets.join(", ")
        );
    }
}

fn values(values: LabelValues) -> String {
    match values {
        LabelValues::Known(values) => {
            let quoted: Vec<String> = values().iter().map(|value| format!("`{value}`")).collect();
            quoted.join(", ")
        }
        LabelValues::Open { named_max } => format!("{named_max} at most, and `{OTHER}`"),
    }
}

fn series_max<I: Copy>(metric: &Metric<I>) -> usize {
    match metric.kind {
        Kind::Counter | Kind::Gauge => metric.series_max(),
        // The buckets, the one without a bound, the sum and the count.
        Kind::Histogram => DELIVERY_BUCKETS_S.len() + 3,
    }
}
