//! Pause and resume, and what two of them at once do.

use campaign::report::Ending;
use campaign::{DeskError, Start};
use model::{ControlAction, Stage};

use crate::world::{BY, World};

#[tokio::test]
async fn a_pause_finishes_what_was_begun_and_a_resumption_goes_on() {
    let world = World::with(40).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    world.relay.until(|seen| seen.begun.len() == 2).await;
    running.desk.act(ControlAction::Pause, BY).await.unwrap();
    assert_eq!(running.stage(), Stage::Paused);
    world.relay.go_on();
    world.relay.until(|seen| seen.open == 0).await;
    world.until_books(|books| books.queued == 38).await;
    let again = running.desk.act(ControlAction::Pause, BY).await;
    assert_eq!(again.unwrap_err().to_string(), "the run is paused already");
    running.desk.act(ControlAction::Resume, BY).await.unwrap();
    assert_eq!(running.stage(), Stage::Sending);
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Completed));
    assert_eq!(report.tally.books.delivered, 40);
    assert_eq!(world.relay.seen().taken.len(), 40);
    let controls = world.controls().await;
    let written: Vec<_> = controls
        .iter()
        .map(|control| (control.action, &*control.by))
        .collect();
    let expected = [(ControlAction::Pause, BY), (ControlAction::Resume, BY)];
    assert_eq!(written, expected);
    assert!(controls[0].at >= report.started_at && controls[1].at <= report.ended_at);
}

#[tokio::test]
async fn of_two_pauses_at_once_one_is_too_late() {
    let world = World::with(10).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    let (first, second) = tokio::join!(
        running.desk.act(ControlAction::Pause, "ada"),
        running.desk.act(ControlAction::Pause, "bob"),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    assert_eq!(world.controls().await.len(), 1);
    running.desk.act(ControlAction::Resume, BY).await.unwrap();
    world.relay.go_on();
    assert_eq!(running.end().await.unwrap().tally.books.delivered, 10);
}

#[tokio::test]
async fn a_pause_and_a_cancelling_at_once_end_the_run() {
    let world = World::with(10).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    let (pause, cancel) = tokio::join!(
        running.desk.act(ControlAction::Pause, "ada"),
        running.desk.act(ControlAction::Cancel, "bob"),
    );
    cancel.unwrap();
    world.relay.go_on();
    let written = 1 + usize::from(pause.is_ok());
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Cancelled { by } if &*by == "bob"));
    assert_eq!(world.controls().await.len(), written);
}

#[tokio::test]
async fn a_stop_during_a_pause_leaves_a_run_that_can_be_gone_on_with() {
    let world = World::with(10).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    running.desk.act(ControlAction::Pause, BY).await.unwrap();
    world.relay.go_on();
    running.stop.cancel();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Interrupted));
    let resumed = world.start(Start::Resume).await.end().await.unwrap();
    assert!(matches!(resumed.ending, Ending::Completed));
    assert_eq!(world.books().await.delivered, 10);
    assert_eq!(world.account("success.csv").len(), 10);
}

#[tokio::test]
async fn a_resumption_of_a_run_that_is_not_paused_is_refused_and_not_written_down() {
    let world = World::with(1).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    let refused = running.desk.act(ControlAction::Resume, BY).await;
    assert!(matches!(
        refused,
        Err(DeskError::NotNow {
            action: ControlAction::Resume,
            stage: Stage::Sending
        })
    ));
    world.relay.go_on();
    running.end().await.unwrap();
    assert_eq!(world.controls().await, []);
}
