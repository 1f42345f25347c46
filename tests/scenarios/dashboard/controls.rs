//! Pause, resume, cancel and retry do what they say, and each is written down with who and when.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::figures::Figures;
use super::scene::{people, watch, write_list};
use crate::harness::{Dashboard, Home, Hook, Process, Sink, Updates, until, wait_for_the_end};

/// Updates of a run that stands still come once a second.
const STILL: usize = 3;

/// A campaign in its midst.
fn under_way(rules: &[&str], count: usize, args: &[&str]) -> (Home, Sink, Process, Dashboard) {
    let (home, sink) = (Home::new(), Sink::start(rules));
    home.relay(sink.port());
    write_list(&home, &people(count));
    let own = ["--rate", "100", "--monitor-linger", "10m"];
    let (process, dashboard) = watch(&home, &[&own, args].concat());
    until("some messages", || (sink.count() >= 10).then_some(()));
    (home, sink, process, dashboard)
}

/// Waits until nothing is under way, then some updates longer.
fn stand_still(updates: &mut Updates) -> Figures {
    updates.until("standing still", |update| {
        update["stage"] == "paused" && update["sending_count"] == 0 && update["connections"] == 0
    });
    let mut last = Value::Null;
    for _ in 0..STILL {
        last = updates.next().unwrap().data;
    }
    assert_eq!(last["stage"], "paused");
    Figures::of(&last)
}

/// The lines of the activity log about interventions, oldest first.
fn interventions(dashboard: &Dashboard) -> Vec<Value> {
    let stats = dashboard.json("/api/stats");
    let entries = stats["log_entries"].as_array().unwrap();
    let mut found: Vec<Value> = entries
        .iter()
        .filter(|entry| {
            entry["message"]
                .as_str()
                .unwrap()
                .contains(" by dashboard ")
        })
        .cloned()
        .collect();
    found.sort_by_key(|entry| entry["timestamp"].as_str().unwrap().to_owned());
    found
}

#[test]
fn pause_stops_the_mail_and_resume_goes_on() {
    let (home, sink, mut process, dashboard) = under_way(&[], 300, &["-c", "4"]);
    let mut updates = dashboard.follow();
    let paused = dashboard.act("pause").expect(200).json();
    assert_eq!(
        (&paused["action"], &paused["by"]),
        (&json!("pause"), &json!("dashboard 127.0.0.1"))
    );
    let still = stand_still(&mut updates);
    let count = sink.count();
    assert_eq!(still.sent, count as u64);
    assert!(count < 300, "the pause came too late");
    for _ in 0..STILL {
        updates.next().unwrap();
    }
    assert_eq!(sink.count(), count);
    let resumed = dashboard.act("resume").expect(200).json();
    wait_for_the_end(&mut process);
    assert_eq!(sink.count(), 300);
    let written = interventions(&dashboard);
    let words: Vec<_> = written.iter().map(|entry| &entry["message"]).collect();
    assert_eq!(
        words,
        [
            "paused by dashboard 127.0.0.1",
            "resumed by dashboard 127.0.0.1"
        ]
    );
    assert_eq!(written[0]["timestamp"], paused["at"]);
    assert_eq!(written[1]["timestamp"], resumed["at"]);
    process.signal("INT");
    process.wait().expect_code(0);
    assert_eq!(home.exact_account().len(), 300);
}

#[test]
fn what_makes_no_sense_now_is_refused_in_words() {
    let (_home, _sink, mut process, dashboard) = under_way(&[], 60, &[]);
    let refused = |action: &str, words: &str| {
        let answer = dashboard.act(action).expect(409).json();
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{action}: {message}");
    };
    refused("resume", "nothing to resume");
    refused("retry_failed", "no failed message is left");
    dashboard.act("pause").expect(200);
    refused("pause", "paused already");
    dashboard.act("resume").expect(200);
    wait_for_the_end(&mut process);
    for action in ["pause", "resume", "cancel"] {
        refused(action, "the run is completed");
    }
    dashboard.act("explode").expect(400);
    let elsewhere = dashboard.request("POST", "/api/campaigns/mailgrid-1/controls");
    elsewhere
        .json(&json!({"action": "cancel"}))
        .send(dashboard.address)
        .expect(404);
    assert_eq!(interventions(&dashboard).len(), 2);
    process.signal("INT");
    process.wait().expect_code(0);
}

