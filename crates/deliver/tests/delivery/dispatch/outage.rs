//! A relay that cannot be reached: it costs attempts, of its own account only.

use std::time::{Duration, Instant};

use deliver::dispatch::Settings;
use model::{EventKind, Phase};
use tokio::net::TcpListener;

use super::world::{World, retrying};
use crate::relay::{Relay, until};

/// A port on loopback where nobody listens.
pub(super) async fn dead_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_relay_costs_each_message_its_tries_and_then_it_expires() {
    let world = World::start(retrying(&[Duration::from_millis(300)])).await;
    let account = world.account_at("main", dead_port().await);
    let account = world.put(account).await;
    world
        .submit_many("main", (0..50).map(|number| format!("m{number}")))
        .await;
    until("its trouble is shown", || {
        let trouble = world.lane(account).and_then(|lane| lane.trouble);
        trouble.is_some_and(|trouble| trouble.contains("cannot reach the relay"))
    })
    .await;
    let counts = world
        .until_counts(account, |counts| counts.errors == 50)
        .await;
    assert_eq!((counts.deferred, counts.pending()), (50, 0));
    let history = world.history(world.submission("m49").await).await;
    let kinds: Vec<EventKind> = history.iter().map(|one| one.event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::Accepted, EventKind::Deferred, EventKind::Expired]
    );
    assert_eq!(
        history[1].event.attempt.as_ref().unwrap().phase,
        Phase::Connect
    );
    let reason = history[2].event.reason.as_deref().unwrap();
    assert!(
        reason.starts_with("Max retries (1) exceeded: connecting: "),
        "{reason}"
    );
}

/// The relay could be tried again long before there is mail to try it with.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_try_that_is_shown_is_not_in_the_past() {
    let world = World::start(retrying(&[Duration::from_secs(3_600)])).await;
    let account = world.account_at("main", dead_port().await);
    let account = world.put(account).await;
    world.submit_all(vec![world.mail("main", "m0")]).await;
    world
        .until_counts(account, |counts| counts.deferred == 1)
        .await;
    let due_at = world.last_event("m0").await.due_at.unwrap();
    let minutes = due_at.as_secs().rem_euclid(24 * 60 * 60) / 60;
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let next_try = format!("; next try at {hours:02}:{minutes:02}:");
    until("it is to be tried when mail is due", || {
        let trouble = world.lane(account).and_then(|lane| lane.trouble);
        trouble.is_some_and(|trouble| trouble.contains(&next_try))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_returns_gets_what_waits() {
    let world = World::start(retrying(&[Duration::from_millis(400); 9])).await;
    let relay = Relay::start().await;
    let address = relay.address();
    drop(relay);
    let account = world.put(world.account_at("main", address.port())).await;
    world
        .submit_many("main", (0..200).map(|number| format!("m{number}")))
        .await;
    world
        .until_counts(account, |counts| counts.deferred >= 200)
        .await;
    let relay = Relay::start_at(address).await;
    let counts = world
        .until_counts(account, |counts| counts.sent == 200)
        .await;
    assert_eq!((counts.errors, relay.seen().taken.len()), (0, 200));
    until("its trouble is over", || {
        world
            .lane(account)
            .is_none_or(|lane| lane.trouble.is_none())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_accounts_with_much_mail_hold_up_no_other() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let good = world.put(world.account("good", &relay)).await;
    let port = dead_port().await;
    for number in 0..3 {
        let id = format!("dead{number}");
        world.put(world.account_at(&id, port)).await;
        world
            .submit_many(&id, (0..2_000).map(|mail| format!("{id}-{mail}")))
            .await;
    }
    let began = Instant::now();
    world
        .submit_many("good", (0..500).map(|number| format!("m{number}")))
        .await;
    world.until_counts(good, |counts| counts.sent == 500).await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(world.lane(good).and_then(|lane| lane.trouble), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_off_comes_back_when_it_is_due_though_its_lane_sleeps() {
    let world = World::start(retrying(&[Duration::from_millis(1_500)])).await;
    let relay = Relay::start().await;
    relay.put_off(&["m0@example.org", "m1@example.org"]);
    let mut account = world.account("main", &relay);
    account.ttl_s = 0;
    let account = world.put(account).await;
    world
        .submit_many("main", (0..3).map(|number| format!("m{number}")))
        .await;
    world
        .until_counts(account, |counts| counts.deferred == 2 && counts.sent == 1)
        .await;
    let asleep = relay.until(|seen| seen.open == 0 && seen.quits > 0).await;
    relay.put_off(&[]);
    let counts = world.until_counts(account, |counts| counts.sent == 3).await;
    assert_eq!(counts.errors, 0);
    assert!(relay.seen().opened > asleep.opened);
    until("an empty lane is forgotten", || {
        world.lane(account).is_none()
    })
    .await;
}
