//! Health, status and metrics as the monitoring page describes them.

use serde_json::json;

use crate::harness::{Caller, Home, Request, Service, Sink};

#[test]
fn health_and_metrics_ask_for_no_token_and_status_does() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let open = |target: &str| {
        Request::new("GET", target)
            .header("Host", &service.address.to_string())
            .send(service.address)
    };
    let health = open("/health").expect(200).json();
    assert_eq!(
        (&health["ok"], &health["status"]),
        (&json!(true), &json!("ok"))
    );
    assert_eq!(open("/ready").expect(200).json()["status"], "ready");
    let refused = open("/status").expect(401);
    assert_eq!(
        refused.json(),
        json!({"detail": "Invalid or missing API token"})
    );
    service.tenant("shop", sink.port());
    for path in ["/status", "/instance/status"] {
        let status = service.get(path);
        assert_eq!(status["ok"], true);
        assert_eq!(
            (&status["active"], &status["scheduler_active"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(status["pending_messages"], 0);
        assert!(status["uptime_seconds"].is_number());
    }
    let metrics = open("/metrics").expect(200);
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let text = metrics.text();
    for (name, kind, help) in [
        ("gmp_sent_total", "counter", "Total sent emails"),
        ("gmp_errors_total", "counter", "Total send errors"),
        ("gmp_deferred_total", "counter", "Total deferred emails"),
        (
            "gmp_rate_limited_total",
            "counter",
            "Total rate limited occurrences",
        ),
        ("gmp_pending_messages", "gauge", "Current pending messages"),
    ] {
        assert!(text.contains(&format!("# HELP {name} {help}")), "{text}");
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{text}");
    }
    let series = "gmp_sent_total{account_id=\"main\",account_name=\"main\",tenant_id=\"shop\",tenant_name=\"SHOP\"} 0.0\n";
    assert!(text.contains(series), "{text}");
    assert!(text.contains("\ngmp_pending_messages 0.0\n"), "{text}");
}
