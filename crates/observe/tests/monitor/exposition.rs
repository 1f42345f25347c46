//! Metrics as their own tools read them.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use model::EventKind;
use model::metrics::METRICS;
use observe::metrics::{Format, Process, exposition};

use crate::run::{Run, START, at};

/// Debian's own, for which Debian's packages are; the first in the search path may be another.
const DEBIAN_PYTHON: &str = "/usr/bin/python3";
/// Reads an exposition strictly, and says how many samples of how many families it has.
const READ_OPENMETRICS: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
print(len(families), sum(len(family.samples) for family in families))
";

fn run_with(program: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}: run scripts/install-test-parts.sh"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn process() -> Process {
    Process {
        started_at: START,
        stream_clients: 3,
        stream_clients_dropped: 2,
    }
}

async fn busy_run() -> (Run, observe::Monitor) {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let messages = run.accept_at("gmail.com", 20).await;
    run.record(&messages[..12], EventKind::Delivered, 2).await;
    run.record(&messages[12..15], EventKind::Bounced, 3).await;
    run.record(&messages[15..17], EventKind::Deferred, 3).await;
    run.clock.set(at(10));
    monitor.catch_up().await.unwrap();
    (run, monitor)
}

pub fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let value = line.unwrap_or_else(|| panic!("{series} is not there:\n{text}"));
    value.trim().parse().unwrap()
}

#[tokio::test]
async fn prometheus_finds_nothing_to_complain_about() {
    let (_run, monitor) = busy_run().await;
    let text = exposition(&monitor, &process(), Format::Prometheus);
    let output = run_with("promtool", &["check", "metrics"], &text);
    let complaints = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    // MailGrid's own name, which is kept for those who read it.
    let known = "mailgrid_emails_total non-counter metrics should not have \"_total\" suffix\n";
    assert_eq!(complaints, known);
}

#[tokio::test]
async fn openmetrics_are_read_by_their_reference_parser() {
    let (_run, monitor) = busy_run().await;
    let text = exposition(&monitor, &process(), Format::OpenMetrics);
    let output = run_with(DEBIAN_PYTHON, &["-c", READ_OPENMETRICS], &text);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{text}");
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    let counts = format!("{} {samples}\n", METRICS.len());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), counts);
    assert!(text.ends_with("\n# EOF\n"));
    assert!(text.contains("# TYPE glasspost_attempts counter\n"));
    assert!(text.contains("# UNIT glasspost_delivery_duration_seconds seconds\n"));
}

#[tokio::test]
async fn metrics_say_what_the_figures_say() {
    let (_run, monitor) = busy_run().await;
    let text = exposition(&monitor, &process(), Format::Prometheus);
    let expected = [
        ("mailgrid_emails_sent_total ", 12.0),
        ("mailgrid_emails_failed_total ", 3.0),
        ("mailgrid_emails_pending ", 3.0),
        ("mailgrid_emails_total ", 20.0),
        ("mailgrid_campaign_duration_seconds ", 10.0),
        ("glasspost_messages_by_status{status=\"retry\"} ", 2.0),
        ("glasspost_messages{state=\"queued\"} ", 5.0),
        ("glasspost_books_balance ", 1.0),
        ("glasspost_attempts_total{outcome=\"deferred\"} ", 2.0),
        ("glasspost_replies_total{class=\"5xx\"} ", 3.0),
        ("glasspost_reply_codes_total{code=\"250\"} ", 12.0),
        ("glasspost_reply_codes_total{code=\"other\"} ", 0.0),
        (
            "glasspost_failures_total{category=\"unknown_recipient\"} ",
            3.0,
        ),
        (
            "glasspost_provider_outcomes_total{provider=\"gmail\",outcome=\"delivered\"} ",
            12.0,
        ),
        (
            "glasspost_delivery_duration_seconds_bucket{le=\"0.001\"} ",
            0.0,
        ),
        (
            "glasspost_delivery_duration_seconds_bucket{le=\"0.0025\"} ",
            12.0,
        ),
        ("glasspost_delivery_duration_seconds_count ", 12.0),
        ("glasspost_delivery_duration_seconds_sum ", 0.024),
        ("glasspost_run_stage{stage=\"starting\"} ", 1.0),
        ("glasspost_stream_clients ", 3.0),
        ("glasspost_stream_clients_dropped_total ", 2.0),
    ];
    for (series, expected) in expected {
        assert_eq!(value(&text, series), expected, "{series}");
    }
}

#[tokio::test]
async fn every_series_is_there_from_the_start() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let early = exposition(&monitor, &Process::default(), Format::Prometheus);
    let (_busy, later) = busy_run().await;
    let later = exposition(&later, &process(), Format::Prometheus);
    let series = |text: &str| -> Vec<String> {
        let names = text.lines().filter_map(|line| line.rsplit_once(' '));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    let samples = |text: &str| -> Vec<String> {
        let names = series(text).into_iter();
        names.filter(|name| !name.starts_with('#')).collect()
    };
    assert_eq!(samples(&early), samples(&later));
}

#[tokio::test]
async fn endless_domains_and_replies_add_no_series() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let before = exposition(&monitor, &process(), Format::Prometheus);
    for thousand in 0..100 {
        let addresses = (0..1_000).map(|number| format!("ada@d{thousand}-{number}.example"));
        run.accept(addresses).await;
    }
    monitor.catch_up().await.unwrap();
    let began = Instant::now();
    let after = exposition(&monitor, &process(), Format::Prometheus);
    let took = began.elapsed();
    assert_eq!(before.lines().count(), after.lines().count());
    assert!(after.len() < 64 * 1024, "{} bytes", after.len());
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert_eq!(value(&after, "glasspost_domains "), 10_000.0);
    assert_eq!(value(&after, "glasspost_domain_rest_messages "), 90_000.0);
}
