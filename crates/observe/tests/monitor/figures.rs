//! The figures of a run with failures of every kind.

use std::time::Duration;

use model::{ControlAction, EventKind, Seq, Stage};
use observe::Provider;
use observe::monitor::Seen;
use observe::monitor::view::{Level, What};

use crate::run::{Run, assert_adds_up, at, until};

#[tokio::test]
async fn every_kind_of_outcome_is_shown_and_the_figures_add_up() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    assert_eq!(monitor.figures().total, 0);
    run.live.set_stage(Stage::Sending);
    let gmail = run.accept_at("gmail.com", 60).await;
    let own = run.accept_at("example.org", 40).await;
    run.record(&gmail[..50], EventKind::Delivered, 2).await;
    run.record(&gmail[50..], EventKind::Deferred, 3).await;
    run.record(&own[..5], EventKind::Bounced, 3).await;
    run.record(&own[5..8], EventKind::Expired, 4).await;
    run.record(&own[8..9], EventKind::Dropped, 4).await;
    let taken_back = own[10..12].iter().map(|message| message.seq).collect();
    let cancelled = run
        .store
        .cancel(&run.lease, taken_back, "nobody wants it", at(5));
    assert_eq!(cancelled.await.unwrap(), 2);
    run.clock.set(at(6));
    monitor.catch_up().await.unwrap();

    let figures = monitor.figures();
    assert_adds_up(&figures);
    assert_eq!((figures.total, figures.cancelled), (98, 2));
    assert_eq!((figures.sent, figures.failed), (50, 9));
    assert_eq!((figures.retrying, figures.pending), (10, 29));
    assert_eq!(figures.attempts, 68);
    assert_eq!(figures.duration.mean_ms, 2.0);
    assert_eq!(figures.ended_at, None);
    let rate = figures.per_second_mean;
    assert!((rate - 59.0 / 4.0).abs() < 0.1, "{rate}");

    let moment = monitor.moment(Seen::default());
    let by_provider: Vec<_> = moment.providers.iter().map(|row| row.provider).collect();
    assert_eq!(by_provider, [Provider::Gmail, Provider::Own]);
    let codes: Vec<_> = moment
        .codes
        .iter()
        .map(|row| (row.code, row.count))
        .collect();
    assert_eq!(codes, [(250, 50), (451, 13), (550, 5)]);
    assert_eq!(
        moment.points.iter().map(|point| point.sent).sum::<u64>(),
        50
    );
    assert_eq!(
        moment.points.iter().map(|point| point.failed).sum::<u64>(),
        9
    );
    assert_eq!(moment.entries.len(), 71);
    let domains = monitor.domains(1);
    assert_eq!(domains[0].domain.as_deref(), Some("gmail.com"));
    assert_eq!(
        (domains[0].counts.sent, domains[0].counts.deferred),
        (50, 10)
    );
    assert_eq!(
        (domains[1].domain.as_deref(), domains[1].counts.failed),
        (None, 9)
    );
}

#[tokio::test]
async fn what_is_under_way_is_told_from_what_waits() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let messages = run.accept_at("example.org", 4).await;
    run.record(&messages[..2], EventKind::Deferred, 2).await;
    monitor.catch_up().await.unwrap();
    let retried = run.store.message(messages[0].seq).await.unwrap().unwrap();
    let under_way = [
        run.live.begin_sending(&retried),
        run.live.begin_sending(&messages[2]),
    ];
    let figures = monitor.figures();
    assert_adds_up(&figures);
    assert_eq!(
        (figures.sending, figures.retrying, figures.pending),
        (2, 1, 1)
    );
    // Committed, counted, and still held as under way.
    run.record(&messages[..1], EventKind::Delivered, 3).await;
    run.record(&messages[2..3], EventKind::Delivered, 3).await;
    monitor.catch_up().await.unwrap();
    let figures = monitor.figures();
    assert_adds_up(&figures);
    assert_eq!((figures.sent, figures.total), (2, 4));
    drop(under_way);
    let figures = monitor.figures();
    assert_eq!(
        (figures.sending, figures.retrying, figures.pending),
        (0, 1, 1)
    );
}

