//! There, a campaign without a relay is `Completed`, exit 0, nothing sent and nothing failed.

use std::time::Duration;

use crate::harness::{Home, Sink, free_port, until};

#[test]
fn unreachable_relay_is_an_error() {
    let home = Home::new();
    let port = free_port();
    home.relay(port);
    home.write_list("list.csv", ["a@x.example", "b@x.example"]);
    let letter = ["-f", "list.csv", "--text", "Hello"];
    let finished = home
        .send(&[&letter[..], &["--retries", "0"]].concat())
        .expect_code(5);
    assert!(finished.took < Duration::from_secs(5), "{finished}");
    for words in ["cannot reach the relay", &port.to_string(), "--resume"] {
        assert!(finished.stderr.contains(words), "{finished}");
    }
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "queued")
    );
    let sink = Sink::start(&[]);
    home.relay(sink.port());
    home.send(&[&letter[..], &["--resume"]].concat())
        .expect_code(0);
    assert_eq!(sink.count(), 2);
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "delivered")
    );
}

#[test]
fn a_relay_that_goes_away_in_the_middle_costs_nobody_an_attempt() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let list: Vec<String> = (0..200)
        .map(|n| format!("person{n}@good.example"))
        .collect();
    home.write_list("list.csv", list.iter().map(String::as_str));
    let letter = ["-f", "list.csv", "--text", "Hello", "-c", "2"];
    let process = home.start_send(&[&letter[..], &["--rate", "100"]].concat());
    until("some messages", || (sink.count() >= 50).then_some(()));
    let first = sink.kill();
    process.wait().expect_code(5);
    let sink = Sink::start(&[]);
    home.relay(sink.port());
    home.send(&[&letter[..], &["--resume"]].concat())
        .expect_code(0);
    let all = [first, sink.accepted()].concat();
    let mut received: Vec<String> = all.into_iter().flat_map(|one| one.recipients).collect();
    let total = received.len();
    received.sort();
    received.dedup();
    assert_eq!(received.len(), 200, "somebody is missing");
    // Only a message under way on each connection can have been taken without its answer.
    assert!(total <= 202, "{total}");
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "delivered")
    );
}
