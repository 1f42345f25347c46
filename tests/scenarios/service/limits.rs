//! Limits of accounts: what is too much waits or is refused, also after a restart.

use serde_json::json;

use crate::harness::{Home, Service, Sink, until};

#[test]
fn what_is_over_the_limit_waits_for_the_next_minute_also_after_a_restart() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let mut service = Service::start(&home);
    let shop = service.tenant_with("shop", json!({}));
    shop.account("main", sink.port(), json!({"limit_per_hour": 3}));
    let messages: Vec<_> = (0..5)
        .map(|n| shop.message(&format!("m{n}"), &format!("p{n}@example.org")))
        .collect();
    shop.send(&messages);
    until("what is allowed", || {
        (service.count("gmp_sent_total", "main") == 3.0).then_some(())
    });
    until("the limit", || {
        (service.count("gmp_rate_limited_total", "main") == 2.0).then_some(())
    });
    assert_eq!(service.count("gmp_deferred_total", "main"), 2.0);
    assert_eq!(service.metrics()["gmp_pending_messages"], 2.0);
    let waiting = shop.record("m4");
    let until_ts = waiting["deferred_ts"].as_f64().unwrap();
    assert_eq!(until_ts % 3600.0, 0.0, "{waiting}");
    service.process.signal("TERM");
    until("its end", || service.process.has_ended().then_some(()));
    service = Service::start(&home);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(sink.count(), 3);
    assert_eq!(service.metrics()["gmp_pending_messages"], 2.0);
}

#[test]
fn what_is_over_the_limit_is_refused_where_the_account_says_so() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let shop = service.tenant_with("shop", json!({}));
    shop.account(
        "main",
        sink.port(),
        json!({"limit_per_hour": 2, "limit_behavior": "reject"}),
    );
    let messages: Vec<_> = (0..5)
        .map(|n| shop.message(&format!("m{n}"), &format!("p{n}@example.org")))
        .collect();
    shop.send(&messages);
    service.until_done();
    assert_eq!(sink.count(), 2);
    assert_eq!(service.count("gmp_errors_total", "main"), 3.0);
    assert_eq!(service.count("gmp_rate_limited_total", "main"), 3.0);
    assert_eq!(service.count("gmp_deferred_total", "main"), 0.0);
    assert_eq!(shop.record("m4")["error"], "rate_limit_exceeded");
}
