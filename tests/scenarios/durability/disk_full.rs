//! A full disk stops the sending, loses nothing, is said, and is over as soon as there is room again.

use std::fs;
use std::time::{Duration, Instant};

use super::people::{addresses, assert_each_once, start, write_addresses};
use crate::harness::{Disk, Finished, Home, Sink, until};

const RECIPIENTS: usize = 2_000;
const CONNECTIONS: usize = 4;
/// How long it may take from the moment there is room until mail goes on.
const RECOVERY: Duration = Duration::from_secs(30);

/// Fills the disk in the middle of a run, waits until it is said, checks that nothing goes on, makes room, and
/// waits for the end.
fn fill_in_the_middle(home: &Home, sink: &Sink, disk: &Disk, complaint: &str) -> Finished {
    let process = start(home, CONNECTIONS, &["--rate", "400"]);
    until("some messages", || (sink.count() >= 300).then_some(()));
    disk.fill();
    until("the complaint", || {
        process.stderr().contains(complaint).then_some(())
    });
    disk.make_room();
    let made = Instant::now();
    let before = sink.count();
    until("mail to go on", || (sink.count() > before).then_some(()));
    assert!(
        made.elapsed() < RECOVERY,
        "it went on only after {:?}",
        made.elapsed()
    );
    process.wait().expect_code(0)
}

fn scene() -> (Home, Sink, Vec<String>) {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let people = addresses(RECIPIENTS);
    write_addresses(&home, &people);
    (home, sink, people)
}

#[test]
fn of_the_data_folder() {
    let (home, sink, people) = scene();
    let disk = Disk::mount(home.data(), "24m");
    fill_in_the_middle(&home, &sink, &disk, "sending waits for the store");
    assert_each_once(&sink.recipients(), &people);
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "delivered")
    );
}

#[test]
fn of_the_data_folder_while_the_list_is_read() {
    let (home, sink, people) = scene();
    let much = "x".repeat(500);
    let rows = people
        .iter()
        .map(|address| format!("{address},Ada,{much}\n"));
    home.write(
        "list.csv",
        format!("email,name,much\n{}", rows.collect::<String>()),
    );
    let disk = Disk::mount(home.data(), "24m");
    disk.fill();
    // Enough to begin, not enough for the list.
    disk.leave(700 * 1024);
    let process = start(&home, CONNECTIONS, &[]);
    until("the complaint", || {
        process
            .stderr()
            .contains("the run waits for it")
            .then_some(())
    });
    disk.make_room();
    process.wait().expect_code(0);
    assert_each_once(&sink.recipients(), &people);
    home.exact_account();
}

#[test]
fn from_the_start_it_is_said_and_nothing_is_sent() {
    let (home, sink, people) = scene();
    let disk = Disk::mount(home.data(), "24m");
    disk.fill();
    let finished = start(&home, CONNECTIONS, &[]).wait().expect_code(1);
    assert!(
        finished.stderr.contains("no space is left on the disk"),
        "{finished}"
    );
    assert_eq!(sink.count(), 0);
    disk.make_room();
    start(&home, CONNECTIONS, &["--resume"])
        .wait()
        .expect_code(0);
    assert_each_once(&sink.recipients(), &people);
}

#[test]
fn a_stop_on_a_full_disk_ends_within_its_grace() {
    let (home, sink, people) = scene();
    let disk = Disk::mount(home.data(), "24m");
    let process = start(&home, CONNECTIONS, &["--rate", "400"]);
    until("some messages", || (sink.count() >= 300).then_some(()));
    disk.fill();
    until("the complaint", || {
        process
            .stderr()
            .contains("waits for the store")
            .then_some(())
    });
    let asked = Instant::now();
    process.signal("TERM");
    let finished = process.wait().expect_code(1);
    assert!(asked.elapsed() < RECOVERY, "{finished}");
    assert!(
        finished.stderr.contains("no space is left on the disk"),
        "{finished}"
    );
    disk.make_room();
    start(&home, CONNECTIONS, &["--resume"])
        .wait()
        .expect_code(0);
    let received = sink.recipients();
    assert!(received.len() <= people.len() + CONNECTIONS + 64);
    assert!(people.iter().all(|address| received.contains(address)));
    home.exact_account();
}

#[test]
fn killed_on_a_full_disk_it_goes_on_later() {
    let (home, sink, people) = scene();
    let disk = Disk::mount(home.data(), "24m");
    let process = start(&home, CONNECTIONS, &["--rate", "400"]);
    until("some messages", || (sink.count() >= 300).then_some(()));
    disk.fill();
    until("the complaint", || {
        process
            .stderr()
            .contains("waits for the store")
            .then_some(())
    });
    process.kill();
    let before = sink.count();
    disk.make_room();
    start(&home, CONNECTIONS, &["--resume"])
        .wait()
        .expect_code(0);
    let received = sink.recipients();
    let copies = received.len() - people.len();
    assert!(copies <= CONNECTIONS + 64, "{copies} copies of {before}");
    assert!(people.iter().all(|address| received.contains(address)));
    home.exact_account();
}

#[test]
fn of_the_folder_of_the_account() {
    let (home, sink, people) = scene();
    let disk = Disk::mount(home.path().join("account"), "1m");
    let process = start(
        &home,
        CONNECTIONS,
        &["--rate", "400", "--output-dir", "account"],
    );
    until("some messages", || (sink.count() >= 300).then_some(()));
    disk.fill();
    until("the complaint", || {
        process.stderr().contains("success.csv").then_some(())
    });
    let before = sink.count();
    until("mail to go on meanwhile", || {
        (sink.count() > before + 100).then_some(())
    });
    disk.make_room();
    process.wait().expect_code(0);
    assert_each_once(&sink.recipients(), &people);
    let account = fs::read_to_string(home.path().join("account/success.csv")).unwrap();
    let written: Vec<String> = account
        .lines()
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect();
    assert_each_once(&written, &people);
}
