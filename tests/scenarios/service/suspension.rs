//! Mail that is held back does not leave, and leaves when it is let go.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Application, Caller, Home, Service, Sink, until};

const BULK: usize = 2_000;
const CALL: usize = 1_000;
/// Messages that may be in a transaction at once: the connections of an account.
const UNDER_WAY_MAX: usize = 8;

fn of_batch(shop: &Application, id: &str, to: &str, batch: &str) -> Value {
    let mut message = shop.message(id, to);
    message["batch_code"] = json!(batch);
    message
}

/// Asks for a change of what is held back; gives the answer.
#[track_caller]
fn ask(shop: &Application, what: &str, batch: Option<&str>) -> Value {
    let batch = batch.map_or(String::new(), |batch| format!("&batch_code={batch}"));
    let target = format!("/commands/{what}?tenant_id={}{batch}", shop.tenant);
    let answer = shop.post(&target, &json!({}));
    answer.expect(200).json()
}

#[test]
fn nothing_of_a_batch_leaves_once_its_suspension_was_answered() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "bulk*@*: stall 10ms"]);
    let service = Service::start_quiet(&home, &[("LOG_LEVEL", "warn")]);
    let shop = service.tenant("shop", sink.port());
    let bulk: Vec<Value> = (0..BULK)
        .map(|n| {
            of_batch(
                &shop,
                &format!("b{n}"),
                &format!("bulk{n}@example.org"),
                "bulk",
            )
        })
        .collect();
    for call in bulk.chunks(CALL) {
        assert_eq!(shop.send(call)["queued"], CALL);
    }
    until("the first hundred", || (sink.count() > 100).then_some(()));
    let answer = ask(&shop, "suspend", Some("bulk"));
    let left = sink.count();
    assert!(left + UNDER_WAY_MAX < BULK, "{left} had left already");
    assert_eq!(answer["suspended_batches"], json!(["bulk"]));
    assert_eq!(answer["batch_code"], "bulk");
    assert!(answer["pending_messages"].as_u64() > Some(0), "{answer}");

    // Other mail goes on, and what is in transactions comes to its end.
    let others: Vec<Value> = (0..20)
        .map(|n| shop.message(&format!("o{n}"), &format!("other{n}@example.org")))
        .collect();
    shop.send(&others);
    for n in 0..20 {
        shop.ended(&format!("o{n}"));
    }
    let of_bulk = || {
        let all = sink.recipients();
        all.iter().filter(|to| to.starts_with("bulk")).count()
    };
    let then = of_bulk();
    assert!(
        then <= left + UNDER_WAY_MAX,
        "{then} left, {left} before the answer"
    );
    sleep(Duration::from_millis(500));
    assert_eq!(of_bulk(), then, "it went on");
    let pending = service.metrics()["gmp_pending_messages"];
    assert_eq!(pending, (BULK - then) as f64);

    // What comes into a batch that is held back stays there.
    shop.send(&[of_batch(&shop, "late", "bulk-late@example.org", "bulk")]);
    sleep(Duration::from_millis(200));
    assert_eq!(of_bulk(), then);
    assert_eq!(
        shop.get("/tenants/get_suspended_batches?tenant_id=shop")["suspended_batches"],
        json!(["bulk"])
    );

    let answer = ask(&shop, "activate", Some("bulk"));
    assert_eq!(answer["suspended_batches"], json!([]));
    service.until_done();
    let all = sink.recipients();
    assert_eq!(all.len(), BULK + 20 + 1, "each once");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn a_message_that_is_held_back_can_be_corrected() {
    let (home, sink) = (Home::new(), Sink::keeping(&[]));
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    ask(&shop, "suspend", Some("news"));
    shop.send(&[of_batch(&shop, "m", "bob@example.org", "news")]);
    assert_eq!(shop.record("m")["status"], "suspended");
    let mut corrected = of_batch(&shop, "m", "bob@example.org", "news");
    corrected["body"] = json!("Corrected.\n");
    assert_eq!(shop.send(&[corrected])["queued"], 1);
    let mut moved = of_batch(&shop, "n", "eve@example.org", "news");
    shop.send(std::slice::from_ref(&moved));
    moved["batch_code"] = json!("other");
    shop.send(&[moved]);
    // The second is of a batch that is not held back any more.
    shop.ended("n");
    assert_eq!(sink.recipients(), ["eve@example.org"]);
    ask(&shop, "activate", Some("news"));
    shop.ended("m");
    assert_eq!(sink.letter("About m").bodies["text/plain"], "Corrected.\n");
    assert_eq!(sink.count(), 2);
}

#[test]
fn a_tenant_that_holds_everything_back_keeps_it_over_a_restart() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let (shop, other) = (
        service.tenant("shop", sink.port()),
        service.tenant("other", sink.port()),
    );
    let answer = ask(&shop, "suspend", None);
    assert_eq!(answer["suspended_batches"], json!(["*"]));
    shop.send(&[
        shop.message("m", "bob@example.org"),
        of_batch(&shop, "n", "bob@example.org", "news"),
    ]);
    other.send(&[other.message("m", "eve@example.org")]);
    other.ended("m");
    let refused = shop
        .post(
            "/commands/activate?tenant_id=shop&batch_code=news",
            &json!({}),
        )
        .expect(400);
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("all batches are suspended"), "{detail}");
    other
        .post("/commands/activate?tenant_id=shop", &json!({}))
        .expect(401);
    service.stop();

    let service = Service::start(&home);
    let shop = shop.at(&service);
    sleep(Duration::from_millis(500));
    assert_eq!(sink.recipients(), ["eve@example.org"]);
    assert_eq!(service.metrics()["gmp_pending_messages"], 2.0);
    let answer = ask(&shop, "activate", None);
    assert_eq!(answer["suspended_batches"], json!([]));
    service.until_done();
    assert_eq!(sink.count(), 3);
}
