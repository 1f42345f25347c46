//! Asked to stop in the middle of a campaign, it ends in good order: everything the relay took is recorded, nothing
//! comes twice, nothing is lost.

use std::time::{Duration, Instant};

use super::people::{addresses, assert_each_once, start, write_addresses};
use crate::harness::{Home, Sink, amount, until};

const RECIPIENTS: usize = 1_200;
const CONNECTIONS: usize = 8;
/// What a stop may take (promise: P-06).
const GRACE: Duration = Duration::from_secs(30);
/// What the process may need beside.
const LEEWAY: Duration = Duration::from_secs(5);

/// Stops a run after some messages and goes on with it.
fn stop_and_go_on(after: usize, signal: &str) {
    let (sink, home) = (
        Sink::start(&["--rule", "2%: stall 200ms at end"]),
        Home::new(),
    );
    home.relay(sink.port());
    let people = addresses(RECIPIENTS);
    write_addresses(&home, &people);
    let process = start(&home, CONNECTIONS, &[]);
    until("some messages", || (sink.count() >= after).then_some(()));
    let asked = Instant::now();
    process.signal(signal);
    let finished = process.wait().expect_code(1);
    assert!(asked.elapsed() < GRACE, "{finished}");
    assert!(
        finished
            .stderr
            .contains("stopping: what is under way is finished"),
        "{finished}"
    );
    assert!(
        finished
            .stderr
            .contains("run the same command with --resume"),
        "{finished}"
    );
    let (statuses, received) = (home.exact_account(), sink.recipients());
    let delivered: Vec<String> = statuses
        .iter()
        .filter(|(_, status)| *status == "delivered")
        .map(|(address, _)| address.clone())
        .collect();
    assert_each_once(&received, &delivered);
    assert!(received.len() < RECIPIENTS, "the stop came too late");
    start(&home, CONNECTIONS, &["--resume"])
        .wait()
        .expect_code(0);
    assert_each_once(&sink.recipients(), &people);
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "delivered")
    );
}

#[test]
fn a_stop_loses_nothing_and_repeats_nothing() {
    for round in 0..amount(5, 100) {
        let signal = if round % 2 == 0 { "TERM" } else { "INT" };
        stop_and_go_on(fastrand::usize(1..RECIPIENTS / 2), signal);
    }
}

#[test]
fn a_relay_that_hangs_does_not_hold_the_stop_beyond_its_grace() {
    let sink = Sink::start(&["--rule", "person00003@*: stall 10m at end"]);
    let home = Home::new();
    home.relay(sink.port());
    write_addresses(&home, &addresses(10));
    let process = start(&home, 2, &[]);
    until("the others", || (sink.count() == 9).then_some(()));
    let asked = Instant::now();
    process.signal("TERM");
    let finished = process.wait().expect_code(1);
    assert!(asked.elapsed() < GRACE + LEEWAY, "{finished}");
    let statuses = home.exact_account();
    assert_eq!(statuses["person00003@good.example"], "queued");
    assert_eq!(
        statuses
            .values()
            .filter(|status| *status == "delivered")
            .count(),
        9
    );
}
