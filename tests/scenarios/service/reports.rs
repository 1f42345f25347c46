//! Applications are told what became of their mail: at least once, in the contract's shapes, and when they want it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use model::Clock;
use serde_json::{Value, json};

use crate::harness::{Application, Caller, Home, Hook, Post, Service, Sink, until};

/// Reports may be posted to this machine.
const LOOPBACK: (&str, &str) = ("GLASSPOST_ALLOW_PRIVATE_TARGETS", "127.0.0.1");

/// A tenant whose application is at a hook.
fn tenant(service: &Service, hook: &Hook, relay_port: u16) -> Application {
    let shop = service.tenant_with(
        "shop",
        json!({
            "client_base_url": hook.base(),
            "client_auth": {"method": "bearer", "token": "t0ken"},
        }),
    );
    shop.account("main", relay_port, json!({}));
    shop
}

/// Every report that a hook was told, in order.
fn told(hook: &Hook) -> Vec<Value> {
    let all = hook.posts();
    all.iter().flat_map(reports).collect()
}

fn reports(post: &Post) -> Vec<Value> {
    let body = post.json();
    let reports = body["delivery_report"].as_array();
    reports.unwrap_or_else(|| panic!("{body}")).clone()
}

/// The ids of all reports that a hook was told, in order.
fn ids(hook: &Hook) -> Vec<String> {
    let told = told(hook);
    told.iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Seconds since 1970.
fn now() -> f64 {
    Clock::system().now().as_millis() as f64 / 1e3
}

#[test]
fn every_outcome_is_told_in_its_shape_to_the_address_of_the_tenant() {
    let home = Home::new();
    let sink = Sink::start(&[
        "--rule",
        "bad@*: refuse 550 5.1.1 \"no such user\"",
        "--rule",
        "late@*: defer 451 4.7.1 \"greylisted\" times 1",
    ]);
    let hook = Hook::answering(&[200]);
    let service = Service::start_with(&home, &[LOOPBACK, ("GMP_RETRY_DELAYS", "1,1")]);
    let shop = tenant(&service, &hook, sink.port());
    let began = now();
    let mut several = shop.message("several", "bob@example.org");
    several["cc"] = json!(["bad@example.org"]);
    shop.send(&[
        shop.message("good", "bob@example.org"),
        shop.message("bad", "bad@example.org"),
        shop.message("late", "late@example.org"),
        several,
    ]);
    until("five reports", || (told(&hook).len() >= 5).then_some(()));
    let told = told(&hook);
    assert_eq!(told.len(), 5, "{told:?}");
    let of = |id: &str| -> Vec<&Value> { told.iter().filter(|item| item["id"] == id).collect() };
    let moment = |value: &Value| {
        let seconds = value
            .as_f64()
            .unwrap_or_else(|| panic!("{value} is no moment"));
        assert!((began - 1.0..now() + 1.0).contains(&seconds), "{seconds}");
        seconds
    };
    for item in &told {
        assert_eq!(item["tenant_id"], "shop");
        let pk = &shop.record(item["id"].as_str().unwrap())["pk"];
        assert_eq!(&item["pk"], pk, "{item}");
    }
    moment(&of("good")[0]["sent_ts"]);
    assert!(of("good")[0].get("error").is_none());
    let [bad] = of("bad").try_into().unwrap();
    moment(&bad["error_ts"]);
    assert_eq!(bad["error"], "550 5.1.1 no such user");
    let [deferred, sent] = of("late").try_into().unwrap();
    let at = moment(&deferred["deferred_ts"]);
    assert_eq!(deferred["deferred_reason"], "451 4.7.1 greylisted");
    let pause = deferred["retry_ts"].as_f64().unwrap() - at;
    assert!((0.9..2.0).contains(&pause), "{deferred}");
    moment(&sent["sent_ts"]);
    let [several] = of("several").try_into().unwrap();
    let error = several["error"].as_str().unwrap();
    assert!(error.starts_with("1 of 2 recipients failed: "), "{several}");
    let recipients = several["recipients"].as_array().unwrap();
    let of_each: Vec<(&Value, &Value)> = recipients
        .iter()
        .map(|one| (&one["address"], &one["status"]))
        .collect();
    let expected = [
        (&json!("bob@example.org"), &json!("sent")),
        (&json!("bad@example.org"), &json!("error")),
    ];
    assert_eq!(of_each, expected);
    for post in hook.posts() {
        assert_eq!(post.line, "POST /mail-proxy/sync HTTP/1.1");
        assert_eq!(post.fields["authorization"], "Bearer t0ken");
        assert_eq!(post.fields["content-type"], "application/json");
    }
    // What was taken is not told again.
    shop.post("/commands/run-now", &json!({})).expect(200);
    let calls = hook.posts().len();
    until("a call", || (hook.posts().len() > calls).then_some(()));
    assert_eq!(ids(&hook).len(), 5);
    let status = service.get("/tenants/sync-status");
    let tenants = status["tenants"].as_array().unwrap();
    let own = tenants
        .iter()
        .find(|tenant| tenant["id"] == "shop")
        .unwrap();
    assert_eq!(status["sync_interval_seconds"], 300);
    assert_eq!(
        (&own["in_dnd"], &own["active"]),
        (&json!(false), &json!(true))
    );
    assert!(own["last_sync_ts"].is_number(), "{own}");
}

#[test]
fn what_the_application_could_not_take_comes_again_and_nothing_else_does() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let has_refused = AtomicBool::new(false);
    let hook = Hook::replying(move |post, _| {
        let is_told = reports(post).iter().any(|item| item["id"] == "b");
        let is_refused = is_told && !has_refused.swap(true, Ordering::SeqCst);
        let refused = if is_refused { json!(["b"]) } else { json!([]) };
        let answer = json!({"ok": true, "error": refused, "not_found": ["c"]});
        (200, answer.to_string().into_bytes())
    });
    let service = Service::start_with(&home, &[LOOPBACK]);
    let shop = tenant(&service, &hook, sink.port());
    shop.send(&["a", "b", "c"].map(|id| shop.message(id, "bob@example.org")));
    until("the other try", || (ids(&hook).len() >= 4).then_some(()));
    let mut all = ids(&hook);
    assert_eq!(all.pop().as_deref(), Some("b"));
    all.sort();
    assert_eq!(all, ["a", "b", "c"]);
    let refused = "glasspost_service_reports_refused_total{tenant_id=\"shop\"}";
    assert_eq!(service.metrics()[refused], 1.0);
}

