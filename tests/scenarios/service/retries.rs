//! What a relay refuses for now is tried again, and given up after its last delay.

use crate::harness::{Home, Service, Sink, free_port, until};

#[test]
fn a_refusal_for_now_is_tried_again_until_it_is_taken() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "bob@*: defer 451 4.7.1 \"greylisted\" times 2"]);
    let service = Service::start_with(&home, &[("GMP_RETRY_DELAYS", "1,1,1")]);
    let shop = service.tenant("shop", sink.port());
    shop.send(&[shop.message("m", "bob@example.org")]);
    service.until_done();
    assert_eq!(sink.count(), 1);
    assert_eq!(service.count("gmp_deferred_total", "main"), 2.0);
    let record = shop.record("m");
    let kinds: Vec<&str> = record["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["event_type"].as_str())
        .collect();
    assert_eq!(kinds, ["deferred", "deferred", "sent"], "{record}");
}

#[test]
fn a_relay_that_is_not_there_costs_tries_until_none_is_left() {
    let home = Home::new();
    let service = Service::start_with(&home, &[("GMP_RETRY_DELAYS", "1,1")]);
    let shop = service.tenant("shop", free_port());
    shop.send(&[shop.message("m", "bob@example.org")]);
    service.until_done();
    assert_eq!(service.count("gmp_errors_total", "main"), 1.0);
    let record = shop.record("m");
    assert!(
        record["error"]
            .as_str()
            .unwrap()
            .starts_with("Max retries (2) exceeded: "),
        "{record}"
    );
}

#[test]
fn a_refusal_for_good_is_not_tried_again() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "bob@*: refuse 550 5.1.1 \"no such user\""]);
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    shop.send(&[shop.message("m", "bob@example.org")]);
    let record = until("its end", || {
        let record = shop.record("m");
        record["error_ts"].is_number().then_some(record)
    });
    assert!(
        record["error"].as_str().unwrap().contains("no such user"),
        "{record}"
    );
    assert_eq!(record["history"].as_array().unwrap().len(), 1, "{record}");
}