#[test]
fn cancel_takes_the_rest_back_for_good() {
    let hook = Hook::answering(&[200]);
    let args = ["-c", "4", "--webhook", &hook.url()];
    let (home, sink, mut process, dashboard) = under_way(&[], 400, &args);
    dashboard.act("cancel").expect(200);
    wait_for_the_end(&mut process);
    let update = dashboard.follow().next().unwrap().data;
    let (figures, cancelled) = (Figures::of(&update), &update["cancelled_count"]);
    assert_eq!(update["stage"], "cancelled");
    assert_eq!(figures.sent, sink.count() as u64);
    assert_eq!(figures.total, figures.sent);
    assert_eq!(*cancelled, 400 - figures.sent);
    let told = until("the webhook", || hook.posts().pop()).json();
    assert_eq!(
        (&told["status"], &told["successful_deliveries"]),
        (&json!("cancelled"), &json!(figures.sent))
    );
    assert_eq!(
        interventions(&dashboard)[0]["message"],
        "cancelled by dashboard 127.0.0.1"
    );
    process.signal("INT");
    let finished = process.wait().expect_code(1);
    assert!(
        finished.stderr.contains("cancelled by dashboard 127.0.0.1"),
        "{finished}"
    );
    let statuses = home.exact_account();
    let with = |wanted: &str| -> BTreeSet<String> {
        let found = statuses.iter().filter(|(_, status)| *status == wanted);
        found.map(|(address, _)| address.clone()).collect()
    };
    let received = BTreeSet::from_iter(sink.recipients());
    assert_eq!(with("delivered"), received);
    assert_eq!(with("cancelled").len(), 400 - received.len());
    refuses_to_go_on(&home, &sink, received.len());
}

#[test]
fn a_paused_run_can_be_cancelled_or_stopped() {
    let (home, sink, mut process, dashboard) = under_way(&[], 200, &["-c", "4"]);
    let mut updates = dashboard.follow();
    dashboard.act("pause").expect(200);
    let still = stand_still(&mut updates);
    dashboard.act("cancel").expect(200);
    wait_for_the_end(&mut process);
    process.signal("INT");
    let last = updates.last();
    assert_eq!(
        (&last["stage"], Figures::of(&last).sent),
        (&json!("cancelled"), still.sent)
    );
    process.wait().expect_code(1);
    assert_eq!(sink.count() as u64, still.sent);
    let statuses = home.exact_account();
    let cancelled = statuses.values().filter(|status| *status == "cancelled");
    assert_eq!(cancelled.count() as u64, 200 - still.sent);

    let (home, sink, process, dashboard) = under_way(&[], 200, &["-c", "4"]);
    let mut updates = dashboard.follow();
    dashboard.act("pause").expect(200);
    let still = stand_still(&mut updates);
    process.signal("INT");
    let last = updates.last();
    assert_eq!(
        (&last["stage"], Figures::of(&last)),
        (&json!("interrupted"), still)
    );
    let finished = process.wait().expect_code(1);
    assert!(finished.stderr.contains("with --resume"), "{finished}");
    assert_eq!(home.exact_account().len(), 200);
    assert_eq!(sink.count() as u64, still.sent);
}

/// A run that was cancelled is not gone on with.
fn refuses_to_go_on(home: &Home, sink: &Sink, received: usize) {
    let args = ["--csv", "list.csv", "--text", "Hello", "--resume"];
    let refused = home.send(&args).expect_code(1);
    for words in ["was cancelled", "dashboard 127.0.0.1"] {
        assert!(refused.stderr.contains(words), "{refused}");
    }
    assert_eq!(sink.count(), received);
}

#[test]
fn retry_delivers_to_those_who_were_refused_once() {
    let rules = ["--rule", "*3@*: refuse times 1", "--rule", "*7@*: refuse"];
    let (home, sink, mut process, dashboard) = under_way(&rules, 100, &[]);
    wait_for_the_end(&mut process);
    let before = Figures::of(&dashboard.json("/api/stats"));
    assert_eq!(before, Figures::of_the_end(80, 20));
    let mut updates = dashboard.follow();
    dashboard.act("retry_failed").expect(200);
    // Each that failed stays so, and is repeated as a message of its own.
    let end = updates.until("the repeats", |update| {
        update["stage"] == "completed" && update["total_recipients"] == 120
    });
    assert_eq!(Figures::of(&end), Figures::of_the_end(90, 30));
    assert_eq!(end["repeat_count"], 20);
    assert_eq!(sink.count(), 90);
    assert_eq!(
        interventions(&dashboard)[0]["message"],
        "failed messages retried by dashboard 127.0.0.1"
    );
    process.signal("INT");
    process.wait().expect_code(0);
    let delivered = BTreeSet::from_iter(sink.recipients());
    assert_eq!(delivered.len(), 90, "nobody got it twice");
    let report = home.report(&[]);
    assert_eq!(report["books_balance"], true);
    assert_eq!(report["books"]["delivered"], 90);
    // The account has a row for each message, as the books count them: a failure that was repeated stays in it.
    let account = home.account();
    assert_eq!((account.success.len(), account.failed.len()), (90, 30));
}
