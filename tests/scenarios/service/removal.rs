//! Mail that is taken back does not leave, and what is deleted is gone with all that was its own.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Application, Caller, Home, Hook, Service, Sink, until};

/// Sends nothing until it is told to.
const INACTIVE: (&str, &str) = ("GMP_SCHEDULER_ACTIVE", "false");

fn hand_over(shop: &Application, prefix: &str, count: usize) {
    let messages: Vec<Value> = (0..count)
        .map(|n| shop.message(&format!("{prefix}{n}"), &format!("{prefix}{n}@example.org")))
        .collect();
    assert_eq!(shop.send(&messages)["queued"], count);
}

fn listed(shop: &Application) -> Vec<String> {
    let target = format!("/messages?tenant_id={}", shop.tenant);
    let all = shop.get(&target);
    let messages = all["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["id"].as_str().unwrap().to_owned())
        .collect()
}

fn activate(service: &Service) {
    service.post("/instance/activate", &json!({})).expect(200);
}

fn balances(service: &Service) {
    assert_eq!(service.metrics()["glasspost_service_books_balance"], 1.0);
}

#[test]
fn what_is_taken_back_does_not_leave() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start_with(&home, &[INACTIVE]);
    let (shop, other) = (
        service.tenant("shop", sink.port()),
        service.tenant("other", sink.port()),
    );
    hand_over(&shop, "m", 4);
    hand_over(&other, "x", 1);
    let ids = json!({"ids": ["m1", "m2", "m2", "x0", "nobody"]});
    let answer = shop.post("/commands/delete-messages?tenant_id=shop", &ids);
    let expected = json!({
        "ok": true, "removed": 2, "not_found": ["x0", "nobody"], "unauthorized": [],
    });
    assert_eq!(answer.expect(200).json(), expected);
    assert_eq!(listed(&shop), ["m0", "m3"]);
    assert_eq!(service.metrics()["gmp_pending_messages"], 3.0);
    activate(&service);
    service.until_done();
    let mut got = sink.recipients();
    got.sort();
    assert_eq!(got, ["m0@example.org", "m3@example.org", "x0@example.org"]);
    assert_eq!(service.metrics()["glasspost_service_cancelled_total"], 2.0);
    balances(&service);
    // The id is free again.
    shop.send(&[shop.message("m1", "again@example.org")]);
    shop.ended("m1");
    assert_eq!(sink.count(), 4);
}

#[test]
fn what_is_taken_back_from_under_a_bulk_stops_at_the_answer() {
    let (home, sink) = (Home::new(), Sink::start(&["--rule", "*: stall 10ms"]));
    let service = Service::start_quiet(&home, &[("LOG_LEVEL", "warn")]);
    let shop = service.tenant("shop", sink.port());
    hand_over(&shop, "m", 1_000);
    until("the first", || (sink.count() > 20).then_some(()));
    let ids: Vec<String> = (0..1_000).map(|n| format!("m{n}")).collect();
    let target = "/commands/delete-messages?tenant_id=shop";
    let answer = shop.post(target, &json!({"ids": ids})).expect(200).json();
    let left = sink.count();
    // What was in a transaction, or waited for its commit, is not told as removed.
    let staying = answer["being_sent"].as_array().map_or(0, Vec::len);
    assert!(staying <= 8 + 64, "{answer}");
    let removed = answer["removed"].as_u64().unwrap();
    assert_eq!(removed + staying as u64, 1_000, "{answer}");
    assert!(left < 900, "{left} had left already");
    sleep(Duration::from_millis(500));
    let then = sink.count();
    // As many as there are connections may be in transactions.
    assert!(then <= left + 8, "{then} left, {left} before the answer");
    // What began in between is gone here all the same, and told as being sent since it may arrive.
    assert!(listed(&shop).len() <= staying);
    service.until_done();
    balances(&service);
}

