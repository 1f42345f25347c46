//! Reports and heartbeats are one process's to tell, and another's when that one dies: each once, and none is lost.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::cluster::Cluster;
use crate::harness::{
    Application, Caller, Home, Hook, Installation, Post, Sink, amount, until, until_within,
};

/// Applications are called every second while there is nothing to tell.
const EVERY_SECOND: (&str, &str) = ("GLASSPOST_REPORT_INTERVAL", "1");
/// How soon another process has the duty: the length of a lease, and how often it is asked for.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(15);
const MESSAGES: usize = 300;
/// For how long heartbeats are counted.
const COUNTED_FOR: Duration = Duration::from_secs(3);

/// The ids of the reports of a call.
fn reports(post: &Post) -> Vec<String> {
    let body = post.json();
    let reports = body["delivery_report"].as_array().unwrap().iter();
    reports
        .map(|report| report["id"].as_str().unwrap().to_owned())
        .collect()
}

fn told(hook: &Hook) -> Vec<String> {
    hook.posts().iter().flat_map(reports).collect()
}

fn hand_over(shop: &Application, round: usize) {
    let messages: Vec<Value> = (0..MESSAGES)
        .map(|number| shop.message(&format!("{round}-{number}"), "bob@example.org"))
        .collect();
    shop.send(&messages);
}

/// How many reports were told more than once.
fn copies(told: &[String]) -> BTreeSet<&String> {
    let mut seen = BTreeSet::new();
    told.iter().filter(|id| !seen.insert(*id)).collect()
}

#[test]
fn reports_go_on_when_their_process_dies() {
    let roles = ["api", "worker", "worker", "smtp"];
    let mut installation = Installation::start_with(Cluster::shared(), &roles, &[EVERY_SECOND]);
    let (sink, hook) = (Sink::start(&[]), Hook::answering(&[200]));
    let settings = json!({"client_base_url": hook.base()});
    let shop = installation.node(0).tenant_with("shop", settings);
    shop.account("main", sink.port(), json!({}));

    // Who has something to tell is known at once, and called from then on.
    shop.send(&[shop.message("first", "bob@example.org")]);
    until("the first call", || {
        (!hook.posts().is_empty()).then_some(())
    });
    let before = hook.posts().len();
    thread::sleep(COUNTED_FOR);
    let beats = hook.posts().len() - before;
    let expected = COUNTED_FOR.as_secs() as usize;
    assert!(
        (expected - 2..=expected + 1).contains(&beats),
        "{beats} heartbeats"
    );

    let mut in_flight = BTreeSet::new();
    for round in 0..amount(1, 10) {
        hand_over(&shop, round);
        let expected = 1 + round * MESSAGES + MESSAGES / 3;
        until("some reports", || {
            (told(&hook).len() > expected).then_some(())
        });
        let holder = installation
            .holder("duty/reports")
            .expect("somebody reports");
        installation.kill(holder);
        let (killed, calls) = (Instant::now(), hook.posts());
        // What was told last may not have been acknowledged.
        let last = calls.iter().rev().map(reports).find(|ids| !ids.is_empty());
        in_flight.extend(last.into_iter().flatten());
        until_within(TAKEN_OVER_WITHIN, "the next call", || {
            (hook.posts().len() > calls.len()).then_some(())
        });
        println!("the next call came {:?} after the kill", killed.elapsed());
    }
    let messages = 1 + amount(1, 10) * MESSAGES;
    until("every report", || {
        let told = told(&hook);
        (told.iter().collect::<BTreeSet<_>>().len() == messages).then_some(())
    });
    thread::sleep(COUNTED_FOR);
    let told = told(&hook);
    let more: Vec<&String> = copies(&told)
        .into_iter()
        .filter(|id| !in_flight.contains(*id))
        .collect();
    assert_eq!(more, Vec::<&String>::new(), "told twice");
    assert!(installation.holder("duty/reports").is_some());
}

/// Waits until statistics count so many messages, all of them delivered.
fn counted(installation: &Installation<'_>, messages: usize) {
    let expected = [json!(messages), json!(messages)];
    until_within(TAKEN_OVER_WITHIN, "the statistics of all", || {
        let total = installation.node(0).get("/statistics")["total"].clone();
        (["accepted", "delivered"].map(|kind| total[kind].clone()) == expected).then_some(())
    });
}

/// Counts everything anew; gives how many figures were wrong.
fn rebuilt(installation: &Installation<'_>) -> u64 {
    let store = installation.address();
    let arguments = ["statistics", "rebuild", "--json", "--store", store];
    let rebuilt = Home::new().glasspost(&arguments).wait().expect_code(0);
    let rebuilt: Value = serde_json::from_str(&rebuilt.stdout).unwrap();
    rebuilt["corrected"].as_u64().unwrap()
}

#[test]
fn what_happened_is_counted_once_when_who_counts_dies() {
    let roles = ["api", "worker", "worker", "smtp"];
    let mut installation = Installation::start(Cluster::shared(), &roles);
    let sink = Sink::start(&[]);
    let shop = installation.node(0).tenant("shop", sink.port());
    hand_over(&shop, 0);
    counted(&installation, MESSAGES);
    for round in 1..=amount(1, 10) {
        let holder = installation
            .holder("duty/statistics")
            .expect("somebody counts");
        hand_over(&shop, round);
        installation.kill(holder);
        counted(&installation, (round + 1) * MESSAGES);
    }
    assert_eq!(rebuilt(&installation), 0);
    installation.sql("UPDATE statistics SET count = count + 7 WHERE kind = 1");
    assert!(rebuilt(&installation) > 0);
    counted(&installation, (amount(1, 10) + 1) * MESSAGES);
    assert_eq!(rebuilt(&installation), 0);
    // Older than anything is kept: housekeeping forgets it.
    installation.sql("INSERT INTO statistics (hour, tenant, account, kind, count) VALUES (0, 'shop', 'main', 1, 5)");
    for number in 1..3 {
        installation.kill(number);
    }
    until_within(2 * TAKEN_OVER_WITHIN, "the end of what is old", || {
        (installation
            .sql("SELECT count(*) FROM statistics WHERE hour = 0")
            .trim()
            == "0")
            .then_some(())
    });
}
