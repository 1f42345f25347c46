//! A run that is watched after its end, and may go on from there.

use std::sync::Arc;
use std::time::Duration;

use campaign::Start;
use campaign::report::Ending;
use model::{ControlAction, Stage};

use crate::hook::Hook;
use crate::relay::until;
use crate::world::{BY, World};

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(600);
/// Long enough to do something in it.
const SHORT: Duration = Duration::from_millis(1_000);
/// The first of the list: whoever comes to it finds nobody held before it.
const REFUSED: &[&str] = &["person0@example.org"];

#[tokio::test]
async fn a_retry_after_the_end_goes_on_to_another_end() {
    let hook = Hook::start().await;
    let mut world = World::with(3).await;
    world.request.webhook = Some(hook.url());
    world.relay.refuse(REFUSED);
    let running = world.start_lingering(Start::New, LONG).await;
    running.until_stage(Stage::Completed).await;
    let first_end = world.run().await;
    assert!(first_end.finished_at.is_some() && first_end.listed_at.is_some());
    until("the first end is told", || running.ends() == 1).await;
    until("the webhook is told", || hook.told().len() == 1).await;
    assert_eq!(world.account("failed.csv"), REFUSED);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    world.relay.refuse(&[]);
    world.relay.hold();
    let retry = running.desk.act(ControlAction::RetryFailed, BY).await;
    retry.unwrap();
    world.relay.until(|seen| seen.begun.len() == 3).await;
    let reopened = world.run().await;
    assert_eq!(
        (running.stage(), reopened.finished_at),
        (Stage::Sending, None)
    );
    assert_eq!(reopened.listed_at, first_end.listed_at);
    world.relay.go_on();
    running.until_stage(Stage::Completed).await;
    until("the second end is told", || running.ends() == 2).await;
    assert!(world.run().await.finished_at > first_end.finished_at);
    running.stop.cancel();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Completed));
    let books = world.books().await;
    assert_eq!((books.accepted, books.delivered, books.bounced), (4, 3, 1));
    assert_eq!(report.tally.books, books);
    assert_eq!(world.account("success.csv").len(), 3);
    assert_eq!(world.account("failed.csv"), REFUSED);
    let between = report.ended_at.since(report.started_at);
    assert!(report.elapsed() + Duration::from_millis(1_400) < between);
    let told = hook.told();
    let told: Vec<_> = told
        .iter()
        .map(|body| {
            (
                &body["status"],
                &body["successful_deliveries"],
                &body["end"],
            )
        })
        .collect();
    let completed = serde_json::Value::from("completed");
    let expected = [
        (&completed, &2.into(), &1.into()),
        (&completed, &3.into(), &2.into()),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_retry_after_the_end_does_not_wait_for_a_slow_webhook() {
    let hook = Hook::start().await;
    let mut world = World::with(3).await;
    world.request.webhook = Some(hook.url());
    world.relay.refuse(REFUSED);
    hook.hold();
    let running = world.start_lingering(Start::New, LONG).await;
    until("the first end is on its way", || hook.told().len() == 1).await;
    world.relay.refuse(&[]);
    let retry = running.desk.act(ControlAction::RetryFailed, BY).await;
    retry.unwrap();
    world.until_books(|books| books.delivered == 3).await;
    running.until_stage(Stage::Completed).await;
    until("the second end is told", || running.ends() == 2).await;
    assert_eq!(hook.told().len(), 1, "the second end waits for the first");
    hook.go_on();
    until("both have arrived", || hook.told().len() == 2).await;
    running.stop.cancel();
    let report = running.end().await.unwrap();
    assert!(matches!(report.webhook, Some(Ok(()))));
    assert_eq!(hook.told()[1]["end"], 2);
}

#[tokio::test]
async fn a_slow_webhook_is_waited_for_after_the_lingering_and_not_added_to_it() {
    let hook = Hook::start().await;
    let mut world = World::with(3).await;
    world.request.webhook = Some(hook.url());
    hook.hold();
    let running = world.start_lingering(Start::New, SHORT).await;
    until("the end is on its way", || hook.told().len() == 1).await;
    let desk = Arc::clone(&running.desk);
    tokio::time::sleep(SHORT * 2).await;
    hook.go_on();
    let answered = model::Clock::system();
    let answered_at = answered.now();
    let report = running.end().await.unwrap();
    assert!(answered.now().since(answered_at) < SHORT, "it is over");
    assert!(matches!(report.webhook, Some(Ok(()))));
    let late = desk.act(ControlAction::RetryFailed, BY).await;
    assert!(late.is_err());
}

#[tokio::test]
async fn a_stop_leaves_a_webhook_that_is_on_its_way_little_time() {
    let hook = Hook::start().await;
    let mut world = World::with(3).await;
    world.request.webhook = Some(hook.url());
    hook.hold();
    let running = world.start_lingering(Start::New, LONG).await;
    until("the end is on its way", || hook.told().len() == 1).await;
    running.stop.cancel();
    let report = running.end().await.unwrap();
    let words = "it was not taken within 8 s of the stop";
    assert_eq!(report.webhook, Some(Err(words.to_owned())));
}

/// The lingering ran out while the retry was being written down: that it went on then is no news at the next end.
#[tokio::test]
async fn a_retry_in_the_last_moment_leaves_the_next_end_its_whole_lingering() {
    let world = World::with(3).await;
    world.relay.refuse(REFUSED);
    let running = world.start_lingering(Start::New, SHORT).await;
    running.until_stage(Stage::Completed).await;
    let lock = world.lock_data();
    let desk = Arc::clone(&running.desk);
    let retry = tokio::spawn(async move { desk.act(ControlAction::RetryFailed, BY).await });
    tokio::time::sleep(SHORT + Duration::from_millis(300)).await;
    world.relay.refuse(&[]);
    drop(lock);
    retry.await.unwrap().unwrap();
    world.until_books(|books| books.delivered == 3).await;
    running.until_stage(Stage::Completed).await;
    let clock = model::Clock::system();
    let ended_at = clock.now();
    running.end().await.unwrap();
    let lingered = clock.now().since(ended_at);
    assert!(
        lingered > SHORT - Duration::from_millis(200),
        "{lingered:?}"
    );
}

#[tokio::test]
async fn a_stop_ends_the_lingering_at_once_and_the_time_does_not_count_it() {
    let world = World::with(3).await;
    let running = world.start_lingering(Start::New, LONG).await;
    running.until_stage(Stage::Completed).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    running.stop.cancel();
    let now = model::Clock::system();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Completed));
    assert!(now.now().since(report.ended_at) >= Duration::from_millis(400));
}

