//! A retry whose process died before it was carried out: the run owes the rest when it is taken up again.

use campaign::report::Ending;
use campaign::{RunReport, Start};
use model::{ControlAction, Seq, Timestamp};
use store::{NewControl, Store};

use crate::world::{BY, World};

const PEOPLE: [&str; 3] = [
    "person0@example.org",
    "person1@example.org",
    "person2@example.org",
];

/// A run of five of whom three failed; it is at its end.
async fn ended() -> World {
    let world = World::with(5).await;
    world.relay.refuse(&PEOPLE);
    let report = world.start(Start::New).await.end().await.unwrap();
    assert_eq!(report.tally.books.bounced, 3);
    world.relay.refuse(&[]);
    world
}

/// What a process that is killed right after it leaves: a retry that is written down.
async fn write_down(world: &World) -> Seq {
    let control = NewControl {
        lane: world.run().await.lane,
        at: Timestamp::from_millis(1_795_355_000_000),
        action: ControlAction::RetryFailed,
        by: BY.into(),
    };
    world.store.control(control).await.unwrap().seq
}

async fn resume(world: &World) -> RunReport {
    let report = world.start(Start::Resume).await.end().await.unwrap();
    assert!(matches!(report.ending, Ending::Completed));
    assert_eq!(report.tally.books, world.books().await);
    assert!(world.run().await.finished_at.is_some());
    report
}

#[tokio::test]
async fn a_retry_that_was_killed_before_its_first_commit_is_carried_out_later() {
    let world = ended().await;
    write_down(&world).await;
    let books = resume(&world).await.tally.books;
    assert_eq!((books.accepted, books.delivered, books.bounced), (8, 5, 3));
    assert_eq!(world.account("success.csv").len(), 5);
    // Once is enough.
    assert_eq!(resume(&world).await.tally.books, books);
}

#[tokio::test]
async fn a_retry_that_was_killed_half_way_is_carried_out_to_its_end_later() {
    let world = ended().await;
    let (up_to, run) = (write_down(&world).await, world.run().await);
    let lease = world.store.lease(run.lane_key()).await.unwrap();
    let now = Timestamp::from_millis(1_795_355_000_001);
    let first = world.store.retry_failed(&lease, up_to, 1, now);
    assert_eq!(first.await.unwrap(), 1);
    world.store.release(lease).await.unwrap();
    assert_eq!(world.run().await.finished_at, None, "one is queued again");
    let books = resume(&world).await.tally.books;
    assert_eq!((books.accepted, books.delivered, books.bounced), (8, 5, 3));
}

#[tokio::test]
async fn what_failed_after_a_retry_is_not_tried_again_by_taking_the_run_up() {
    let world = ended().await;
    write_down(&world).await;
    world.relay.refuse(&PEOPLE[..2]);
    let books = resume(&world).await.tally.books;
    assert_eq!((books.accepted, books.delivered, books.bounced), (8, 3, 5));
    world.relay.refuse(&[]);
    assert_eq!(resume(&world).await.tally.books, books);
}
