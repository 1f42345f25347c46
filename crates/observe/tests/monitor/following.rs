//! How the log is followed: from the start, over gaps and failures, until nobody looks any more.

use std::sync::Arc;
use std::time::Duration;

use model::{ControlAction, EventKind};
use observe::Monitor;
use observe::metrics::{Format, Process, exposition};
use observe::monitor::Seen;
use observe::monitor::view::{Figures, What};

use crate::exposition::value;
use crate::run::{Run, at, open, until};

fn counts(figures: &Figures) -> [u64; 7] {
    [
        figures.total,
        figures.pending,
        figures.sent,
        figures.failed,
        figures.retrying,
        figures.cancelled,
        figures.attempts,
    ]
}

fn controls(monitor: &Monitor) -> usize {
    let entries = monitor.moment(Seen::default()).entries;
    let is_control = |what: &What| matches!(what, What::Control(_));
    entries
        .iter()
        .filter(|entry| is_control(&entry.what))
        .count()
}

#[tokio::test]
async fn a_resumed_run_is_shown_whole() {
    let run = Run::begin().await;
    let first = run.watch().await;
    let messages = run.accept_at("gmail.com", 2_500).await;
    run.record(&messages[..1_500], EventKind::Delivered, 2)
        .await;
    run.control(ControlAction::Pause, 3).await;
    run.record(&messages[1_500..1_600], EventKind::Bounced, 4)
        .await;
    run.record(&messages[1_600..1_650], EventKind::Deferred, 5)
        .await;
    first.catch_up().await.unwrap();
    let second = run.watch().await;
    assert_eq!(counts(&second.figures()), counts(&first.figures()));
    let (first_shown, second_shown) = (
        first.moment(Seen::default()),
        second.moment(Seen::default()),
    );
    assert_eq!(first_shown.points, second_shown.points);
    assert_eq!(first_shown.codes, second_shown.codes);
    assert_eq!(first_shown.recent.len(), second_shown.recent.len());
    assert_eq!((controls(&first), controls(&second)), (1, 1));
    let place = second_shown
        .entries
        .iter()
        .position(|entry| matches!(entry.what, What::Control(_)))
        .unwrap();
    assert_eq!(second_shown.entries[place].number, 1_501);

    // The time before it was resumed is not spent sending.
    run.record(&messages[1_650..1_660], EventKind::Delivered, 9_000)
        .await;
    second.catch_up().await.unwrap();
    run.clock.set(at(9_001));
    let elapsed_s = second.figures().elapsed_s;
    assert!((1.0..1.1).contains(&elapsed_s), "{elapsed_s}");
}

#[tokio::test]
async fn events_come_without_being_asked_for() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let messages = run.accept_at("example.org", 100).await;
    for (second, message) in (2..).zip(messages.chunks(1)) {
        run.record(message, EventKind::Delivered, second).await;
    }
    run.control(ControlAction::Pause, 200).await;
    until(&monitor, |figures| figures.sent == 100).await;
    until(&monitor, |_| controls(&monitor) == 1).await;
}

#[tokio::test]
async fn what_another_process_wrote_is_counted_once() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let other = Run {
        store: open(run.folder.path()),
        folder: tempfile::tempdir().unwrap(),
        campaign: run.campaign.clone(),
        lease: run.lease.clone(),
        live: Arc::clone(&run.live),
        clock: run.clock.clone(),
    };
    other.control(ControlAction::Pause, 1).await;
    other.accept_at("example.org", 30).await;
    run.accept_at("example.net", 1).await;
    until(&monitor, |figures| figures.total == 31).await;
    other.control(ControlAction::Resume, 2).await;
    until(&monitor, |_| controls(&monitor) == 2).await;
    monitor.catch_up().await.unwrap();
    assert_eq!((monitor.figures().total, controls(&monitor)), (31, 2));
}

#[tokio::test]
async fn a_store_that_fails_for_a_while_loses_nothing() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let messages = run.accept_at("example.org", 10).await;
    until(&monitor, |figures| figures.total == 10).await;
    let other = open(run.folder.path());
    let file = std::fs::read_dir(run.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "db"))
        .unwrap();
    let hand = rusqlite::Connection::open(file).unwrap();
    // Written by somebody else, so that it has to be read from the file, which cannot be read.
    let batch = vec![store::NewEvent {
        message: Arc::clone(&messages[0]),
        kind: EventKind::Bounced,
        at: at(2),
        attempts: 1,
        due_at: None,
        attempt: None,
        reason: None,
    }];
    other.record(&run.lease, batch).await.unwrap();
    hand.execute_batch("ALTER TABLE events RENAME COLUMN detail TO hidden")
        .unwrap();
    run.control(ControlAction::Pause, 3).await;
    assert!(monitor.catch_up().await.is_err());
    let has_failed = |_: &Figures| {
        let text = exposition(&monitor, &Process::default(), Format::Prometheus);
        value(&text, "glasspost_reader_errors_total ") > 0.0
    };
    let figures = until(&monitor, has_failed).await;
    assert_eq!(figures.failed, 0);
    hand.execute_batch("ALTER TABLE events RENAME COLUMN hidden TO detail")
        .unwrap();
    run.control(ControlAction::Resume, 4).await;
    until(&monitor, |figures| figures.failed == 1).await;
    until(&monitor, |_| controls(&monitor) == 2).await;
}

#[tokio::test]
async fn it_ends_when_nobody_looks_any_more() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let copy = monitor.clone();
    drop(monitor);
    copy.catch_up().await.unwrap();
    // The task holds the store; who opens the folder alone has to wait for it.
    drop(copy);
    let wait = async {
        while Arc::strong_count(&run.store) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .unwrap();
}
