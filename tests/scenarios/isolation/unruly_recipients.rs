//! Recipients at whom the relay refuses, defers, stalls, drops the line or talks nonsense, at every phase: all the
//! others get their mail, in bounded time.

use std::time::Duration;

use crate::harness::{Home, Sink};

const ACTIONS: [(&str, &str); 6] = [
    ("refuse", "bounced"),
    ("refuse-after-data", "bounced"),
    ("defer", "expired"),
    ("drop", "expired"),
    ("garbage", "expired"),
    ("stall 10m", "expired"),
];
const PHASES: [&str; 3] = ["rcpt", "data", "end"];
/// Good recipients around each bad one.
const GOOD_FOR_EACH_BAD: usize = 20;
/// What it may take: each silence ends with its deadline, and several connections share them.
const TIME_MAX: Duration = Duration::from_secs(30);

#[test]
fn the_others_get_their_mail_in_bounded_time() {
    let (mut rules, mut list, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    let kinds = PHASES
        .iter()
        .flat_map(|phase| ACTIONS.iter().map(move |action| (phase, action)));
    for (number, (phase, (action, end))) in kinds.enumerate() {
        let address = format!("bad{number}@bad.example");
        rules.push("--rule".to_owned());
        rules.push(match *action {
            "refuse-after-data" => format!("{address}: {action}"),
            action => format!("{address}: {action} at {phase}"),
        });
        for good in 0..GOOD_FOR_EACH_BAD {
            list.push(format!("good{number}.{good}@good.example"));
        }
        list.push(address.clone());
        expected.push((address, *end, *action, *phase));
    }
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let (home, sink) = (Home::new(), Sink::start(&rules));
    home.relay_with(sink.port(), serde_json::json!({"reply_timeout_ms": 1_000}));
    home.write_list("list.csv", list.iter().map(String::as_str));
    let finished = home
        .send(&[
            "-f",
            "list.csv",
            "--text",
            "Hello",
            "-c",
            "4",
            "--retries",
            "1",
        ])
        .expect_code(0);
    assert!(finished.took < TIME_MAX, "{finished}");
    let statuses = home.exact_account();
    for (address, end, action, phase) in &expected {
        assert_eq!(statuses[address], *end, "{action} at {phase}");
    }
    let delivered = statuses
        .values()
        .filter(|status| *status == "delivered")
        .count();
    assert_eq!(delivered, list.len() - expected.len());
    let mut received = sink.recipients();
    received.sort();
    received.dedup();
    assert_eq!(received.len(), sink.count(), "somebody got it twice");
}
