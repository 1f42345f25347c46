//! Debian's Prometheus scrapes a running campaign, and knows in the end what the dashboard knows.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::figures::Figures;
use super::scene::{people, watch, write_list};
use crate::harness::{
    Dashboard, Folder, Home, Process, Request, Sink, free_port, program, until, wait_for_the_end,
};

/// A private Prometheus that scrapes one target several times a second.
struct Prometheus {
    _process: Process,
    _folder: Folder,
    address: SocketAddr,
}

impl Prometheus {
    fn scraping(target: &Dashboard) -> Self {
        let folder = Folder::new();
        let configuration = json!({
            "global": {"scrape_interval": "250ms", "scrape_timeout": "200ms"},
            "scrape_configs": [{
                "job_name": "campaign",
                "static_configs": [{"targets": [target.address.to_string()]}],
            }],
        });
        // JSON is YAML.
        let file = folder.write("prometheus.yml", configuration.to_string());
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = program("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"));
        Self {
            _process: Process::start("prometheus", &mut command),
            _folder: folder,
            address,
        }
    }

    /// What it answers; nothing while it starts.
    fn ask(&self, target: &str) -> Option<Value> {
        let request = Request::new("GET", target).header("Host", &self.address.to_string());
        let answer = request.try_send(self.address).ok()?;
        (answer.status == 200).then(|| answer.json()["data"].clone())
    }

    /// The latest value of a series.
    fn value(&self, series: &str) -> Option<f64> {
        let data = self.ask(&format!("/api/v1/query?query={series}"))?;
        data["result"][0]["value"][1].as_str()?.parse().ok()
    }
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
    let prometheus = Prometheus::scraping(&dashboard);
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
