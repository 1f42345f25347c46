//! What a process that delivers has just begun is known where mail is taken, and where it does not answer that is said.

use std::thread::{scope, sleep};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::cluster::Cluster;
use crate::harness::{Caller, Installation, Service, Sink, until, until_within};

/// Time enough for a message to be in a dialogue, and less than processes take to tell of it by themselves.
const BEGUN: Duration = Duration::from_millis(300);
/// How soon a process follows that missed something, or that another was faster than.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(15);

#[test]
fn what_was_begun_a_moment_ago_is_neither_replaced_nor_taken_back() {
    let installation = Installation::start(Cluster::shared(), &["api,worker", "smtp"]);
    let sink = Sink::start(&["--rule", "*: stall 1500ms at end"]);
    let shop = installation.node(0).tenant("shop", sink.port());
    for round in 0..3 {
        let id = format!("m{round}");
        let to = format!("{id}@example.org");
        shop.send(&[shop.message(&id, &to)]);
        sleep(BEGUN);
        let mut other = shop.message(&id, &to);
        other["subject"] = json!("other");
        let elsewhere = shop.message(&id, &format!("new-{to}"));
        for changed in [other, elsewhere] {
            let answer = shop.send(&[changed]);
            let rejected = json!([{"id": id, "reason": "being sent"}]);
            assert_eq!(answer["rejected"], rejected, "{answer}");
        }
        let ids = json!({"ids": [id]});
        let answer = shop.post("/commands/delete-messages?tenant_id=shop", &ids);
        assert_eq!(answer.expect(200).json()["being_sent"], json!([id]));
        installation.until_sent();
        assert_eq!(sink.recipients().last(), Some(&to));
        assert_eq!(sink.count(), round + 1);
    }
    let sent = installation
        .sql("SELECT count(*) FROM messages WHERE address LIKE 'm_@example.org' AND state <> 0");
    assert_eq!(sent.trim(), "3");
    let kept = installation.sql("SELECT count(*) FROM payloads WHERE payload LIKE '%other%'");
    assert_eq!(kept.trim(), "0");
}

#[test]
fn a_process_that_does_not_answer_is_not_passed_over_in_silence() {
    let installation = Installation::start(Cluster::shared(), &["api,worker", "smtp"]);
    let sink = Sink::start(&[]);
    let shop = installation.node(0).tenant("shop", sink.port());
    shop.send(&[shop.message("a", "a@example.org")]);
    installation.until_sent();
    let frozen = &installation.node(1).process;
    let suspend = || shop.post("/commands/suspend?tenant_id=shop", &json!({}));
    frozen.signal("STOP");
    let answer = suspend();
    assert_eq!(answer.header("retry-after"), Some("5"));
    let detail = answer.expect(503).json()["detail"].clone();
    assert!(detail.as_str().unwrap().contains("in time"), "{detail}");
    // What is new is taken meanwhile, and held back as it was asked for.
    shop.send(&[shop.message("b", "b@example.org")]);
    frozen.signal("CONT");
    until_within(FOLLOWED_WITHIN, "an answer", || {
        (suspend().status == 200).then_some(())
    });
    assert_eq!(sink.count(), 1);
}

fn states(installation: &Installation<'_>) -> Vec<String> {
    let state = |number| {
        let nodes = installation.node(number).get("/api/nodes")["nodes"].clone();
        nodes[0]["state"].as_str().unwrap().to_owned()
    };
    (0..installation.count()).map(state).collect()
}

#[test]
fn processes_that_are_switched_at_two_places_at_once_end_alike() {
    let installation = Installation::start(Cluster::shared(), &["api", "api", "worker,smtp"]);
    until("all to be active", || {
        let states = states(&installation);
        states.iter().all(|state| state == "active").then_some(())
    });
    let switch = |service: &Service, verb: &str| -> Value {
        let answer = service.post(&format!("/instance/{verb}"), &json!({}));
        answer.expect(200).json()
    };
    for _ in 0..5 {
        scope(|scope| {
            scope.spawn(|| switch(installation.node(0), "suspend"));
            scope.spawn(|| switch(installation.node(1), "activate"));
        });
        let kept = installation.sql("SELECT place FROM cursors WHERE reader = 'service/active'");
        let expected = match kept.trim() {
            "true" => "active",
            _ => "suspended",
        };
        until_within(FOLLOWED_WITHIN, "all to be alike", || {
            let states = states(&installation);
            states.iter().all(|state| state == expected).then_some(())
        });
    }
}
