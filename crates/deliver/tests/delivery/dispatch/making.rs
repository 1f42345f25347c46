//! Messages that take long to be made, or cannot be.

use std::time::{Duration, Instant};

use deliver::dispatch::Settings;
use model::{EventKind, Phase};

use super::world::{HUGE, LARGE, LATER, NEVER, PANIC, SLOW, World, retrying};
use crate::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn slow_messages_are_made_beside_the_connections() {
    let world = World::start(Settings {
        connections_per_account: 1,
        ..Settings::default()
    })
    .await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    let mut batch = Vec::new();
    for number in 0..16 {
        let mut slow = world.mail("main", &format!("slow{number}"));
        slow.payload = SLOW.into();
        batch.push(slow);
    }
    batch.extend((0..50).map(|number| world.mail("main", &format!("quick{number}"))));
    let began = Instant::now();
    world.submit_all(batch).await;
    let seen = relay.until(|seen| seen.taken.len() == 66).await;
    // One after the other they would take 11 s.
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    let first_quick = seen.taken.iter().position(|one| one.starts_with("quick"));
    assert!(first_quick.unwrap() < 16, "{seen:?}");
    let counts = world
        .until_counts(account, |counts| counts.sent == 66)
        .await;
    assert_eq!(counts.pending(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_made_is_dropped_with_its_reason() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    let mut never = world.mail("main", "never");
    never.payload = NEVER.into();
    world
        .submit_all(vec![never, world.mail("main", "fine")])
        .await;
    world
        .until_counts(account, |counts| counts.errors + counts.sent == 2)
        .await;
    let last = world.last_event("never").await;
    assert_eq!(last.kind, EventKind::Dropped);
    assert_eq!(last.reason.as_deref(), Some("it is too large"));
    assert_eq!(
        last.attempt.unwrap().error.as_deref(),
        Some("it is too large")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_under_way_fit_into_the_memory_that_accounts_share() {
    let world = World::start(Settings {
        made_bytes_max: 2 * 1024 * 1024,
        ..Settings::default()
    })
    .await;
    let relay = Relay::start().await;
    relay.hold();
    let mut accounts = Vec::new();
    for id in ["one", "two"] {
        accounts.push(world.put(world.account(id, &relay)).await);
        let mut batch: Vec<_> = (0..10)
            .map(|number| world.mail(id, &format!("{id}{number}")))
            .collect();
        for mail in &mut batch {
            mail.payload = LARGE.into();
        }
        batch[5].payload = HUGE.into();
        world.submit_all(batch).await;
    }
    relay.until(|seen| seen.begun.len() == 3).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(relay.seen().begun.len(), 3, "3 times 600 KiB of 2 MiB");
    relay.go_on();
    for account in accounts {
        let counts = world
            .until_counts(account, |counts| counts.sent + counts.errors == 10)
            .await;
        assert_eq!((counts.sent, counts.deferred), (10, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_making_that_panics_costs_its_own_message_only() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    let mut batch: Vec<_> = (0..20)
        .map(|number| world.mail("main", &format!("fine{number}")))
        .collect();
    batch[0].payload = PANIC.into();
    batch[10].payload = PANIC.into();
    world.submit_all(batch).await;
    let counts = world
        .until_counts(account, |counts| counts.errors + counts.sent == 20)
        .await;
    assert_eq!(counts.errors, 2);
    let last = world.last_event("fine0").await;
    assert_eq!(last.kind, EventKind::Dropped);
    assert!(last.reason.unwrap().contains("a fault of the program"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_now_is_tried_again_and_expires() {
    let world = World::start(retrying(&[Duration::from_millis(50)])).await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    let mut later = world.mail("main", "later");
    later.payload = LATER.into();
    world.submit_all(vec![later]).await;
    let counts = world
        .until_counts(account, |counts| counts.errors == 1)
        .await;
    assert_eq!(counts.deferred, 1);
    let id = world.submission("later").await;
    let history = world.history(id).await;
    let kinds: Vec<EventKind> = history.iter().map(|one| one.event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::Accepted, EventKind::Deferred, EventKind::Expired]
    );
    let put_off = history[1].event.attempt.as_ref().unwrap();
    assert_eq!(put_off.phase, Phase::Compose);
    assert_eq!(put_off.error.as_deref(), Some("no attachment today"));
    let reason = history[2].event.reason.as_deref();
    assert_eq!(
        reason,
        Some("Max retries (1) exceeded: no attachment today")
    );
}
