//! A closed gate.

use std::time::Duration;

use deliver::{Ended, RetryPolicy};

use crate::relay::until;
use crate::{World, end};

/// How long nothing may happen where nothing must.
const QUIET: Duration = Duration::from_millis(300);

fn plain() -> RetryPolicy {
    RetryPolicy::campaign(1)
}

#[tokio::test]
async fn a_pause_finishes_what_was_begun_hangs_up_and_goes_on_at_once() {
    let world = World::with(50).await;
    world.supply.complete();
    world.relay.hold();
    let running = world.deliver(2, plain());
    world.relay.until(|seen| seen.begun.len() == 2).await;
    world.gate.close();
    assert_eq!(world.relay.seen().taken.len(), 0);
    world.relay.go_on();
    let paused = world.relay.until(|seen| seen.open == 0).await;
    until("their outcomes are recorded", || {
        world.live.under_way() == model::live::UnderWay::default()
    })
    .await;
    let books = world.books().await;
    assert_eq!(
        (paused.taken.len(), books.delivered, books.queued),
        (2, 2, 48)
    );
    assert_eq!(world.live.connections(), 0);
    tokio::time::sleep(QUIET).await;
    assert_eq!(world.relay.seen().begun.len(), 2, "nothing new was begun");
    world.gate.open();
    assert!(matches!(end(running).await, Ended::Drained));
    let mut taken = world.relay.seen().taken;
    taken.sort();
    taken.dedup();
    assert_eq!((taken.len(), world.relay.seen().begun.len()), (50, 50));
    assert_eq!(world.books().await.delivered, 50);
}

#[tokio::test]
async fn an_idle_connection_hangs_up_politely() {
    let world = World::with(1).await;
    let running = world.deliver(1, plain());
    world.relay.until(|seen| seen.taken.len() == 1).await;
    world.gate.close();
    world.relay.until(|seen| seen.quits == 1).await;
    world.supply.complete();
    world.gate.open();
    assert!(matches!(end(running).await, Ended::Drained));
}

#[tokio::test]
async fn a_paused_delivery_whose_lane_is_empty_ends_only_when_it_is_opened() {
    let world = World::with(1).await;
    world.relay.hold();
    let running = world.deliver(1, plain());
    world.relay.until(|seen| seen.begun.len() == 1).await;
    world.gate.close();
    world.supply.complete();
    world.relay.go_on();
    world.relay.until(|seen| seen.open == 0).await;
    tokio::time::sleep(QUIET).await;
    assert!(!running.is_finished());
    world.gate.open();
    assert!(matches!(end(running).await, Ended::Drained));
}

#[tokio::test]
async fn a_stop_ends_a_paused_delivery_at_once() {
    let world = World::with(10).await;
    world.gate.close();
    let running = world.deliver(3, plain());
    tokio::time::sleep(QUIET).await;
    assert_eq!(world.relay.seen().begun.len(), 0);
    world.stop.cancel();
    assert!(matches!(end(running).await, Ended::Stopped));
    assert_eq!(world.books().await.queued, 10);
}

#[tokio::test]
async fn what_is_accepted_during_a_pause_is_sent_after_it() {
    let world = World::with(1).await;
    world.gate.close();
    let running = world.deliver(1, plain());
    world.add(1, 3).await;
    world.supply.complete();
    tokio::time::sleep(QUIET).await;
    assert_eq!(world.relay.seen().begun.len(), 0);
    world.gate.open();
    assert!(matches!(end(running).await, Ended::Drained));
    assert_eq!(world.books().await.delivered, 3);
}

#[tokio::test]
async fn pausing_again_and_again_loses_and_repeats_nothing() {
    let world = World::with(3_000).await;
    world.supply.complete();
    world.relay.refuse(&["person7@example.org"]);
    let running = world.deliver(4, plain());
    while !running.is_finished() {
        world.gate.close();
        tokio::time::sleep(Duration::from_millis(3)).await;
        world.gate.open();
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    assert!(matches!(end(running).await, Ended::Drained));
    let mut taken = world.relay.seen().taken;
    assert_eq!(taken.len(), 2_999);
    taken.sort();
    taken.dedup();
    let books = world.books().await;
    assert_eq!(
        (taken.len(), books.delivered, books.bounced),
        (2_999, 2_999, 1)
    );
}

/// A try that a pause cuts off must not look like one under way for ever.
#[tokio::test]
async fn a_pause_while_the_relay_is_tried_keeps_nobody_from_trying_later() {
    let world = World::with(1).await;
    world.supply.complete();
    world.relay.shut();
    let running = world.deliver(2, RetryPolicy::campaign(5));
    until("the relay refuses", || world.live.trouble().is_some()).await;
    world.gate.close();
    until("nobody tries", || world.live.trouble().is_none()).await;
    world.relay.reopen();
    world.gate.open();
    assert!(matches!(end(running).await, Ended::Drained));
    assert_eq!(world.books().await.delivered, 1);
}
