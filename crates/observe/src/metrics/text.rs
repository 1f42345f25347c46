//! Metrics as lines of text (Prometheus exposition format 0.0.4; OpenMetrics 1.0.0).

use std::borrow::Cow;
use std::fmt::{Display, Write};

use model::metrics::{DELIVERY_BUCKETS_S, Kind, Metric};

use super::Format;
use super::values::{Spread, Values};

/// The whole text.
pub(super) fn exposition(metrics: &[Metric], values: &Values, format: Format) -> String {
    let mut text = String::new();
    for metric in metrics {
        head(&mut text, metric, format);
        match metric.kind {
            Kind::Counter | Kind::Gauge => {
                for series in metric.series() {
                    let value = values.of(metric.id, &series);
                    sample(&mut text, metric, "", &labels(metric, &series), value);
                }
            }
            Kind::Histogram => spread(&mut text, metric, &values.spread()),
        }
    }
    end(&mut text, format);
    text
}

/// What ends the whole text.
pub(super) fn end(text: &mut String, format: Format) {
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
}

/// What stands above the samples of a metric.
pub(super) fn head<I>(text: &mut String, metric: &Metric<I>, format: Format) {
    let family = match (format, metric.kind) {
        // OpenMetrics names the family of a counter without what its sample ends with.
        (Format::OpenMetrics, Kind::Counter) => metric.name.trim_end_matches("_total"),
        _ => metric.name,
    };
    line(
        text,
        format_args!("# HELP {family} {}", escaped(metric.help)),
    );
    line(
        text,
        format_args!("# TYPE {family} {}", metric.kind.as_str()),
    );
    if let (Format::OpenMetrics, Some(unit)) = (format, metric.unit) {
        line(text, format_args!("# UNIT {family} {unit}"));
    }
}

/// The buckets, each with those below it, then the sum and the count.
fn spread(text: &mut String, metric: &Metric, spread: &Spread<'_>) {
    let limits = DELIVERY_BUCKETS_S.map(|limit| format!("{limit:?}"));
    let limits = limits.iter().map(String::as_str).chain(["+Inf"]);
    let mut below = 0;
    for (limit, count) in limits.zip(spread.buckets) {
        below += count;
        let label = format!("{{le=\"{limit}\"}}");
        sample(text, metric, "_bucket", &label, below as f64);
    }
    sample(text, metric, "_sum", "", spread.sum_s);
    sample(text, metric, "_count", "", below as f64);
}

fn sample(text: &mut String, metric: &Metric, ending: &str, labels: &str, value: f64) {
    line(
        text,
        format_args!("{}{ending}{labels} {value}", metric.name),
    );
}

pub(super) fn labels<I>(metric: &Metric<I>, values: &[&str]) -> String {
    if values.is_empty() {
        return String::new();
    }
    pairs(
        metric
            .labels
            .iter()
            .map(|label| label.name)
            .zip(values.iter().copied()),
    )
}

/// Labels with their values, as they stand behind a metric's name.
pub(super) fn pairs<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pair = |(name, value)| format!("{name}=\"{}\"", escaped(value));
    let pairs: Vec<String> = labels.map(pair).collect();
    format!("{{{}}}", pairs.join(","))
}

/// Text in which nothing ends a line or a label's value. Prometheus's own form lets a help have its quotes as they
/// are; a table's help has none.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\\', '"', '\n']) {
        return Cow::Borrowed(text);
    }
    let text = text
        .replace('\\', r"\\")
        .replace('"', r#"\""#)
        .replace('\n', r"\n");
    Cow::Owned(text)
}

pub(super) fn line(text: &mut String, line: impl Display) {
    // Writing into a string does not fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_line_or_a_value_early() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
