//! The same id with another content: what was not sent yet becomes the new message, what was sent stays.

use serde_json::json;

use crate::harness::{Caller, Home, Service, Sink, until};

#[test]
fn what_was_not_sent_yet_is_replaced() {
    let (home, sink) = (Home::new(), Sink::keeping(&[]));
    let service = Service::start_with(&home, &[("GMP_SCHEDULER_ACTIVE", "false")]);
    let shop = service.tenant("shop", sink.port());
    let mut message = shop.message("m", "bob@example.org");
    shop.send(&[message.clone(), shop.message("n", "nina@example.org")]);
    message["to"] = json!(["eve@example.org", "zoe@example.org"]);
    message["body"] = json!("Goodbye.\n");
    for _ in 0..2 {
        let answer = shop.send(std::slice::from_ref(&message));
        assert_eq!(answer, json!({"ok": true, "queued": 1, "rejected": []}));
    }
    assert_eq!(service.metrics()["gmp_pending_messages"], 2.0);
    assert_eq!(shop.record("m")["message"]["body"], "Goodbye.\n");
    service.post("/instance/activate", &json!({})).expect(200);
    service.until_done();
    let mut got = sink.recipients();
    got.sort();
    assert_eq!(
        got,
        ["eve@example.org", "nina@example.org", "zoe@example.org"]
    );
    for letter in sink.letters() {
        let is_new = letter.header("subject") == "About m";
        let expected = if is_new { "Goodbye.\n" } else { "Hello.\n" };
        assert_eq!(letter.bodies["text/plain"], expected);
    }
    assert_eq!(service.count("gmp_sent_total", "main"), 2.0);
    assert_eq!(service.metrics()["glasspost_service_books_balance"], 1.0);
}

#[test]
fn what_was_put_off_is_replaced_and_goes_at_once() {
    let home = Home::new();
    let sink = Sink::keeping(&["--rule", "bob@*: defer"]);
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    shop.send(&[shop.message("m", "bob@example.org")]);
    until("the first try", || {
        (service.count("gmp_deferred_total", "main") == 1.0).then_some(())
    });
    shop.send(&[shop.message("m", "eve@example.org")]);
    let record = shop.ended("m");
    assert!(record["sent_ts"].is_number(), "{record}");
    assert_eq!(sink.recipients(), ["eve@example.org"]);
}

#[test]
fn what_was_sent_or_is_being_sent_stays_as_it_was() {
    let home = Home::new();
    let sink = Sink::keeping(&["--rule", "slow@*: stall 1500ms at end"]);
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    shop.send(&[shop.message("sent", "bob@example.org")]);
    shop.ended("sent");
    shop.send(&[shop.message("slow", "slow@example.org")]);
    until("its transaction", || {
        (service.metrics()["glasspost_service_sending"] == 1.0).then_some(())
    });
    let mut others = ["sent", "slow"].map(|id| shop.message(id, "eve@example.org"));
    others[1]["body"] = json!("Other.\n");
    let answer = shop.send(&others);
    let reasons = json!([
        {"id": "sent", "reason": "already sent"},
        {"id": "slow", "reason": "being sent"},
    ]);
    let mut rejected = answer["rejected"].clone();
    let list = rejected.as_array_mut().unwrap();
    list.sort_by_key(|one| one["id"].to_string());
    assert_eq!((&answer["queued"], &rejected), (&json!(0), &reasons));
    shop.ended("slow");
    assert_eq!(sink.recipients(), ["bob@example.org", "slow@example.org"]);
    assert_eq!(sink.letter("About slow").bodies["text/plain"], "Hello.\n");
}
