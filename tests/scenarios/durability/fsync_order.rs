//! What the promises rest on when power fails, proven by the order of system calls: the acceptance is on disk before
//! the first byte of a message's envelope leaves, and the outcome before its line in `success.csv`
//! (promises: P-01, P-03).

use std::fs;

use super::people::{addresses, write_addresses};
use super::trace::Trace;
use crate::harness::{Deed, Home, Moment, Process, Relay, program};

const RECIPIENTS: usize = 150;

/// A relay that answers with words which then stand in the outcome, and nowhere else.
fn relay() -> Relay {
    Relay::start(|moment| match moment {
        Moment::End(address) => Some(Deed::Say(
            format!("250 2.0.0 {}\r\n", outcome(address)).into_bytes(),
        )),
        _ => None,
    })
}

fn outcome(address: &str) -> String {
    format!("taken for {address}")
}

/// Runs `glasspost send` below strace and gives what that saw.
fn traced(home: &Home, args: &[&str]) -> String {
    let calls = "trace=write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync";
    let mut command = program("strace");
    command
        .args([
            "-f",
            "-yy",
            "-s",
            "70000",
            "-e",
            calls,
            "-o",
            "trace.txt",
            "--",
        ])
        .arg(env!("CARGO_BIN_EXE_glasspost"))
        .args(["send", "--env", "config.json", "--data", "data"])
        .args(args)
        .current_dir(home.path());
    Process::start("glasspost below strace", &mut command)
        .wait()
        .expect_code(0);
    fs::read_to_string(home.path().join("trace.txt")).unwrap()
}

#[test]
fn everything_is_on_disk_before_anybody_hears_of_it() {
    let (home, relay) = (Home::new(), relay());
    home.relay(relay.port());
    let people = addresses(RECIPIENTS);
    write_addresses(&home, &people);
    let text = traced(
        &home,
        &["-f", "list.csv", "-s", "Hi", "--text", "Hello", "-c", "3"],
    );
    let trace = Trace::parse(&text);
    trace.check(&people, outcome).unwrap();
    let data = home.data();
    assert!(
        trace.folder_was_synced_first(data.to_str().unwrap()),
        "the data file's name itself"
    );
    // The same run without its syncs is found out, so it was they that were seen.
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("sync")).collect();
    let found = Trace::parse(&without.join("\n")).check(&people, outcome);
    assert!(found.unwrap_err().contains("synced"));
}
