//! Failed messages that are tried again while the run goes on.

use std::time::Duration;

use campaign::report::Ending;
use campaign::{DeskError, Start};
use model::{ControlAction, Stage};
use store::Store;

use crate::world::{BY, Running, World};

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(600);
/// More than one commit makes anew.
const FAILED: usize = 3_500;
const PEOPLE: [&str; 6] = [
    "person0@example.org",
    "person1@example.org",
    "person2@example.org",
    "person3@example.org",
    "person4@example.org",
    "person5@example.org",
];

#[tokio::test]
async fn a_retry_while_sending_is_delivered_beside_the_rest() {
    let world = World::with(8).await;
    world.relay.refuse(&PEOPLE[..1]);
    world.relay.hold();
    let running = world.start(Start::New).await;
    world.until_books(|books| books.bounced == 1).await;
    world.relay.refuse(&[]);
    running
        .desk
        .act(ControlAction::RetryFailed, BY)
        .await
        .unwrap();
    assert_eq!(running.stage(), Stage::Sending);
    world.relay.go_on();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Completed));
    let books = world.books().await;
    assert_eq!((books.accepted, books.delivered, books.bounced), (9, 8, 1));
    assert_eq!(report.tally.books, books);
    assert_eq!(world.account("success.csv").len(), 8);
    assert_eq!(world.account("failed.csv"), PEOPLE[..1]);
    assert!(world.run().await.finished_at.is_some());
}

#[tokio::test]
async fn without_a_failure_nothing_is_written_down() {
    let world = World::with(2).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    let refused = running.desk.act(ControlAction::RetryFailed, BY).await;
    assert!(matches!(refused, Err(DeskError::NothingFailed)));
    world.relay.go_on();
    running.end().await.unwrap();
    assert_eq!(world.controls().await, []);
}

#[tokio::test]
async fn a_repeat_that_waits_when_the_run_is_stopped_is_sent_when_it_is_resumed() {
    let world = World::with(6).await;
    world.relay.refuse(&PEOPLE[..4]);
    let running = world.start_lingering(Start::New, LONG).await;
    running.until_stage(Stage::Completed).await;
    world.relay.refuse(&[]);
    world.relay.hold();
    running
        .desk
        .act(ControlAction::RetryFailed, BY)
        .await
        .unwrap();
    // Each connection has one of the four, the others wait.
    world.relay.until(|seen| seen.begun.len() == 4).await;
    running.desk.act(ControlAction::Pause, BY).await.unwrap();
    running.stop.cancel();
    world.relay.go_on();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Interrupted));
    let books = world.books().await;
    assert_eq!((books.delivered, books.bounced, books.queued), (4, 4, 2));
    assert_eq!(report.tally.books, books);
    assert_eq!(world.run().await.finished_at, None);
    // Somebody whose repeat waits has left the list meanwhile.
    world.list(&PEOPLE[..3]);
    let report = world.start(Start::Resume).await.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Completed));
    let books = world.books().await;
    let numbers = (books.accepted, books.delivered, books.cancelled);
    assert_eq!(numbers, (10, 5, 1));
    assert_eq!(report.tally.books, books);
    let mut taken = world.relay.seen().taken;
    taken.sort();
    let expected = [0, 1, 2, 4, 5].map(|number| PEOPLE[number].to_owned());
    assert_eq!(taken, expected);
    assert_eq!(world.account("success.csv"), expected);
    assert_eq!(world.account("failed.csv"), PEOPLE[..4]);
}

#[tokio::test]
async fn two_retries_at_once_repeat_a_message_once() {
    let world = World::with(3).await;
    world.relay.refuse(&PEOPLE[..1]);
    let running = world.start_lingering(Start::New, LONG).await;
    running.until_stage(Stage::Completed).await;
    world.relay.refuse(&[]);
    let (first, second) = tokio::join!(
        running.desk.act(ControlAction::RetryFailed, "ada"),
        running.desk.act(ControlAction::RetryFailed, "bob"),
    );
    // The second comes while the first one's repeat goes out, or right after.
    assert!(first.is_ok() || second.is_ok(), "{first:?} {second:?}");
    world.until_books(|books| books.delivered == 3).await;
    running.until_stage(Stage::Completed).await;
    running.stop.cancel();
    let report = running.end().await.unwrap();
    assert_eq!(report.tally.books.accepted, 4);
    assert_eq!(world.relay.seen().taken.len(), 3);
}

