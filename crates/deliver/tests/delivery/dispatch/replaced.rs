//! What is replaced while it waits does not pay for what it was.

use std::time::Duration;

use deliver::dispatch::Settings;
use model::{EventKind, Suspension};

use super::outage::dead_port;
use super::world::{SLOW_NEVER, World, retrying};
use crate::relay::Relay;

/// Time enough for a slow message to be begun, and not to be made.
const UNDER_WAY: Duration = Duration::from_millis(250);
/// Time enough for it to be made.
const MADE: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_replaced_is_not_dropped_for_the_fault_of_its_old_content() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    let mut bad = world.mail("main", "one");
    bad.payload = SLOW_NEVER.into();
    world.submit_all(vec![bad]).await;
    tokio::time::sleep(UNDER_WAY).await;
    world.replace(world.mail("main", "one")).await;
    let counts = world
        .until_counts(account, |counts| counts.sent + counts.errors == 1)
        .await;
    assert_eq!((counts.sent, counts.errors), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_suspended_while_it_was_made_keeps_waiting() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    world.put(world.account("main", &relay)).await;
    let mut bad = world.mail("main", "one");
    bad.payload = SLOW_NEVER.into();
    world.submit_all(vec![bad]).await;
    tokio::time::sleep(UNDER_WAY).await;
    world.suspend(Suspension::all()).await;
    world.dispatch.recall().await;
    tokio::time::sleep(MADE).await;
    assert_eq!(world.last_event("one").await.kind, EventKind::Accepted);
}

/// The second failure would be its last, were it always the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_replaced_again_and_again_during_an_outage_has_all_its_tries() {
    let world = World::start(retrying(&[Duration::from_secs(2)])).await;
    let account = world.account_at("main", dead_port().await);
    let account = world.put(account).await;
    world.submit_all(vec![world.mail("main", "one")]).await;
    for charges in 1..=4 {
        let counts = world
            .until_counts(account, |counts| counts.deferred + counts.errors >= charges)
            .await;
        assert_eq!(counts.errors, 0, "after {charges} failures");
        let mut other = world.mail("main", "one");
        other.payload = format!("{{\"make\":\"{charges}\"}}").into();
        world.replace(other).await;
    }
}
