//! What is shown of a delivery while it goes on.

use deliver::{Ended, RetryPolicy};
use model::live::UnderWay;

use crate::relay::until;
use crate::{World, end};

#[tokio::test]
async fn a_message_is_shown_as_being_sent_until_its_outcome_is_committed() {
    let world = World::with(2).await;
    world.supply.complete();
    world.relay.hold();
    let running = world.deliver(2, RetryPolicy::campaign(1));
    world.relay.until(|seen| seen.begun.len() == 2).await;
    let both = UnderWay {
        first_tries: 2,
        repeats: 0,
    };
    assert_eq!(world.live.under_way(), both);
    let other = world.lock_data_file();
    world.relay.go_on();
    world.relay.until(|seen| seen.taken.len() == 2).await;
    until("the store is missed", || world.live.trouble().is_some()).await;
    assert_eq!(world.live.under_way(), both, "sent, but not recorded yet");
    let trouble = world.live.trouble().unwrap();
    assert!(
        trouble.starts_with("outcomes cannot be recorded"),
        "{trouble}"
    );
    drop(other);
    assert!(matches!(end(running).await, Ended::Drained));
    assert_eq!(world.live.under_way(), UnderWay::default());
    assert_eq!(world.live.trouble(), None);
    assert_eq!(world.books().await.delivered, 2);
}

#[tokio::test]
async fn a_relay_that_cannot_be_reached_is_said_until_it_can() {
    let world = World::with(1).await;
    world.supply.complete();
    world.relay.shut();
    let running = world.deliver(2, RetryPolicy::campaign(5));
    until("the relay refuses", || world.live.trouble().is_some()).await;
    let trouble = world.live.trouble().unwrap();
    assert!(trouble.starts_with("cannot reach the relay: "), "{trouble}");
    assert!(trouble.contains("closed for today"), "{trouble}");
    assert!(
        trouble.contains("; next try at ") && trouble.ends_with(" UTC"),
        "{trouble}"
    );
    world.relay.reopen();
    assert!(matches!(end(running).await, Ended::Drained));
    assert_eq!(world.live.trouble(), None);
}

#[tokio::test]
async fn a_relay_that_is_given_up_stays_the_trouble_until_the_next_delivery() {
    let world = World::with(1).await;
    world.supply.complete();
    world.relay.shut();
    let given_up = end(world.deliver(2, RetryPolicy::campaign(0))).await;
    assert!(matches!(given_up, Ended::Unreachable(_)));
    let trouble = world.live.trouble().unwrap();
    assert!(trouble.ends_with("; given up"), "{trouble}");
    world.relay.reopen();
    let drained = end(world.deliver(2, RetryPolicy::campaign(0))).await;
    assert!(matches!(drained, Ended::Drained));
    assert_eq!(world.live.trouble(), None);
}