#[test]
fn an_application_that_fails_is_called_again_with_the_same_reports() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let has_failed = AtomicBool::new(false);
    let hook = Hook::replying(move |post, _| {
        let fails = !reports(post).is_empty() && !has_failed.swap(true, Ordering::SeqCst);
        (if fails { 500 } else { 200 }, b"not JSON".to_vec())
    });
    let service = Service::start_with(&home, &[LOOPBACK]);
    let shop = tenant(&service, &hook, sink.port());
    shop.send(&[shop.message("m", "bob@example.org")]);
    until("the second call", || (ids(&hook).len() >= 2).then_some(()));
    let all = told(&hook);
    assert_eq!(all[0], all[1]);
    let failures = "glasspost_service_report_failures_total{tenant_id=\"shop\"}";
    assert_eq!(service.metrics()[failures], 1.0);
    // Any answer with 2xx takes all, also one that is no JSON.
    let backlog = "glasspost_service_report_backlog{tenant_id=\"shop\"}";
    until("nothing to tell", || {
        (service.metrics()[backlog] == 0.0).then_some(())
    });
    assert_eq!(ids(&hook).len(), 2);
}

#[test]
fn who_does_not_want_to_be_disturbed_is_not_until_the_tenant_says_otherwise() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let hook = Hook::replying(|_, count| {
        let quiet = json!({"ok": true, "next_sync_after": now() + 3_600.0});
        let again = json!({"ok": true, "queued": 1});
        let answer = if count < 2 { again } else { quiet };
        (200, answer.to_string().into_bytes())
    });
    let variables = [LOOPBACK, ("GLASSPOST_REPORT_INTERVAL", "1")];
    let service = Service::start_with(&home, &variables);
    let shop = tenant(&service, &hook, sink.port());
    service.stop();
    // Who is there at a start is called from then on.
    let service = Service::start_with(&home, &variables);
    let shop = shop.at(&service);
    // It has work for us twice, so it is called again at once; then it wants to be left alone.
    until("three calls", || (hook.posts().len() >= 3).then_some(()));
    sleep(Duration::from_millis(2_500));
    assert_eq!(hook.posts().len(), 3, "it was disturbed");
    service.post("/commands/run-now", &json!({})).expect(200);
    sleep(Duration::from_millis(500));
    assert_eq!(hook.posts().len(), 3, "the operator respects it");
    shop.post("/commands/run-now", &json!({})).expect(200);
    until("a call", || (hook.posts().len() == 4).then_some(()));
    // What there is to tell is told all the same.
    shop.send(&[shop.message("m", "bob@example.org")]);
    until("a report", || (ids(&hook) == ["m"]).then_some(()));
    // A restart does not forget the wish.
    let calls = hook.posts().len();
    service.stop();
    let service = Service::start_with(&home, &variables);
    sleep(Duration::from_millis(1_500));
    assert_eq!(hook.posts().len(), calls, "it was disturbed");
    drop(service);
}