#[tokio::test]
async fn what_is_asked_after_the_end_is_refused_in_words() {
    let world = World::with(3).await;
    world.relay.refuse(REFUSED);
    let running = world.start_lingering(Start::New, LONG).await;
    running.until_stage(Stage::Completed).await;
    for (action, words) in [
        (ControlAction::Pause, "there is nothing to pause"),
        (ControlAction::Resume, "there is nothing to resume"),
        (ControlAction::Cancel, "there is nothing to cancel"),
    ] {
        let refused = running.desk.act(action, BY).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("the run is completed: {words}")
        );
    }
    let desk = Arc::clone(&running.desk);
    running.stop.cancel();
    running.end().await.unwrap();
    let late = desk.act(ControlAction::RetryFailed, BY).await.unwrap_err();
    assert_eq!(
        late.to_string(),
        "the run is completed: nothing is tried again"
    );
    assert_eq!(world.controls().await, []);
}

#[tokio::test]
async fn a_run_whose_relay_cannot_be_reached_is_watched_and_can_be_resumed() {
    let world = World::with(3).await;
    world.relay.shut();
    let running = world.start_lingering(Start::New, LONG).await;
    running.until_stage(Stage::Unreachable).await;
    until("the end is told", || running.ends() == 1).await;
    assert!(running.live.trouble().is_some());
    let refused = running.desk.act(ControlAction::Cancel, BY).await;
    let words = "the run has ended because the relay cannot be reached: there is nothing to cancel";
    assert_eq!(refused.unwrap_err().to_string(), words);
    running.stop.cancel();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Unreachable(_)));
    world.relay.reopen();
    let resumed = world.start(Start::Resume).await.end().await.unwrap();
    assert!(matches!(resumed.ending, Ending::Completed));
    assert!(world.relay.seen().quits > 0);
}

#[tokio::test]
async fn a_retry_after_the_relay_was_given_up_goes_on_with_everybody() {
    let world = World::with(5).await;
    world.relay.refuse(REFUSED);
    world.relay.hold();
    let running = world.start_lingering(Start::New, LONG).await;
    world.until_books(|books| books.bounced == 1).await;
    world.relay.until(|seen| seen.begun.len() == 2).await;
    // After the pause its connections are gone, and new ones are refused.
    running.desk.act(ControlAction::Pause, BY).await.unwrap();
    world.relay.shut();
    world.relay.refuse(&[]);
    world.relay.go_on();
    world.relay.until(|seen| seen.open == 0).await;
    running.desk.act(ControlAction::Resume, BY).await.unwrap();
    running.until_stage(Stage::Unreachable).await;
    world.relay.reopen();
    let retry = running.desk.act(ControlAction::RetryFailed, BY).await;
    retry.unwrap();
    running.until_stage(Stage::Completed).await;
    running.stop.cancel();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Completed));
    let books = world.books().await;
    assert_eq!((books.accepted, books.delivered, books.bounced), (6, 5, 1));
    assert_eq!(report.tally.books, books);
    assert_eq!(world.account("success.csv").len(), 5);
}
