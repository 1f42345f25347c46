//! Writes the page on metrics: `cargo run -p model --example metrics_page > docs/metrics.md`.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use model::metrics::{DELIVERY_BUCKETS_S, Kind, METRICS, Metric};

const OPENING: &str = "\
# Metrics

<!-- Written from crates/model/src/metrics.rs: change that, then
     cargo run -p model --example metrics_page > docs/metrics.md -->

`GET /metrics` answers in Prometheus's text format 0.0.4, and in OpenMetrics 1.0 when the `Accept` header names
`application/openmetrics-text`. Everything is counted from the event log and of one moment, so it agrees with the
dashboard and with the account of the campaign.

The names that begin with `mailgrid_` are MailGrid's own, so that what reads them goes on working. (Its
`mailgrid_emails_total` is a gauge in spite of its name.)

Every series is there from the start, at zero, and no label holds an address, a domain, an id or the words of a
server: the number of series does not depend on what is sent to whom. When a run is resumed, its counters begin with
what the log has of it.
";

fn main() -> io::Result<()> {
    io::stdout().lock().write_all(page().as_bytes())
}

/// The whole page.
pub fn page() -> String {
    let mut page = OPENING.to_owned();
    for metric in &METRICS {
        section(&mut page, metric);
    }
    let series: usize = METRICS.iter().map(series_count).sum();
    let _ = write!(
        page,
        "\nIn all {} metrics with {series} series.\n",
        METRICS.len()
    );
    page
}

fn section(page: &mut String, metric: &Metric) {
    let Metric { name, help, .. } = metric;
    let kind = metric.kind.as_str();
    let unit = metric
        .unit
        .map_or(String::new(), |unit| format!(", in {unit}"));
    let _ = write!(page, "\n## `{name}`\n\nA {kind}{unit}. {help}\n");
    for label in metric.labels {
        let values: Vec<String> = (label.values)()
            .iter()
            .map(|value| format!("`{value}`"))
            .collect();
        let _ = write!(page, "\nLabel `{}`: {}\n", label.name, values.join(", "));
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

fn series_count(metric: &Metric) -> usize {
    match metric.kind {
        Kind::Counter | Kind::Gauge => metric.series().len(),
        // The buckets, the one without a bound, the sum and the count.
        Kind::Histogram => DELIVERY_BUCKETS_S.len() + 3,
    }
}
