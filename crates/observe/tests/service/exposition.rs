//! The service's metrics as their own tools read them.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::account::{AccountId, AccountPk};
use model::metrics::service::{Queue, SERVICE_METRICS};
use observe::metrics::Format;
use observe::metrics::service::{
    Installation, LaneFigures, Names, QueueFigures, ServiceFigures, exposition,
};
use observe::reports::{ReportFigures, TenantReports};
use store::submissions::{AccountCounts, Channel, ReportBacklog};

use crate::house::{START, tenant_id};

/// Debian's own, for which Debian's packages are; the first in the search path may be another.
const DEBIAN_PYTHON: &str = "/usr/bin/python3";
/// Reads an exposition strictly, and prints each sample's name, labels and value.
const READ_OPENMETRICS: &str = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        print(json.dumps([sample.name, sample.labels, sample.value]))
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
    let input = input.to_owned();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    output
}

fn counts(number: i64, account: &str, tenant: &str) -> AccountCounts {
    AccountCounts {
        account: AccountPk(number),
        account_id: AccountId::parse(account).unwrap(),
        tenant: tenant_id(tenant),
        tenant_name: None,
        accepted: 1_600,
        sent: 1_523,
        errors: 12,
        cancelled: 3,
        deferred: 5,
        rate_limited: 0,
    }
}

fn told(tenant: &str) -> TenantReports {
    TenantReports {
        tenant: tenant_id(tenant),
        backlog: 0,
        oldest_at: None,
        syncs: 9,
        failures: 2,
        acknowledged: 30,
        refused: 1,
    }
}

fn backlog(tenant: &str) -> ReportBacklog {
    ReportBacklog {
        tenant: tenant_id(tenant),
        channel: Channel::Sync,
        count: 4,
        oldest_at: START,
    }
}

fn counts_of(figures: &mut ServiceFigures) -> &mut Vec<AccountCounts> {
    &mut figures.installation.as_mut().unwrap().counts
}

/// A service in which nothing happened yet.
fn idle() -> ServiceFigures {
    ServiceFigures {
        installation: Some(Installation::default()),
        ..ServiceFigures::default()
    }
}

fn busy() -> ServiceFigures {
    ServiceFigures {
        at: START + Duration::from_secs(90),
        started_at: START,
        is_active: true,
        installation: Some(Installation {
            counts: vec![
                counts(1, "primary-smtp", "acme"),
                counts(2, "bulk-smtp", "acme"),
            ],
            queues: vec![QueueFigures {
                queue: Queue::Deliver,
                depth: 8,
                oldest_at: Some(START + Duration::from_secs(30)),
            }],
            backlog: vec![backlog("acme")],
        }),
        lanes: vec![
            LaneFigures {
                connections: 3,
                sending: 2,
                ..LaneFigures::default()
            },
            LaneFigures {
                is_limited: true,
                is_troubled: true,
                ..LaneFigures::default()
            },
        ],
        reports: ReportFigures {
            tenants: vec![told("acme")],
            expired: 7,
        },
        archive_behind: 9,
        names: Arc::new(Names::default()),
    }
}

fn samples(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}

