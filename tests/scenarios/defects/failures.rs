//! There, a refused recipient breaks the connection for all who follow, a refusal after the final dot counts as sent,
//! a permanent refusal is tried again, and a list of one crashes the program.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Home, Sink};

fn sent(rules: &[&str], list: &[&str], args: &[&str]) -> (Home, Sink) {
    let (home, sink) = (Home::new(), Sink::start(rules));
    home.relay(sink.port());
    home.write_list("list.csv", list.iter().copied());
    home.send(&[&["-f", "list.csv", "--text", "Hello"], args].concat())
        .expect_code(0);
    (home, sink)
}

fn row(home: &Home, address: &str) -> Value {
    let report = home.report(&["--recipients"]);
    let rows = report["recipients"].as_array().unwrap();
    rows.iter()
        .find(|row| row["email"] == address)
        .unwrap()
        .clone()
}

#[test]
fn one_recipient_csv_does_not_crash() {
    let (home, sink) = sent(&[], &["only@good.example"], &[]);
    assert_eq!(sink.recipients(), ["only@good.example"]);
    assert_eq!(home.account().success, ["only@good.example"]);
}

#[test]
fn a_refused_recipient_leaves_the_next_ones_alone() {
    let list: Vec<String> = (0..60).map(|n| format!("person{n}@good.example")).collect();
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    let (home, sink) = sent(&["--rule", "person3@*: refuse"], &list, &[]);
    let statuses = home.exact_account();
    for address in list {
        let expected = if address.starts_with("person3@") {
            "bounced"
        } else {
            "delivered"
        };
        assert_eq!(statuses[address], expected, "{address}");
    }
    assert_eq!(sink.count(), 59);
    // One connection served them all.
    assert_eq!(sink.stop()["connections"], 1);
}

#[test]
fn a_554_after_the_dot_is_a_failure() {
    let rule = ["--rule", "b@*: refuse-after-data 554 \"spam\""];
    let (home, sink) = sent(&rule, &["a@x.example", "b@x.example", "c@x.example"], &[]);
    assert_eq!(home.account().failed, ["b@x.example"]);
    assert_eq!(sink.recipients(), ["a@x.example", "c@x.example"]);
    let row = row(&home, "b@x.example");
    assert_eq!(
        (&row["status"], &row["code"]),
        (&"bounced".into(), &554.into())
    );
    assert!(row["reply"].as_str().unwrap().contains("spam"), "{row}");
    home.exact_account();
}

#[test]
fn permanent_refusals_are_not_tried_again() {
    let (home, sink) = (Home::new(), Sink::start(&["--rule", "*: refuse"]));
    home.relay(sink.port());
    home.write_list("list.csv", ["a@x.example"]);
    let finished = home
        .send(&["-f", "list.csv", "--text", "Hello", "--retries", "5"])
        .expect_code(0);
    assert!(finished.took < Duration::from_secs(2), "{finished}");
    assert_eq!(row(&home, "a@x.example")["attempts"], 1);
}

#[test]
fn passing_refusals_are_tried_again_as_often_as_was_said() {
    let rules = [
        "--rule",
        "once@*: defer times 1",
        "--rule",
        "always@*: defer 450 4.2.1 \"busy\"",
    ];
    let (home, sink) = sent(
        &rules,
        &["once@x.example", "always@x.example"],
        &["--retries", "1"],
    );
    assert_eq!(sink.recipients(), ["once@x.example"]);
    let (once, always) = (row(&home, "once@x.example"), row(&home, "always@x.example"));
    assert_eq!(
        (&once["status"], &once["attempts"]),
        (&"delivered".into(), &2.into())
    );
    assert_eq!(
        (&always["status"], &always["attempts"]),
        (&"expired".into(), &2.into())
    );
    assert_eq!(always["code"], 450);
}
