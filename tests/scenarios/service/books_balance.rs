//! With mixed outcomes and many clients at once, every number agrees with every other and with the receiver.

use std::thread;

use serde_json::Value;

use crate::harness::{Caller, Home, Service, Sink};

const CLIENTS: usize = 16;
const CALLS: usize = 10;
const BATCH: usize = 25;

#[test]
fn accepted_is_sent_and_errors_and_pending_for_many_clients_at_once() {
    let home = Home::new();
    let sink = Sink::start(&[
        "--rule",
        "x*@*: refuse 550 5.1.1 \"no such user\"",
        "--rule",
        "y*@*: defer 451 4.7.1 \"later\" times 1",
    ]);
    let service = Service::start_with(&home, &[("GMP_RETRY_DELAYS", "1,1")]);
    let shops: Vec<_> = ["a", "b"]
        .map(|id| service.tenant(id, sink.port()))
        .to_vec();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let shop = &shops[client % shops.len()];
            scope.spawn(move || {
                for call in 0..CALLS {
                    let messages: Vec<Value> = (0..BATCH)
                        .map(|number| {
                            let kind = ["a", "b", "c", "x", "y"][number % 5];
                            let id = format!("{client}-{call}-{number}");
                            shop.message(&id, &format!("{kind}{id}@example.org"))
                        })
                        .collect();
                    assert_eq!(shop.send(&messages)["queued"], BATCH);
                }
            });
        }
        let total = (CLIENTS * CALLS * BATCH) as f64;
        loop {
            let metrics = service.metrics();
            let sum = |name: &str| -> f64 {
                let of_name = metrics
                    .iter()
                    .filter(|(series, _)| series.starts_with(name));
                of_name.map(|(_, value)| value).sum()
            };
            let known =
                sum("gmp_sent_total") + sum("gmp_errors_total") + sum("gmp_pending_messages");
            assert!(known <= total, "{known} of {total}");
            assert_eq!(metrics["glasspost_service_books_balance"], 1.0);
            if known == total && sum("gmp_pending_messages") == 0.0 {
                break;
            }
        }
    });
    let total = (CLIENTS * CALLS * BATCH) as f64;
    let errors = total / 5.0;
    assert_eq!(service.count("gmp_errors_total", "main"), errors);
    assert_eq!(service.count("gmp_sent_total", "main"), total - errors);
    assert_eq!(service.count("gmp_deferred_total", "main"), errors);
    assert_eq!(sink.count() as f64, total - errors);
    let told: usize = shops
        .iter()
        .map(|shop| {
            let all = shop.get(&format!("/messages?tenant_id={}&limit=10000", shop.tenant));
            let messages = all["messages"].as_array().unwrap();
            messages
                .iter()
                .filter(|message| message["sent_ts"].is_number())
                .count()
        })
        .sum();
    assert_eq!(told as f64, total - errors);
}
