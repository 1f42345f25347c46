//! What happened in each hour: the same as everybody else counts, also when the mail and its tenant are gone.

use std::thread;

use serde_json::{Value, json};

use crate::harness::{Application, Caller, Home, Hook, Service, Sink, until};

const GOOD: usize = 40;
const BAD: usize = 6;
const LATE: usize = 3;
/// Messages through an account that may send one a day, and how many of them wait for that.
const LIMITED: usize = 4;
const WAITING: usize = LIMITED - 1;
const ALL: usize = GOOD + BAD + LATE + LIMITED;
/// What came of it.
const DELIVERED: usize = GOOD + LATE + 1;

fn messages(shop: &Application, prefix: &str, count: usize, account: &str) -> Vec<Value> {
    let message = |n| {
        let id = format!("{prefix}{n}");
        let mut message = shop.message(&id, &format!("{id}@example.org"));
        message["account_id"] = json!(account);
        message
    };
    (0..count).map(message).collect()
}

/// A tenant with mail of every outcome, told to its application.
fn shop_with_mail(service: &Service, sink: &Sink, hook: &Hook) -> Application {
    let shop = service.tenant_with("shop", json!({"client_base_url": hook.base()}));
    shop.account("main", sink.port(), json!({}));
    shop.account("slow", sink.port(), json!({"limit_per_day": 1}));
    thread::scope(|scope| {
        for (prefix, count, account) in [
            ("good", GOOD, "main"),
            ("bad", BAD, "main"),
            ("late", LATE, "main"),
            ("slow", LIMITED, "slow"),
        ] {
            let shop = &shop;
            scope.spawn(move || shop.send(&messages(shop, prefix, count, account)));
        }
    });
    until("everything that can be sent", || {
        let metrics = service.metrics();
        let limited = service.count("gmp_rate_limited_total", "slow");
        let is_done = metrics["gmp_pending_messages"] == WAITING as f64;
        (is_done && limited == WAITING as f64).then_some(())
    });
    shop
}

/// How often something happened, as soon as everything until now is counted.
fn counted(caller: &impl Caller, query: &str) -> Value {
    let now = jiff::Timestamp::now();
    until("the count of what happened", || {
        let told = caller.get(&format!("/statistics?{query}"));
        let until: jiff::Timestamp = told["counted_until"].as_str()?.parse().unwrap();
        (until >= now).then(|| told["total"].clone())
    })
}

fn figure(total: &Value, kind: &str) -> usize {
    usize::try_from(total[kind].as_u64().unwrap()).unwrap()
}

/// Waits until so much happened of a kind, and gives everything.
fn until_counted(service: &Service, kind: &str, count: usize) -> Value {
    until(&format!("{count} {kind}"), || {
        let total = counted(service, "");
        (figure(&total, kind) == count).then_some(total)
    })
}

/// Counts anew beside the service, which has to find nothing.
fn nothing_differs(home: &Home, counted: usize) {
    let rebuilt = home.glasspost(&["statistics", "rebuild", "--json"]);
    let rebuilt: Value = serde_json::from_str(&rebuilt.wait().expect_code(0).stdout).unwrap();
    assert_eq!(rebuilt["corrected"], 0, "{rebuilt}");
    assert_eq!(rebuilt["counted"], counted, "{rebuilt}");
}

fn events(total: &Value) -> usize {
    let kinds = total.as_object().unwrap().values();
    let sum: u64 = kinds.filter_map(Value::as_u64).sum();
    usize::try_from(sum).unwrap()
}

#[test]
fn they_agree_with_everybody_and_outlive_mail_account_and_tenant() {
    let home = Home::new();
    let sink = Sink::start(&[
        "--rule",
        "bad*@*: refuse 550 5.1.1 \"no such user\"",
        "--rule",
        "late*@*: defer 451 4.7.1 \"later\" times 1",
    ]);
    let hook = Hook::answering(&[200]);
    let variables = [
        ("GMP_RETRY_DELAYS", "1,1"),
        ("GLASSPOST_ALLOW_PRIVATE_TARGETS", "127.0.0.1"),
    ];
    let service = Service::start_with(&home, &variables);
    let shop = shop_with_mail(&service, &sink, &hook);

    let total = until_counted(&service, "delivered", DELIVERED);
    for (kind, count) in [
        ("accepted", ALL),
        ("bounced", BAD),
        ("deferred", LATE),
        ("rate_limited", WAITING),
        ("expired", 0),
        ("dropped", 0),
        ("cancelled", 0),
        ("returned", 0),
    ] {
        assert_eq!(figure(&total, kind), count, "{kind} of {total}");
    }
    assert_eq!(sink.count(), DELIVERED);
    let of_accounts = |name: &str| service.count(name, "main") + service.count(name, "slow");
    for (name, count) in [
        ("gmp_sent_total", DELIVERED),
        ("gmp_errors_total", BAD),
        ("gmp_deferred_total", LATE + WAITING),
        ("gmp_rate_limited_total", WAITING),
    ] {
        assert_eq!(of_accounts(name), count as f64, "{name}");
    }
    let listed = shop.get("/messages?tenant_id=shop&limit=10000");
    let listed = listed["messages"].as_array().unwrap();
    let ended = |field: &str| {
        listed
            .iter()
            .filter(|message| message[field].is_number())
            .count()
    };
    assert_eq!(listed.len(), ALL);
    assert_eq!((ended("sent_ts"), ended("error_ts")), (DELIVERED, BAD));
    nothing_differs(&home, events(&total));

    let of_slow = counted(&shop, "by=month&each=account&account_id=slow");
    assert_eq!(figure(&of_slow, "accepted"), LIMITED);
    let other = service.tenant("other", sink.port());
    assert_eq!(events(&counted(&other, "")), 0);
    other
        .ask("GET", "/statistics?tenant_id=shop")
        .send(service.address)
        .expect(401);

    until("that all is forgotten that is final and told", || {
        let target = "/commands/cleanup-messages?tenant_id=shop";
        let all = json!({"older_than_seconds": 0});
        shop.post(target, &all).expect(200);
        let left = shop.get("/messages?tenant_id=shop&limit=10000");
        (left["messages"].as_array()?.len() == WAITING).then_some(())
    });
    assert_eq!(counted(&service, ""), total);
    nothing_differs(&home, events(&total));

    let shop_goes = service.ask("DELETE", "/tenant/shop");
    shop_goes.send(service.address).expect(200);
    let mut all = total.clone();
    all["cancelled"] = json!(WAITING);
    assert_eq!(until_counted(&service, "cancelled", WAITING), all);
    assert_eq!(counted(&service, "tenant_id=shop"), all);
    nothing_differs(&home, events(&all));

    service.stop();
    let again = Service::start_with(&home, &variables);
    assert_eq!(counted(&again, ""), all);
}
