//! Debian's Prometheus scrapes a running campaign, and knows in the end what the dashboard knows.

use serde_json::json;

use super::figures::Figures;
use super::scene::{people, watch, write_list};
use crate::harness::{Dashboard, Home, Prometheus, Sink, until, wait_for_the_end};

fn scraping(target: &Dashboard) -> Prometheus {
    let configuration = json!({
        "global": {"scrape_interval": "250ms", "scrape_timeout": "200ms"},
        "scrape_configs": [{
            "job_name": "campaign",
            "static_configs": [{"targets": [target.address.to_string()]}],
        }],
    });
    // JSON is YAML.
    Prometheus::start(&configuration.to_string(), &[])
}

#[test]
fn it_scrapes_what_the_dashboard_says() {
    let (home, sink) = (Home::new(), Sink::start(&["--rule", "*3@*: refuse"]));
    home.relay(sink.port());
    write_list(&home, &people(200));
    let args = [
        "--rate",
        "50",
        "--monitor-linger",
        "10m",
        "--log-level",
        "error",
    ];
    let (mut process, dashboard) = watch(&home, &args);
    let prometheus = scraping(&dashboard);
    let is_up = || {
        let targets = prometheus.ask("/api/v1/targets")?;
        let target = &targets["activeTargets"][0];
        assert_eq!(
            target["scrapePool"].as_str().unwrap_or("campaign"),
            "campaign"
        );
        assert_eq!(target["lastError"].as_str().unwrap_or_default(), "");
        (target["health"] == "up").then_some(())
    };
    until("a good scrape", is_up);
    // It sees the campaign go on.
    until("some messages", || {
        prometheus
            .value("mailgrid_emails_sent_total")
            .filter(|sent| *sent > 0.0)
    });
    wait_for_the_end(&mut process);
    let end = Figures::of(&dashboard.json("/api/stats"));
    assert_eq!(end, Figures::of_the_end(180, 20));
    let expected = [
        ("mailgrid_emails_sent_total", end.sent),
        ("mailgrid_emails_failed_total", end.failed),
        ("mailgrid_emails_total", end.total),
        ("mailgrid_emails_pending", 0),
    ];
    for (series, expected) in expected {
        until(series, || {
            (prometheus.value(series) == Some(expected as f64)).then_some(())
        });
    }
    until("a good scrape", is_up);
    process.signal("INT");
    process.wait().expect_code(0);
}
