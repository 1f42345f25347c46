//! Campaigns by the clock, kept by whichever worker has the duty: each occurrence is sent once, and goes on when its process
//! dies, freezes or is stopped.

use std::thread;
use std::time::{Duration, Instant};

use crate::durability::people::{addresses, assert_each_once, counts, start, write_addresses};
use crate::harness::cluster::Cluster;
use crate::harness::{
    Home, Installation, Service, Sink, amount, durable_cluster, until, until_within,
};

const WORKERS: [&str; 2] = ["worker", "worker"];
const DUTY: &str = "duty/schedules";
/// What can be delivered and not yet recorded when the process dies (promise: P-03).
const WINDOW: usize = 2 + 64;
/// How soon another process goes on: the length of a lease, how often the duty is asked for, and a job looked at.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(18);
/// How long a process may be silent before it loses what it holds, and some more.
const FROZEN: Duration = Duration::from_secs(13);
/// Who takes no mail.
const REFUSED: &str = "person00007@good.example";
/// A moment that is over.
const PAST: [&str; 2] = ["--schedule-at", "2020-01-01T00:00:00Z"];

/// A folder with a list of so many people, whose campaigns are kept at an address; gives who takes mail.
fn scene(store: &str, people: usize) -> (Home, Sink, Vec<String>) {
    let rule = format!("{REFUSED}: refuse");
    let (home, sink) = (Home::on(store), Sink::start(&["--rule", &rule]));
    home.relay(sink.port());
    let mut people = addresses(people);
    write_addresses(&home, &people);
    people.retain(|address| address != REFUSED);
    (home, sink, people)
}

/// Registers a job over two connections; gives its id.
#[track_caller]
fn register(home: &Home, args: &[&str]) -> String {
    let said = start(home, 2, args).wait().expect_code(0).stdout;
    assert!(said.contains("while a service works on"), "{said}");
    said.split_whitespace().nth(1).unwrap().to_owned()
}

/// What the list says of a job.
fn listed(home: &Home, id: &str) -> String {
    let list = home.glasspost(&["schedule", "list"]).wait().expect_code(0);
    let mut lines = list.stdout.lines().skip_while(|line| !line.starts_with(id));
    lines.next().unwrap_or_else(|| panic!("{list}")).to_owned()
}

fn until_it_is(home: &Home, id: &str, state: &str) {
    until(state, || {
        thread::sleep(Duration::from_millis(200));
        listed(home, id).contains(state).then_some(())
    });
}

/// How many runs there were.
fn runs(home: &Home) -> usize {
    let listed = home.glasspost(&["campaigns"]).wait().expect_code(0).stdout;
    let lines = listed.lines();
    lines.filter(|line| line.starts_with("mailgrid-")).count()
}

fn holder(installation: &Installation<'_>) -> usize {
    until("somebody to have the duty", || installation.holder(DUTY))
}

#[test]
fn each_occurrence_is_sent_once() {
    let installation = Installation::start(Cluster::shared(), &WORKERS);
    let (home, sink, people) = scene(installation.address(), 50);
    let once = register(&home, &PAST);
    until_it_is(&home, &once, "done");
    assert_each_once(&sink.recipients(), &people);
    assert_eq!(home.exact_account()[REFUSED], "bounced");
    let again = register(&home, &["--interval", "1s", "--name", "news"]);
    until("two more occurrences", || {
        (sink.count() >= 3 * people.len()).then_some(())
    });
    let cancelled = home.glasspost(&["schedule", "cancel", &again]).wait();
    cancelled.expect_code(0);
    until("the last occurrence", || {
        let queued = installation.sql("SELECT coalesce(sum(count), 0) FROM books WHERE state = 0");
        (queued.trim() == "0").then_some(())
    });
    let later = register(&home, &["--schedule-at", "2099-01-01T00:00:00Z"]);
    thread::sleep(Duration::from_secs(3));
    let (arrived, runs) = (sink.recipients(), runs(&home));
    assert_eq!(arrived.len(), people.len() * runs);
    assert!(counts(&arrived).values().all(|count| *count == runs));
    assert!(listed(&home, &again).contains("cancelled"));
    assert!(listed(&home, &later).contains("pending"));
    let figures = installation.node(holder(&installation)).metrics();
    assert!(!figures.is_empty());
    for number in 0..installation.count() {
        let log = installation.node(number).process.stdout();
        assert!(
            !log.contains("@good.example"),
            "a service's log names nobody: {log}"
        );
    }
}

