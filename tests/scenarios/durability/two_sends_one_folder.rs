//! Two processes on one data folder never deliver one message twice.

use std::time::{Duration, Instant};

use super::people::{addresses, assert_each_once, start, write_addresses};
use crate::harness::{Finished, Home, Process, Sink, until};

const RECIPIENTS: usize = 150;
/// Slow enough that the second process comes while the first is at work.
const SLOWLY: [&str; 2] = ["--rate", "120"];

fn scene() -> (Home, Sink, Vec<String>) {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let people = addresses(RECIPIENTS);
    write_addresses(&home, &people);
    (home, sink, people)
}

#[track_caller]
fn assert_refused(finished: Finished, first: u32) {
    let finished = finished.expect_code(1);
    let reason = format!("this campaign is being sent right now by process {first} ");
    assert!(finished.stderr.contains(&reason), "{finished}");
}

#[test]
fn a_second_process_is_refused_and_told_by_whom() {
    let (home, sink, people) = scene();
    let first = start(&home, 2, &SLOWLY);
    until("the first messages", || (sink.count() > 0).then_some(()));
    assert_refused(start(&home, 2, &SLOWLY).wait(), first.id());
    assert_refused(start(&home, 2, &["--resume"]).wait(), first.id());
    first.wait().expect_code(0);
    assert_each_once(&sink.recipients(), &people);
    home.exact_account();
}

#[test]
fn of_two_that_start_at_once_one_sends() {
    for round in 0..4 {
        let (home, sink, people) = scene();
        let resume: &[&str] = if round % 2 == 0 { &[] } else { &["--resume"] };
        let args = [&SLOWLY[..], resume].concat();
        let both: [Process; 2] = std::array::from_fn(|_| start(&home, 2, &args));
        let ids = both.each_ref().map(Process::id);
        let [one, other] = both.map(Process::wait);
        match (one.status.success(), other.status.success()) {
            (true, false) => assert_refused(other, ids[0]),
            (false, true) => assert_refused(one, ids[1]),
            _ => panic!("one was to send, the other to be refused: {one}\n{other}"),
        }
        assert_each_once(&sink.recipients(), &people);
    }
}

#[test]
fn two_campaigns_share_a_folder() {
    let (home, sink, people) = scene();
    let spring = start(&home, 2, &[&SLOWLY[..], &["--name", "spring"]].concat());
    let summer = start(&home, 2, &[&SLOWLY[..], &["--name", "summer"]].concat());
    spring.wait().expect_code(0);
    summer.wait().expect_code(0);
    let twice = [people.clone(), people].concat();
    let mut received = sink.recipients();
    let (mut expected, mut account) = (twice, home.account().success);
    received.sort();
    expected.sort();
    account.sort();
    assert_eq!(received, expected);
    assert_eq!(account, expected);
    let listed = home.glasspost(&["campaigns"]).wait().expect_code(0).stdout;
    for name in ["spring", "summer"] {
        let line = listed.lines().find(|line| line.ends_with(name)).unwrap();
        let counts: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(counts[2..6], ["150", "150", "0", "0"], "{listed}");
    }
}

#[test]
fn a_dead_process_leaves_its_campaign_free_at_once() {
    let (home, sink, people) = scene();
    let first = start(&home, 2, &SLOWLY);
    until("the first messages", || (sink.count() >= 20).then_some(()));
    first.kill();
    let asked = Instant::now();
    start(&home, 2, &["--resume"]).wait().expect_code(0);
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "it waited for a clock"
    );
    let statuses = home.exact_account();
    assert!(
        people
            .iter()
            .all(|address| statuses[address] == "delivered")
    );
}