#[tokio::test]
async fn a_run_ends_with_its_last_message_and_goes_on_with_a_repeat() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let messages = run.accept_at("example.org", 10).await;
    run.live.set_stage(Stage::Sending);
    run.record(&messages[..9], EventKind::Delivered, 2).await;
    run.record(&messages[9..], EventKind::Bounced, 3).await;
    monitor.catch_up().await.unwrap();
    assert_eq!(
        monitor.figures().ended_at,
        None,
        "the list is not read to its end"
    );
    run.list().await;
    run.clock.set(at(100));
    monitor.catch_up().await.unwrap();
    let ended = monitor.figures();
    assert_eq!((ended.ended_at, ended.repeatable), (Some(at(3)), 1));
    assert_eq!(ended.seconds_left, Some(0.0));
    assert!(ended.elapsed_s < 1.1, "{}", ended.elapsed_s);

    let repeated = run
        .store
        .retry_failed(&run.lease, Seq::new(i64::MAX), 10, at(101));
    assert_eq!(repeated.await.unwrap(), 1);
    let figures = until(&monitor, |figures| figures.repeats == 1).await;
    assert_eq!((figures.total, figures.failed, figures.pending), (11, 1, 1));
    assert_eq!(figures.repeatable, 0, "it is repeated already");
    assert_eq!(figures.ended_at, None);
}

#[tokio::test]
async fn a_run_that_is_interrupted_has_an_end_too() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    run.accept_at("example.org", 10).await;
    run.clock.set(at(7));
    run.live.set_stage(Stage::Interrupted);
    let figures = until(&monitor, |figures| {
        figures.ended_at.is_some() && figures.pending == 10
    })
    .await;
    assert_eq!(figures.ended_at, Some(at(7)));
    run.live.set_stage(Stage::Sending);
    until(&monitor, |figures| figures.ended_at.is_none()).await;
}

#[tokio::test]
async fn milestones_and_interventions_stand_in_the_log() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let messages = run.accept_at("example.org", 10).await;
    run.list().await;
    monitor.catch_up().await.unwrap();
    run.record(&messages[..5], EventKind::Delivered, 2).await;
    monitor.catch_up().await.unwrap();
    run.control(ControlAction::Pause, 3).await;
    monitor.catch_up().await.unwrap();
    run.record(&messages[5..], EventKind::Delivered, 4).await;
    monitor.catch_up().await.unwrap();
    let entries = monitor.moment(Seen::default()).entries;
    let notes: Vec<String> = entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Message { .. } => None,
            What::Control(control) => {
                Some(format!("{} by {}", control.action.as_str(), control.by))
            }
            What::Milestone(words) => Some(words.to_string()),
        })
        .collect();
    let expected = [
        "50 % done: 5 of 10",
        "pause by somebody",
        "completed: 10 sent, 0 failed",
    ];
    assert_eq!(notes, expected);
    assert!(entries.iter().all(|entry| entry.level == Level::Info));
}

#[tokio::test]
async fn a_reader_of_moments_sees_everything_once() {
    let run = Run::begin().await;
    let monitor = run.watch().await;
    let messages = run.accept_at("example.org", 50).await;
    let (mut seen, mut sent, mut entries) = (
        Seen {
            entry: 0,
            point_s: 1,
        },
        0,
        0,
    );
    for (second, pair) in (2..).zip(messages.chunks(5)) {
        run.record(pair, EventKind::Delivered, second).await;
        monitor.catch_up().await.unwrap();
        run.clock.set(at(second) + Duration::from_millis(250));
        let moment = monitor.moment(seen);
        seen = moment.seen;
        entries += moment.entries.len();
        sent += moment.points.iter().map(|point| point.sent).sum::<u64>();
        assert!(
            moment
                .points
                .iter()
                .all(|point| point.at_s < run.clock.now().as_secs())
        );
    }
    run.clock.set(at(60));
    let last = monitor.moment(seen);
    sent += last.points.iter().map(|point| point.sent).sum::<u64>();
    assert_eq!((sent, entries), (50, 50));
    assert!(monitor.moment(last.seen).points.is_empty());
}
