//! Cancelling: what was begun is finished, the rest is taken back, and nobody goes on with it.

use campaign::report::Ending;
use campaign::{CampaignError, Start};
use model::{ControlAction, Stage};
use store::NewControl;
use store::Store;

use crate::world::{BY, World};

#[tokio::test]
async fn a_cancelled_run_finishes_what_was_begun_and_takes_back_the_rest() {
    let world = World::with(50).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    world.until_books(|books| books.accepted == 50).await;
    world.relay.until(|seen| seen.begun.len() == 2).await;
    running.desk.act(ControlAction::Cancel, BY).await.unwrap();
    assert_eq!(running.stage(), Stage::Stopping);
    let again = running.desk.act(ControlAction::Cancel, BY).await;
    let words = "the run is coming to its end: there is nothing to cancel";
    assert_eq!(again.unwrap_err().to_string(), words);
    world.relay.go_on();
    let live = running.live.clone();
    let report = running.end().await.unwrap();
    assert_eq!(live.stage(), Stage::Cancelled);
    assert_eq!(report.ending.as_str(), "cancelled");
    assert!(matches!(&report.ending, Ending::Cancelled { by } if &**by == BY));
    let books = world.books().await;
    assert_eq!((books.delivered, books.cancelled, books.queued), (2, 48, 0));
    assert_eq!(report.tally.books, books);
    assert_eq!(world.relay.seen().taken.len(), 2);
    assert_eq!(world.account("success.csv").len(), 2);
    assert_eq!(world.account("failed.csv").len(), 0);
    assert!(world.run().await.finished_at.is_some());
}

#[tokio::test]
async fn a_cancelling_stops_the_reading_of_the_list() {
    let world = World::with(100_000).await;
    let running = world.start(Start::New).await;
    world.relay.until(|seen| !seen.taken.is_empty()).await;
    running.desk.act(ControlAction::Cancel, BY).await.unwrap();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Cancelled { .. }));
    let (run, books) = (world.run().await, world.books().await);
    assert_eq!((run.listed_at, books.queued), (None, 0));
    assert!(books.accepted < 100_000 && books.cancelled > 0, "{books:?}");
    assert_eq!(books.delivered, world.relay.seen().taken.len() as u64);
    assert_eq!(report.tally.books, books);
}

#[tokio::test]
async fn a_cancelling_while_a_resumed_run_reads_its_list_takes_back_everybody() {
    let world = World::with(30_000).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    world.until_books(|books| books.accepted > 0).await;
    running.stop.cancel();
    world.relay.go_on();
    let before = running.end().await.unwrap();
    assert!(matches!(before.ending, Ending::Interrupted));
    // What the list says is read before anybody is mailed.
    let running = world.start(Start::Resume).await;
    running.desk.act(ControlAction::Cancel, BY).await.unwrap();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Cancelled { .. }));
    let books = world.books().await;
    let numbers = (books.queued, books.delivered);
    assert_eq!(numbers, (0, before.tally.books.delivered));
    assert_eq!(report.tally.books, books);
}

#[tokio::test]
async fn a_paused_run_can_be_cancelled() {
    let world = World::with(10).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    running.desk.act(ControlAction::Pause, BY).await.unwrap();
    world.relay.go_on();
    running.desk.act(ControlAction::Cancel, BY).await.unwrap();
    let report = running.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Cancelled { .. }));
    assert_eq!(world.books().await.queued, 0);
}

#[tokio::test]
async fn a_cancelled_run_is_not_gone_on_with_and_a_new_one_may_begin() {
    let world = World::with(10).await;
    world.relay.hold();
    let running = world.start(Start::New).await;
    running.desk.act(ControlAction::Cancel, BY).await.unwrap();
    world.relay.go_on();
    let cancelled = running.end().await.unwrap();
    let job_id = cancelled.campaign.job_id;
    for start in [Start::Resume, Start::ResumeRun(job_id.clone())] {
        let refused = campaign::send(&world.request, start, &world.tools(None)).await;
        let refused = refused.unwrap_err();
        assert!(matches!(refused, CampaignError::Cancelled { .. }));
        let words = refused.to_string();
        assert!(words.starts_with(&format!("run {job_id} was cancelled at 20")));
        assert!(words.contains(&format!("Z by {BY} and cannot")), "{words}");
        assert!(words.ends_with("leave --resume out"), "{words}");
    }
    let new = campaign::send(&world.request, Start::New, &world.tools(None)).await;
    assert_eq!(new.unwrap().tally.books.delivered, 10);
}

/// The process died between the word and its effect.
#[tokio::test]
async fn what_a_killed_cancelling_left_queued_is_taken_back_later() {
    for start in [Start::Resume, Start::New] {
        let world = World::with(10).await;
        world.relay.hold();
        let running = world.start(Start::New).await;
        world.until_books(|books| books.accepted == 10).await;
        running.stop.cancel();
        world.relay.go_on();
        let report = running.end().await.unwrap();
        let left = report.tally.books.queued;
        assert!(left > 0 && matches!(report.ending, Ending::Interrupted));
        let control = NewControl {
            lane: report.campaign.lane,
            at: report.ended_at,
            action: ControlAction::Cancel,
            by: BY.into(),
        };
        world.store.control(control).await.unwrap();
        let later = campaign::send(&world.request, start.clone(), &world.tools(None)).await;
        match start {
            Start::New => assert_eq!(later.unwrap().tally.books.delivered, 10),
            _ => assert!(matches!(later, Err(CampaignError::Cancelled { .. }))),
        }
        let books = world.store.books(report.campaign.lane).await.unwrap();
        assert_eq!((books.queued, books.cancelled), (0, left));
        let run = world.store.campaign(&report.campaign.job_id).await.unwrap();
        assert!(run.unwrap().finished_at.is_some());
    }
}
