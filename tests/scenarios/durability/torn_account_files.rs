//! Whatever a loss of power leaves of `success.csv` beyond what was synced, the account ends exact.

use std::fs;

use super::people::{addresses, start, write_addresses};
use crate::harness::{Home, Sink, until};

const RECIPIENTS: usize = 200;

/// Kills a run in its first second, does something to `success.csv`, and goes on.
fn goes_on_after(tear: impl Fn(&mut Vec<u8>)) {
    let (home, sink) = (Home::new(), Sink::start(&["--rule", "10%: refuse"]));
    home.relay(sink.port());
    write_addresses(&home, &addresses(RECIPIENTS));
    let process = start(&home, 2, &["--rate", "150"]);
    let file = home.path().join("success.csv");
    let lines = || {
        fs::read_to_string(&file)
            .unwrap_or_default()
            .lines()
            .count()
    };
    until("lines of the account", || (lines() >= 30).then_some(()));
    process.kill();
    let mut bytes = fs::read(&file).unwrap();
    tear(&mut bytes);
    fs::write(&file, bytes).unwrap();
    start(&home, 2, &["--resume"]).wait().expect_code(0);
    assert_eq!(home.exact_account().len(), RECIPIENTS);
}

fn end_of_line(bytes: &[u8], number: usize) -> usize {
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.nth(number).unwrap().0
}

#[test]
fn a_line_torn_in_the_middle() {
    goes_on_after(|bytes| bytes.truncate(end_of_line(bytes, 10) - 4));
}

#[test]
fn the_very_first_line_torn() {
    goes_on_after(|bytes| bytes.truncate(7));
}

#[test]
fn nothing_of_it_left() {
    goes_on_after(Vec::clear);
}

#[test]
fn zeros_where_the_end_was_to_be() {
    goes_on_after(|bytes| {
        let whole = end_of_line(bytes, 20) + 9;
        bytes[whole..].fill(0);
    });
}
