//! What an account may send: counted across everything, told or refused beyond.

use deliver::dispatch::Settings;
use model::EventKind;
use model::account::WhenOver;

use super::world::{World, per_minute};
use crate::relay::Relay;

fn mail(number: usize) -> String {
    format!("mail{number}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_waits_for_the_next_minute_and_its_sender_is_told() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    relay.refuse(&["mail0@example.org"]);
    let mut account = world.account("main", &relay);
    per_minute(&mut account, 3);
    let account = world.put(account).await;
    world.submit_many("main", (0..10).map(mail)).await;
    let counts = world
        .until_counts(account, |counts| counts.rate_limited == 6)
        .await;
    // The one that was refused gave its place back.
    assert_eq!((counts.sent, counts.errors, counts.pending()), (3, 1, 6));
    assert_eq!(counts.deferred, 6);
    let lane = world.lane(account).unwrap();
    let until = lane.limited_until.unwrap();
    assert_eq!(until.as_millis() % 60_000, 0);
    // A restart forgets nothing of it.
    let world = world.restart(Settings::default()).await;
    let counts = world
        .until_counts(account, |counts| counts.rate_limited == 12)
        .await;
    assert_eq!((counts.sent, counts.pending()), (3, 6));
    let id = world.submission("mail9").await;
    let last = world.history(id).await.pop().unwrap();
    assert_eq!(last.event.kind, EventKind::RateLimited);
    assert_eq!(last.event.due_at.map(|at| at.as_millis() % 60_000), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_fails_where_the_account_says_so() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let mut account = world.account("main", &relay);
    per_minute(&mut account, 5);
    account.limits.when_over = WhenOver::Reject;
    let account = world.put(account).await;
    world.submit_many("main", (0..200).map(mail)).await;
    let counts = world
        .until_counts(account, |counts| counts.pending() == 0)
        .await;
    assert_eq!(
        (counts.sent, counts.errors, counts.rate_limited),
        (5, 195, 195)
    );
    let id = world.submission("mail199").await;
    let last = world.history(id).await.pop().unwrap();
    assert_eq!(last.event.kind, EventKind::Dropped);
    assert_eq!(last.event.reason.as_deref(), Some("rate_limit_exceeded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn not_more_than_some_are_told_in_one_pause_whatever_changes_meanwhile() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let mut account = world.account("main", &relay);
    per_minute(&mut account, 1);
    let mut changed = account.clone();
    changed.ttl_s += 1;
    let account = world.put(account).await;
    world.submit_many("main", (0..900).map(mail)).await;
    let told = |counts: &store::submissions::AccountCounts| counts.rate_limited >= 512;
    world.until_counts(account, told).await;
    world.put(changed).await;
    world.dispatch.account_changed(account);
    world.submit_many("main", (900..950).map(mail)).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let counts = world.counts(account).await;
    // Where a minute began meanwhile there were two pauses.
    assert!(counts.rate_limited <= 512 * counts.sent, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_lifted_lets_everything_through_at_once() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let mut account = world.account("main", &relay);
    per_minute(&mut account, 2);
    let pk = world.put(account.clone()).await;
    world.submit_many("main", (0..20).map(mail)).await;
    world
        .until_counts(pk, |counts| counts.rate_limited >= 18)
        .await;
    account.limits.per_minute = None;
    world.put(account).await;
    world.dispatch.account_changed(pk);
    let counts = world.until_counts(pk, |counts| counts.sent == 20).await;
    assert_eq!(counts.pending(), 0);
    assert_eq!(world.lane(pk).and_then(|lane| lane.limited_until), None);
}