#[test]
fn a_restart_loses_no_report_and_repeats_none_that_was_taken() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let is_up = Arc::new(AtomicBool::new(false));
    let hook = Hook::replying({
        let is_up = Arc::clone(&is_up);
        move |_, _| match is_up.load(Ordering::SeqCst) {
            true => (200, Vec::new()),
            false => (503, Vec::new()),
        }
    });
    let service = Service::start_with(&home, &[LOOPBACK]);
    let shop = tenant(&service, &hook, sink.port());
    let messages: Vec<Value> = (0..200)
        .map(|n| shop.message(&format!("m{n}"), &format!("p{n}@example.org")))
        .collect();
    shop.send(&messages);
    service.until_done();
    until("a call", || (!ids(&hook).is_empty()).then_some(()));
    // As a loss of power does.
    service.process.kill();

    let in_vain = ids(&hook).len();
    is_up.store(true, Ordering::SeqCst);
    let service = Service::start_with(&home, &[LOOPBACK]);
    let backlog = "glasspost_service_report_backlog{tenant_id=\"shop\"}";
    until("every report", || {
        let is_told = ids(&hook).len() >= in_vain + 200;
        (is_told && service.metrics()[backlog] == 0.0).then_some(())
    });
    let taken = &ids(&hook)[in_vain..];
    let each: BTreeSet<&String> = taken.iter().collect();
    assert_eq!((each.len(), taken.len()), (200, 200));
    service.stop();

    let calls = hook.posts().len();
    let service = Service::start_with(&home, &[LOOPBACK]);
    until("a call", || (hook.posts().len() > calls).then_some(()));
    let told = ids(&hook).len();
    assert_eq!(told, in_vain + 200, "what was taken was told again");
    drop(service);
}

#[test]
fn without_an_address_messages_and_reports_end_with_their_retention() {
    let (home, sink) = (Home::new(), Sink::start(&["--rule", "bad@*: refuse"]));
    let retention = ("GMP_DELIVERY_REPORT_RETENTION_SECONDS", "2");
    let service = Service::start_with(&home, &[retention]);
    let shop = service.tenant("shop", sink.port());
    shop.send(&[
        shop.message("good", "bob@example.org"),
        shop.message("bad", "bad@example.org"),
    ]);
    shop.send(&[{
        let mut later = shop.message("later", "bob@example.org");
        later["deferred_ts"] = json!(now() + 3_600.0);
        later
    }]);
    shop.ended("good");
    shop.ended("bad");
    // They wait for nobody, so nobody is told that they wait.
    assert_eq!(service.get("/api/traffic")["totals"]["report_backlog"], 0);
    sleep(Duration::from_millis(2_500));
    service.stop();
    // It looks for what is old at its start and now and then: first for reports, then for what has none any more.
    let service = Service::start_with(&home, &[retention]);
    until("the end of the reports", || {
        let expired = service.metrics()["glasspost_service_reports_expired_total"];
        (expired == 2.0).then_some(())
    });
    service.stop();
    let service = Service::start_with(&home, &[retention]);
    let shop = shop.at(&service);
    let left = until("the end of what is old", || {
        let all = shop.get("/messages?tenant_id=shop&active_only=false");
        let messages = all["messages"].as_array().unwrap().clone();
        (messages.len() == 1).then_some(messages)
    });
    assert_eq!(left[0]["id"], "later", "what is not final stays");
    let metrics = service.metrics();
    assert_eq!(metrics["gmp_pending_messages"], 1.0);
    assert_eq!(service.count("gmp_sent_total", "main"), 1.0);
    assert_eq!(service.count("gmp_errors_total", "main"), 1.0);
    let backlog = "glasspost_service_report_backlog{tenant_id=\"shop\"}";
    assert_eq!(metrics[backlog], 0.0);
}