#[test]
fn the_families_of_genro_are_as_it_writes_them() {
    let text = exposition(&busy(), Format::Prometheus);
    let primary = r#"account_id="primary-smtp",account_name="primary-smtp",tenant_id="acme",tenant_name="acme""#;
    let expected = [
        "# HELP gmp_sent_total Total sent emails\n# TYPE gmp_sent_total counter\n".to_owned(),
        format!("\ngmp_sent_total{{{primary}}} 1523.0\n"),
        "# HELP gmp_errors_total Total send errors\n# TYPE gmp_errors_total counter\n".to_owned(),
        format!("\ngmp_errors_total{{{primary}}} 12.0\n"),
        "# HELP gmp_deferred_total Total deferred emails\n# TYPE gmp_deferred_total counter\n"
            .to_owned(),
        format!("\ngmp_deferred_total{{{primary}}} 5.0\n"),
        "# HELP gmp_rate_limited_total Total rate limited occurrences\n# TYPE gmp_rate_limited_total counter\n"
            .to_owned(),
        format!("\ngmp_rate_limited_total{{{primary}}} 0.0\n"),
        "# HELP gmp_pending_messages Current pending messages\n# TYPE gmp_pending_messages gauge\n\
         gmp_pending_messages 124.0\n"
            .to_owned(),
    ];
    for part in expected {
        assert!(text.contains(&part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn the_service_says_how_it_is() {
    let text = exposition(&busy(), Format::Prometheus);
    let expected = [
        "start_time_seconds 1795355000.0",
        "uptime_seconds 90.0",
        "active 1.0",
        "accounts 2.0",
        "accepted_total 3200.0",
        "cancelled_total 6.0",
        "books_balance 1.0",
        "lanes_busy 1.0",
        "lanes_limited 1.0",
        "lanes_troubled 1.0",
        "connections 3.0",
        "sending 2.0",
        r#"report_backlog{tenant_id="acme"} 4.0"#,
        r#"report_lag_seconds{tenant_id="acme"} 90.0"#,
        r#"report_syncs_total{tenant_id="acme"} 9.0"#,
        r#"report_failures_total{tenant_id="acme"} 2.0"#,
        r#"reports_acknowledged_total{tenant_id="acme"} 30.0"#,
        r#"reports_refused_total{tenant_id="acme"} 1.0"#,
        "reports_expired_total 7.0",
    ];
    for line in expected {
        assert!(
            text.contains(&format!("\nglasspost_service_{line}\n")),
            "{line}\n{text}"
        );
    }
}

#[test]
fn the_archive_says_how_far_it_is_behind() {
    let text = exposition(&busy(), Format::Prometheus);
    assert!(
        text.contains("\nglasspost_archive_lag_places 9.0\n"),
        "{text}"
    );
}

#[test]
fn queues_have_a_depth_and_an_age() {
    let text = exposition(&busy(), Format::Prometheus);
    for line in [
        r#"depth{queue="email:process"} 0.0"#,
        r#"depth{queue="smtp:deliver"} 8.0"#,
        r#"depth{queue="webhook:deliver"} 0.0"#,
        r#"oldest_age_seconds{queue="email:process"} 0.0"#,
        r#"oldest_age_seconds{queue="smtp:deliver"} 60.0"#,
    ] {
        let line = format!("\nglasspost_queue_{line}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
}

#[test]
fn a_process_that_does_not_tell_for_all_tells_only_of_itself() {
    let figures = ServiceFigures {
        installation: None,
        ..busy()
    };
    let text = exposition(&figures, Format::Prometheus);
    for metric in &SERVICE_METRICS {
        let is_told = text.contains(&format!("# HELP {} ", metric.name));
        assert_eq!(is_told, !metric.id.is_of_installation(), "{}", metric.name);
    }
    assert!(!text.contains("gmp_"), "{text}");
    assert!(
        text.contains("\nglasspost_service_connections 3.0\n"),
        "{text}"
    );
}

#[test]
fn books_that_do_not_balance_show() {
    let mut figures = busy();
    counts_of(&mut figures)[1].sent = 9_999;
    let text = exposition(&figures, Format::Prometheus);
    assert!(text.contains("\nglasspost_service_books_balance 0.0\n"));
    assert!(text.contains("\ngmp_pending_messages 62.0\n"));
}

#[test]
fn without_an_account_every_expression_still_has_data() {
    let text = exposition(&idle(), Format::Prometheus);
    let nobody = r#"{account_id="default",account_name="default",tenant_id="default",tenant_name="default"}"#;
    for name in ["sent", "errors", "deferred", "rate_limited"] {
        assert!(
            text.contains(&format!("\ngmp_{name}_total{nobody} 0.0\n")),
            "{text}"
        );
    }
    let of_queues = 2 * (Queue::ALL.len() - 1);
    assert_eq!(samples(&text), SERVICE_METRICS.len() + of_queues);
    let busy = exposition(&busy(), Format::Prometheus);
    assert!(!busy.contains("default"), "{busy}");
}

#[test]
fn prometheus_finds_nothing_to_complain_about() {
    for figures in [busy(), idle(), ServiceFigures::default()] {
        let text = exposition(&figures, Format::Prometheus);
        let output = run_with("promtool", &["check", "metrics"], &text);
        let complaints = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(complaints, "");
    }
}

#[test]
fn whatever_people_call_themselves_comes_back_as_it_was() {
    let names = [
        r#"Acme "Sons" \ Co"#,
        "line\nbreak\\n",
        "Ä日本🎉",
        "}{=,",
        "\\",
    ];
    let mut figures = busy();
    counts_of(&mut figures).clear();
    for (number, name) in names.iter().enumerate() {
        let mut account = counts(number as i64, &format!("a{number}"), "acme");
        account.tenant_name = Some((*name).into());
        counts_of(&mut figures).push(account);
    }
    let text = exposition(&figures, Format::OpenMetrics);
    assert!(text.ends_with("\n# EOF\n") && text.contains("# TYPE gmp_sent counter\n"));
    let output = run_with(DEBIAN_PYTHON, &["-c", READ_OPENMETRICS], &text);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{text}");
    let read = String::from_utf8(output.stdout).unwrap();
    assert_eq!(read.lines().count(), samples(&text));
    for name in names {
        let value = serde_json::to_string(name).unwrap();
        let has = |line: &str| {
            let sample: serde_json::Value = serde_json::from_str(line).unwrap();
            sample[1]["tenant_name"] == name
        };
        assert_eq!(read.lines().filter(|line| has(line)).count(), 4, "{value}");
    }
}

#[test]
fn names_that_mean_the_rest_make_no_series_twice() {
    let mut figures = busy();
    *counts_of(&mut figures) = (0..502)
        .map(|number| counts(number, &format!("a{number}"), "acme"))
        .collect();
    counts_of(&mut figures).push(AccountCounts {
        accepted: 1_000_000,
        ..counts(900, "other", "other")
    });
    figures.reports.tenants = vec![told("other")];
    let text = exposition(&figures, Format::Prometheus);
    let mut series: Vec<&str> = text
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(series, _)| series)
        .filter(|series| !series.starts_with('#'))
        .collect();
    let count = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), count);
    let other = r#"gmp_sent_total{account_id="other",account_name="other",tenant_id="other",tenant_name="other"}"#;
    assert!(
        text.contains(&format!("\n{other} {}.0\n", 4 * 1_523)),
        "{text}"
    );
}

#[test]
fn ten_thousand_accounts_stay_within_the_bounds() {
    let mut figures = busy();
    *counts_of(&mut figures) = (0..10_000)
        .map(|number| {
            let mut account = counts(number, &format!("account-{number}"), "acme");
            account.tenant_name = Some("日".repeat(255).into());
            account
        })
        .collect();
    figures.lanes = vec![LaneFigures::default(); 10_000];
    let tenants = (0..10_000).map(|number| format!("t{number}"));
    figures.reports.tenants = tenants.clone().map(|tenant| told(&tenant)).collect();
    let waiting = tenants.map(|tenant| backlog(&tenant)).collect();
    figures.installation.as_mut().unwrap().backlog = waiting;
    let time = |_| {
        let began = Instant::now();
        let text = exposition(&figures, Format::Prometheus);
        (began.elapsed(), text)
    };
    // The quickest of some: others use the machine too.
    let (took, text) = (0..5).map(time).min().unwrap();
    assert!(took < Duration::from_millis(100), "{took:?}");
    println!(
        "10,000 accounts and tenants: {took:?}, {} bytes",
        text.len()
    );
    assert!(samples(&text) < 5_000, "{}", samples(&text));
    assert!(text.len() < 2 * 1024 * 1024, "{} bytes", text.len());
    let total = |name: &str| -> f64 {
        let of = text.lines().filter(|line| line.starts_with(name));
        of.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
            .sum()
    };
    assert_eq!(total("gmp_sent_total{"), 15_230_000.0);
    assert_eq!(total("glasspost_service_report_backlog{"), 40_000.0);
}

#[test]
fn no_counter_goes_back_when_accounts_come_and_go() {
    let mut figures = busy();
    *counts_of(&mut figures) = (0..600)
        .map(|number| counts(number, &format!("a{number}"), "acme"))
        .collect();
    let other = |figures: &ServiceFigures| -> f64 {
        let text = exposition(figures, Format::Prometheus);
        let start = r#"gmp_sent_total{account_id="other""#;
        let line = text.lines().find(|line| line.starts_with(start)).unwrap();
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    let before = other(&figures);
    assert_eq!(before, 100.0 * 1_523.0);
    counts_of(&mut figures).truncate(550);
    assert_eq!(other(&figures), before);
    counts_of(&mut figures).remove(0);
    counts_of(&mut figures)[0].sent += 1;
    assert_eq!(other(&figures), before, "nobody moves out of it");
}