#[test]
fn cleaning_up_takes_what_is_final_and_told_and_nothing_else() {
    let (home, sink) = (Home::new(), Sink::start(&["--rule", "bad*@*: refuse"]));
    let hook = Hook::answering(&[200]);
    let service = Service::start_with(&home, &[("GLASSPOST_ALLOW_PRIVATE_TARGETS", "127.0.0.1")]);
    let shop = service.tenant_with("shop", json!({"client_base_url": hook.base()}));
    shop.account("main", sink.port(), json!({}));
    shop.account("slow", sink.port(), json!({"limit_per_day": 1}));
    hand_over(&shop, "good", 2);
    hand_over(&shop, "bad", 1);
    let limited: Vec<Value> = (0..2)
        .map(|n| {
            let mut message = shop.message(&format!("slow{n}"), "slow@example.org");
            message["account_id"] = json!("slow");
            message
        })
        .collect();
    shop.send(&limited);
    until("everything that can be sent", || {
        (service.metrics()["gmp_pending_messages"] == 1.0).then_some(())
    });
    let target = "/commands/cleanup-messages?tenant_id=shop";
    let all = json!({"older_than_seconds": 0});
    let mut removed = 0;
    until("the reports, and the end of four messages", || {
        let answer = shop.post(target, &all).expect(200).json();
        removed += answer["removed"].as_u64().unwrap();
        (removed == 4).then_some(())
    });
    let [left] = listed(&shop).try_into().unwrap();
    assert!(left.starts_with("slow"), "{left}");
    // The counters go on from where they were.
    assert_eq!(service.count("gmp_sent_total", "main"), 2.0);
    assert_eq!(service.count("gmp_errors_total", "main"), 1.0);
    let young = shop.post(target, &json!({})).expect(200).json();
    assert_eq!(young, json!({"ok": true, "removed": 0}));
    balances(&service);
}

#[test]
fn an_account_goes_with_its_mail_and_the_others_stay() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start_with(&home, &[INACTIVE]);
    let shop = service.tenant("shop", sink.port());
    shop.account("other", sink.port(), json!({}));
    hand_over(&shop, "m", 1_000);
    let mut message = shop.message("o", "other@example.org");
    message["account_id"] = json!("other");
    shop.send(&[message]);
    let answer = shop.ask("DELETE", "/account/main?tenant_id=shop");
    assert_eq!(
        answer.send(service.address).expect(200).json(),
        json!({"ok": true})
    );
    assert_eq!(listed(&shop), ["o"]);
    assert_eq!(service.metrics()["gmp_pending_messages"], 1.0);
    activate(&service);
    service.until_done();
    assert_eq!(sink.recipients(), ["other@example.org"]);
    let refused = shop.post(
        "/commands/add-messages",
        &json!({"messages": [shop.message("late", "bob@example.org")]}),
    );
    let detail = &refused.expect(400).json()["detail"];
    assert_eq!(
        detail["rejected"],
        json!([{"id": "late", "reason": "account not found for tenant"}])
    );
    shop.ask("DELETE", "/account/main?tenant_id=shop")
        .send(service.address)
        .expect(404);
    balances(&service);
}

#[test]
fn a_tenant_goes_with_everything_and_its_keys_open_nothing() {
    let (home, sink) = (Home::new(), Sink::start(&["--rule", "m*@*: stall 10ms"]));
    let service = Service::start_quiet(&home, &[("LOG_LEVEL", "warn")]);
    let (shop, other) = (
        service.tenant("shop", sink.port()),
        service.tenant("other", sink.port()),
    );
    hand_over(&shop, "m", 1_000);
    until("the first", || (sink.count() > 20).then_some(()));
    service
        .ask("DELETE", "/tenant/shop")
        .send(service.address)
        .expect(200);
    let left = sink.count();
    assert!(left < 900, "{left} had left already");
    hand_over(&other, "x", 10);
    service.until_done();
    sleep(Duration::from_millis(300));
    let of_shop = || {
        let all = sink.recipients();
        all.iter().filter(|to| to.starts_with('m')).count()
    };
    assert!(
        of_shop() <= left + 8,
        "{} left, {left} before the answer",
        of_shop()
    );
    shop.ask("GET", "/messages?tenant_id=shop")
        .send(service.address)
        .expect(401);
    service
        .ask("GET", "/tenant/shop")
        .send(service.address)
        .expect(404);
    assert_eq!(listed(&other).len(), 10);
    balances(&service);
    // Whoever gets the name next finds nothing of it.
    let again = service.tenant("shop", sink.port());
    assert_ne!(again.key, shop.key);
    assert_eq!(listed(&again), Vec::<String>::new());
    shop.ask("GET", "/messages?tenant_id=shop")
        .send(service.address)
        .expect(401);
    assert_eq!(service.count("gmp_sent_total", "main"), 10.0);
}
