//! There, a schedule sends at once or never, nothing survives a restart, and listing hangs while a scheduler runs.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Home, Process, Sink, until};

/// How soon listing and cancelling answer.
const AT_ONCE: Duration = Duration::from_secs(5);

fn scene(people: usize) -> (Home, Sink) {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let list: Vec<String> = (0..people)
        .map(|n| format!("person{n}@good.example"))
        .collect();
    home.write_list("list.csv", list.iter().map(String::as_str));
    (home, sink)
}

/// Registers a job and gives its id.
fn register(home: &Home, args: &[&str]) -> String {
    let finished = home
        .send(&[&["-f", "list.csv"], args].concat())
        .expect_code(0);
    assert!(
        finished.stdout.contains("glasspost schedule run"),
        "{finished}"
    );
    let words: Vec<&str> = finished.stdout.split_whitespace().collect();
    words[1].to_owned()
}

fn keeper(home: &Home) -> Process {
    home.glasspost(&["schedule", "run"])
}

/// The line of the list about a job.
fn listed(home: &Home, id: &str) -> String {
    let finished = home.glasspost(&["schedule", "list"]).wait().expect_code(0);
    assert!(finished.took < AT_ONCE, "{finished}");
    let line = finished.stdout.lines().find(|line| line.starts_with(id));
    line.unwrap_or_else(|| panic!("{id} in {finished}"))
        .to_owned()
}

fn ends(home: &Home, id: &str, state: &str) {
    until(state, || listed(home, id).contains(state).then_some(()));
}

fn stop(keeper: Process) {
    keeper.signal("TERM");
    keeper.wait().expect_code(0);
}

/// How many runs there were of whatever jobs.
fn runs(home: &Home) -> usize {
    let listed = home.glasspost(&["campaigns"]).wait().expect_code(0).stdout;
    listed
        .lines()
        .filter(|line| line.starts_with("mailgrid-"))
        .count()
}

#[test]
fn schedules_really_run() {
    let (home, sink) = scene(3);
    let once = register(
        &home,
        &["--text", "once", "--schedule-at", "2020-01-01T00:00:00Z"],
    );
    let cron = register(&home, &["--text", "cron", "--cron", "* * * * *"]);
    let first = listed(&home, &cron);
    let later = register(
        &home,
        &["--text", "later", "--schedule-at", "2099-01-01T00:00:00Z"],
    );
    assert_eq!(sink.count(), 0, "registering is not sending");
    let keeper = keeper(&home);
    ends(&home, &once, "done");
    assert!(sink.count() >= 3);
    let before = sink.count();
    let every = register(&home, &["--text", "every", "--interval", "1s"]);
    until("two more runs", || {
        (sink.count() >= before + 6).then_some(())
    });
    let cancelled = home
        .glasspost(&["schedule", "cancel", &every])
        .wait()
        .expect_code(0);
    assert_eq!(
        cancelled.stdout,
        format!("Job {every} cancelled successfully.\n")
    );
    ends(&home, &every, "cancelled");
    within_two_minutes("the run by cron", || {
        let now = listed(&home, &cron);
        now.contains("pending") && now != first
    });
    assert!(listed(&home, &later).contains("pending"));
    stop(keeper);
    assert_eq!(sink.count(), 3 * runs(&home), "each run mails everybody");
}

/// Looks once more after the usual deadline: by cron something happens each minute.
fn within_two_minutes(what: &str, look: impl Fn() -> bool) {
    let started = Instant::now();
    until(what, || {
        sleep(Duration::from_millis(500));
        (look() || started.elapsed() > Duration::from_secs(55)).then_some(())
    });
    until(what, || look().then_some(()));
}

#[test]
fn listing_and_cancelling_do_not_block() {
    let (home, sink) = scene(200);
    let job = register(&home, &["--text", "x", "--rate", "50", "--interval", "1h"]);
    let keeper = keeper(&home);
    until("the job to be at work", || {
        (sink.count() >= 10).then_some(())
    });
    assert!(listed(&home, &job).contains("running"));
    let finished = home
        .glasspost(&["send", "--jobs-list"])
        .wait()
        .expect_code(0);
    assert!(
        finished.took < AT_ONCE && finished.stdout.starts_with("Found 1 job(s):\n"),
        "{finished}"
    );
    let finished = home
        .glasspost(&["schedule", "cancel", &job])
        .wait()
        .expect_code(0);
    assert!(finished.took < AT_ONCE, "{finished}");
    stop(keeper);
    assert!(listed(&home, &job).contains("cancelled"));
}

#[test]
fn a_killed_keeper_is_followed_by_one_that_goes_on() {
    let (home, sink) = scene(150);
    let job = register(
        &home,
        &[
            "--text",
            "x",
            "--rate",
            "60",
            "--schedule-at",
            "2020-01-01T00:00:00Z",
        ],
    );
    let first = keeper(&home);
    until("the job to be at work", || {
        (sink.count() >= 30).then_some(())
    });
    first.kill();
    let before = sink.count();
    let second = keeper(&home);
    ends(&home, &job, "done");
    stop(second);
    let mut received = sink.recipients();
    // What was under way at the kill can come twice, on the one connection.
    assert!(
        received.len() <= 150 + 65,
        "{} after {before}",
        received.len()
    );
    let again = received.len();
    received.sort();
    received.dedup();
    assert_eq!(received.len(), 150);
    assert!(again - 150 <= 65);
    assert_eq!(runs(&home), 1, "it is the same run");
    home.exact_account();
}

#[test]
fn a_stopped_keeper_hands_its_job_to_the_next_and_nobody_gets_it_twice() {
    let (home, sink) = scene(150);
    let job = register(
        &home,
        &[
            "--text",
            "x",
            "--rate",
            "60",
            "--schedule-at",
            "2020-01-01T00:00:00Z",
        ],
    );
    let first = keeper(&home);
    until("the job to be at work", || {
        (sink.count() >= 30).then_some(())
    });
    stop(first);
    let second = keeper(&home);
    ends(&home, &job, "done");
    stop(second);
    let mut received = sink.recipients();
    received.sort();
    received.dedup();
    assert_eq!((received.len(), sink.count()), (150, 150));
}

#[test]
fn two_keepers_run_a_job_once() {
    let (home, sink) = scene(60);
    let job = register(
        &home,
        &[
            "--text",
            "x",
            "--rate",
            "60",
            "--schedule-at",
            "2020-01-01T00:00:00Z",
        ],
    );
    let both = [keeper(&home), keeper(&home)];
    ends(&home, &job, "done");
    both.into_iter().for_each(stop);
    assert_eq!(sink.count(), 60);
    assert_eq!(runs(&home), 1);
}