#[tokio::test]
async fn a_retry_during_a_pause_waits_for_its_end() {
    let world = World::with(2).await;
    world.relay.refuse(&PEOPLE[..1]);
    world.relay.hold();
    let running = world.start(Start::New).await;
    world.until_books(|books| books.bounced == 1).await;
    world.relay.until(|seen| seen.begun.len() == 1).await;
    running.desk.act(ControlAction::Pause, BY).await.unwrap();
    world.relay.refuse(&[]);
    running
        .desk
        .act(ControlAction::RetryFailed, BY)
        .await
        .unwrap();
    assert_eq!(running.stage(), Stage::Paused);
    world.relay.go_on();
    world.until_books(|books| books.delivered == 1).await;
    assert_eq!(world.books().await.queued, 1);
    running.desk.act(ControlAction::Resume, BY).await.unwrap();
    let report = running.end().await.unwrap();
    assert_eq!(report.tally.books.delivered, 2);
    assert_eq!(world.account("failed.csv"), PEOPLE[..1]);
}

#[tokio::test]
async fn what_was_tried_again_already_is_not_tried_again_by_a_second_retry() {
    let world = World::with(2).await;
    world.relay.refuse(&PEOPLE[..1]);
    let running = world.start_lingering(Start::New, LONG).await;
    running.until_stage(Stage::Completed).await;
    world.relay.refuse(&[]);
    let retry = || running.desk.act(ControlAction::RetryFailed, BY);
    retry().await.unwrap();
    world.until_books(|books| books.delivered == 2).await;
    running.until_stage(Stage::Completed).await;
    let second = retry().await.unwrap_err();
    assert!(matches!(second, DeskError::NothingFailed));
    let words = "no failed message is left that was not tried again";
    assert_eq!(second.to_string(), words);
    running.stop.cancel();
    running.end().await.unwrap();
    assert_eq!(world.controls().await.len(), 1);
}

/// A run at its end of which everybody failed.
async fn very_many_failed() -> (World, Running) {
    let world = World::with(FAILED).await;
    let refused: Vec<String> = (0..FAILED)
        .map(|number| format!("person{number}@example.org"))
        .collect();
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    world.relay.refuse(&refused);
    let running = world.start_lingering(Start::New, LONG).await;
    running.until_stage(Stage::Completed).await;
    (world, running)
}

/// It takes many commits, and others have their turn between them.
#[tokio::test]
async fn a_retry_of_very_many_can_be_paused_meanwhile() {
    let (world, running) = very_many_failed().await;
    world.relay.refuse(&[]);
    let (retry, pause) = tokio::join!(
        running.desk.act(ControlAction::RetryFailed, BY),
        running.desk.act(ControlAction::Pause, BY),
    );
    let (retry, pause) = (retry.unwrap(), pause.unwrap());
    assert_eq!(running.stage(), Stage::Paused);
    let run = world.run().await.lane;
    let repeats = world.store.messages(run, retry.seq, FAILED * 2).await;
    let repeats = repeats.unwrap();
    assert_eq!(repeats.len(), FAILED);
    let before_the_pause = repeats.iter().filter(|row| row.message.seq < pause.seq);
    let before_the_pause = before_the_pause.count();
    assert!(
        (1..FAILED).contains(&before_the_pause),
        "{before_the_pause}"
    );
    running.desk.act(ControlAction::Resume, BY).await.unwrap();
    let delivered = FAILED as u64;
    world
        .until_books(|books| books.delivered == delivered)
        .await;
    running.until_stage(Stage::Completed).await;
    running.stop.cancel();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Completed));
    assert_eq!(report.tally.books, world.books().await);
}

#[tokio::test]
async fn a_cancelling_of_a_retry_of_very_many_takes_back_its_rest() {
    let (world, running) = very_many_failed().await;
    let (retry, cancel) = tokio::join!(
        running.desk.act(ControlAction::RetryFailed, BY),
        running.desk.act(ControlAction::Cancel, BY),
    );
    retry.unwrap();
    cancel.unwrap();
    running.until_stage(Stage::Cancelled).await;
    running.stop.cancel();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Cancelled { .. }));
    let books = world.books().await;
    assert!(books.accepted < 2 * FAILED as u64, "{books:?}");
    assert_eq!(books.queued, 0);
    assert_eq!(report.tally.books, books);
    assert!(world.run().await.finished_at.is_some());
}
