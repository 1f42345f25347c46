//! What cannot be read costs its own message, not the lane.

use std::time::Duration;

use deliver::dispatch::Settings;
use model::account::AccountPk;
use model::{EventKind, SubmissionId};
use rusqlite::Connection;
use store::sqlite::FILE_NAME;

use super::world::{World, retrying};
use crate::relay::Relay;

/// Changes the rows of a submission by another hand.
fn damage(world: &World, statement: &str, id: SubmissionId) {
    let connection = Connection::open(world.folder().join(FILE_NAME)).unwrap();
    assert_eq!(connection.execute(statement, [id.0.get()]).unwrap(), 1);
}

/// Fifty submissions that wait until the world is active, with their relay, their account and the first of them.
async fn waiting(settings: Settings) -> (World, Relay, AccountPk, SubmissionId) {
    let world = World::start(Settings {
        is_active: false,
        ..settings
    })
    .await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    world
        .submit_many("main", (0..50).map(|number| format!("m{number}")))
        .await;
    let id = world.submission("m0").await;
    (world, relay, account, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_behind_a_damaged_row_is_sent() {
    let (world, _relay, account, id) = waiting(Settings::default()).await;
    damage(
        &world,
        "UPDATE messages SET address = 'nobody' WHERE seq = ?1",
        id,
    );
    world.dispatch.set_active(true);
    let counts = world
        .until_counts(account, |counts| counts.pending() == 0)
        .await;
    assert_eq!((counts.sent, counts.errors), (49, 1));
    let last = world.last_event("m0").await;
    assert_eq!(last.kind, EventKind::Dropped);
    let reason = last.reason.unwrap();
    let expected = format!("damaged: message {}: the address has no @", id.0.get());
    assert_eq!(&*reason, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_whose_text_is_damaged_is_put_off_and_the_others_are_sent() {
    let settings = retrying(&[Duration::from_millis(200)]);
    let (world, _relay, account, id) = waiting(settings).await;
    damage(
        &world,
        "UPDATE payloads SET payload = x'00' WHERE submission = ?1",
        id,
    );
    assert!(world.store.payload(id).await.is_err());
    world.dispatch.set_active(true);
    let counts = world
        .until_counts(account, |counts| counts.pending() == 0)
        .await;
    assert_eq!(
        (counts.sent, counts.errors, counts.deferred),
        (49, 1, 1),
        "{counts:?}"
    );
    let last = world.history(id).await.pop().unwrap().event;
    let reason = last.reason.unwrap();
    assert!(reason.contains("the store is damaged"), "{reason}");
}
