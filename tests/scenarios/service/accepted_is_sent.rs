//! What an application hands over arrives, and the service says so.

use serde_json::json;

use crate::harness::{Caller, Home, Service, Sink, until};

#[test]
fn a_message_arrives_and_every_number_says_so() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let answer = shop.send(&[shop.message("order-1", "bob@example.org")]);
    assert_eq!(answer, json!({"ok": true, "queued": 1, "rejected": []}));
    let record = until("the message's end", || {
        let record = shop.record("order-1");
        record["sent_ts"].is_number().then_some(record)
    });
    assert_eq!(record["account_id"], "main");
    assert_eq!(record["tenant_name"], "SHOP");
    assert!(record["error"].is_null(), "{record}");
    assert_eq!(sink.recipients(), ["bob@example.org"]);
    assert!((service.count("gmp_sent_total", "main") - 1.0).abs() < f64::EPSILON);
    assert_eq!(service.metrics()["gmp_pending_messages"], 0.0);
}

#[test]
fn the_same_id_is_sent_once() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    for _ in 0..3 {
        shop.send(&[shop.message("order-1", "bob@example.org")]);
    }
    service.until_done();
    let again = shop.send(&[
        shop.message("order-1", "bob@example.org"),
        shop.message("order-2", "eve@example.org"),
    ]);
    assert_eq!(again["queued"], 1, "{again}");
    assert_eq!(
        again["rejected"],
        json!([{"id": "order-1", "reason": "already sent"}])
    );
    service.until_done();
    assert_eq!(sink.count(), 2);
}

#[test]
fn several_recipients_are_one_message_with_an_outcome_each() {
    let home = Home::new();
    let sink = Sink::start(&[
        "--rule",
        "eve@example.org: refuse 550 5.1.1 \"no such user\"",
    ]);
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let mut message = shop.message("order-1", "bob@example.org");
    message["cc"] = json!("eve@example.org, Ann <ann@example.org>");
    message["bcc"] = json!(["zoe@example.org", "BOB@example.org"]);
    shop.send(&[message]);
    service.until_done();
    let mut got = sink.recipients();
    got.sort();
    assert_eq!(
        got,
        ["ann@example.org", "bob@example.org", "zoe@example.org"]
    );
    let record = shop.record("order-1");
    assert!(
        record["error"].as_str().unwrap().contains("no such user"),
        "{record}"
    );
    assert_eq!(service.count("gmp_errors_total", "main"), 1.0);
    assert_eq!(service.count("gmp_sent_total", "main"), 0.0);
}

#[test]
fn messages_of_every_priority_leave_the_most_urgent_first() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start_with(
        &home,
        &[
            ("GMP_SCHEDULER_ACTIVE", "false"),
            ("GLASSPOST_CONNECTIONS_PER_ACCOUNT", "1"),
        ],
    );
    let shop = service.tenant("shop", sink.port());
    let priorities = [
        json!("low"),
        json!(2),
        json!("high"),
        json!("immediate"),
        json!(99),
        json!("2"),
    ];
    for (number, priority) in priorities.into_iter().enumerate() {
        let mut message = shop.message(&format!("m{number}"), &format!("p{number}@example.org"));
        message["priority"] = priority;
        shop.send(&[message]);
    }
    assert_eq!(service.metrics()["gmp_pending_messages"], 6.0);
    service.post("/instance/activate", &json!({})).expect(200);
    service.until_done();
    let order: Vec<String> = sink.recipients();
    assert_eq!(
        order,
        [
            "p3@example.org",
            "p2@example.org",
            "p1@example.org",
            "p5@example.org",
            "p0@example.org",
            "p4@example.org"
        ]
    );
}
