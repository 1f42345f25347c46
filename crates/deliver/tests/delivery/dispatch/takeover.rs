//! Mail that another process took in, and did not send or could not before it died.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deliver::dispatch::Settings;
use model::account::AccountPk;
use store::{KeySource, LaneKey, Lease, SqliteStore, Store, Submissions};

use super::world::World;
use crate::relay::Relay;

/// How soon after the death of one process another has to go on.
const SOON: Duration = Duration::from_secs(10);

/// Another process on the world's data, which holds the lane of an account.
async fn other(world: &World, account: AccountPk) -> (Arc<SqliteStore>, Lease) {
    let other = SqliteStore::open_with_key(world.folder(), &KeySource::File).unwrap();
    let lease = other.lease(LaneKey::account(account)).await.unwrap();
    (Arc::new(other), lease)
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_a_dead_process_took_in_is_sent_soon() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    let (other, _lease) = other(&world, account).await;
    other.submit(vec![world.mail("main", "m0")]).await.unwrap();
    // Long enough to be looked at here, and found to be held.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(relay.seen().opened, 0);
    let died = Instant::now();
    drop(other);
    world.until_counts(account, |counts| counts.sent == 1).await;
    assert!(died.elapsed() < SOON, "{:?}", died.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_a_dead_process_took_in_is_sent_soon_though_its_lane_sleeps_here() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let mut account = world.account("main", &relay);
    account.ttl_s = 0;
    let account = world.put(account).await;
    let mut later = world.mail("main", "later");
    later.deferred_until = Some(world.clock.now() + Duration::from_secs(3_600));
    world
        .submit_all(vec![later, world.mail("main", "now")])
        .await;
    world.until_counts(account, |counts| counts.sent == 1).await;
    relay.until(|seen| seen.open == 0 && seen.quits > 0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (other, _lease) = other(&world, account).await;
    other.submit(vec![world.mail("main", "m0")]).await.unwrap();
    let died = Instant::now();
    drop(other);
    world.until_counts(account, |counts| counts.sent == 2).await;
    assert!(died.elapsed() < SOON, "{:?}", died.elapsed());
    assert_eq!(world.counts(account).await.pending(), 1);
}

/// Whoever writes to the data file sees that others did.
#[tokio::test(flavor = "multi_thread")]
async fn mail_that_another_process_took_in_is_sent_after_the_next_commit_here() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let main = world.put(world.account("main", &relay)).await;
    let side = world.put(world.account("side", &relay)).await;
    let other = SqliteStore::open_with_key(world.folder(), &KeySource::File).unwrap();
    world.submit_all(vec![world.mail("side", "m0")]).await;
    world.until_counts(side, |counts| counts.sent == 1).await;
    let begun = Instant::now();
    other.submit(vec![world.mail("main", "m1")]).await.unwrap();
    world.submit_all(vec![world.mail("side", "m2")]).await;
    world.until_counts(main, |counts| counts.sent == 1).await;
    // Long before the looks that would have found it.
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}