#[test]
fn when_its_process_dies_another_finishes_an_occurrence() {
    let mut installation = Installation::start(Cluster::shared(), &WORKERS);
    let (home, sink, people) = scene(installation.address(), 600);
    let job = register(&home, &[&PAST[..], &["--rate", "60"]].concat());
    let kills = amount(1, 5);
    for kill in 1..=kills {
        until("the occurrence to be sent", || {
            (sink.count() >= kill * people.len() / (kills + 3)).then_some(())
        });
        let first = holder(&installation);
        installation.kill(first);
        sink.until_all_read();
        let (killed, before) = (Instant::now(), sink.count());
        until_within(TAKEN_OVER_WITHIN, "the occurrence to go on", || {
            (sink.count() > before).then_some(())
        });
        println!("it went on {:?} after the kill", killed.elapsed());
    }
    until_it_is(&home, &job, "done");
    let received = sink.recipients();
    let copies = counts(&received);
    assert_eq!(copies.len(), people.len(), "nobody is lost");
    assert!(
        received.len() - copies.len() <= kills * WINDOW,
        "{} copies",
        received.len()
    );
    assert_eq!(runs(&home), 1, "it is the same run");
    home.exact_account();
}

#[test]
fn a_process_that_is_stopped_hands_its_occurrence_on() {
    let mut installation = Installation::start(Cluster::shared(), &WORKERS);
    let (home, sink, people) = scene(installation.address(), 300);
    let job = register(&home, &[&PAST[..], &["--rate", "60"]].concat());
    until("the occurrence to be sent", || {
        (sink.count() >= 50).then_some(())
    });
    let first = holder(&installation);
    installation.restart(first);
    until_it_is(&home, &job, "done");
    assert_each_once(&sink.recipients(), &people);
    assert_eq!(runs(&home), 1);
    home.exact_account();
}

#[test]
fn a_process_that_was_asleep_does_not_interfere() {
    let installation = Installation::start(Cluster::shared(), &WORKERS);
    let (home, sink, people) = scene(installation.address(), 900);
    let job = register(&home, &[&PAST[..], &["--rate", "40"]].concat());
    until("the occurrence to be sent", || {
        (sink.count() >= 50).then_some(())
    });
    let first = holder(&installation);
    let process = &installation.node(first).process;
    process.signal("STOP");
    thread::sleep(FROZEN);
    process.signal("CONT");
    until_it_is(&home, &job, "done");
    let received = sink.recipients();
    let copies = counts(&received);
    assert_eq!(copies.len(), people.len(), "nobody is lost");
    assert!(
        received.len() - copies.len() <= WINDOW,
        "{} copies",
        received.len()
    );
    assert_ne!(holder(&installation), first);
    home.exact_account();
    assert!(
        listed(&home, &job).contains("done"),
        "what it says too late is refused"
    );
}

#[test]
fn an_occurrence_goes_on_when_the_database_is_back_and_no_try_is_used_up() {
    let cluster = durable_cluster();
    let installation = Installation::start(&cluster, &WORKERS);
    let (home, sink, people) = scene(installation.address(), 500);
    let once = [&PAST[..], &["--rate", "60", "--job-retries", "1"]].concat();
    let job = register(&home, &once);
    until("the occurrence to be sent", || {
        (sink.count() >= 100).then_some(())
    });
    cluster.stop();
    thread::sleep(FROZEN);
    cluster.start();
    until_it_is(&home, &job, "done");
    let received = sink.recipients();
    let copies = counts(&received);
    assert_eq!(copies.len(), people.len(), "nobody is lost");
    let twice = received.len() - copies.len();
    assert!(twice <= WINDOW, "{twice} copies");
    assert_eq!(runs(&home), 1, "it is the same run");
    home.exact_account();
}

#[test]
fn a_service_keeps_the_schedules_of_its_data_folder() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let people = addresses(30);
    write_addresses(&home, &people);
    let job = register(&home, &PAST);
    let service = Service::start(&home);
    until_it_is(&home, &job, "done");
    service.stop();
    assert_each_once(&sink.recipients(), &people);
    home.exact_account();
}
