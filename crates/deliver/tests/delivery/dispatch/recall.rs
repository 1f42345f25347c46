//! Nothing is begun that was held back before a recall.

use std::time::Duration;

use deliver::dispatch::Settings;
use model::Suspension;

use super::world::World;
use crate::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_recall_nothing_begins_that_was_held_back_before() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    relay.slow(Duration::from_millis(1));
    let account = world.put(world.account("main", &relay)).await;
    world
        .submit_many("main", (0..3_000).map(|number| format!("m{number}")))
        .await;
    let mut expected = 0;
    for round in 1..=5 {
        relay.until(|seen| seen.taken.len() >= expected + 100).await;
        world.suspend(Suspension::all()).await;
        world.dispatch.recall().await;
        // What was begun is finished; nothing else comes.
        let under_way = |world: &World| world.lane(account).map_or(0, |lane| lane.sending);
        let begun = relay.seen().begun.len() + under_way(&world) as usize;
        crate::relay::until("what was begun is done", || under_way(&world) == 0).await;
        let quiet = relay.seen().begun.len();
        assert!(quiet <= begun, "round {round}: {quiet} and not {begun}");
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(relay.seen().begun.len(), quiet, "round {round}");
        assert_eq!(world.counts(account).await.sent as usize, quiet);
        expected = quiet;
        world.suspend(Suspension::default()).await;
        world.dispatch.wake();
    }
    let counts = world
        .until_counts(account, |counts| counts.sent == 3_000)
        .await;
    assert_eq!(counts.pending(), 0);
    let mut taken = relay.seen().taken;
    taken.sort();
    taken.dedup();
    assert_eq!((taken.len(), relay.seen().taken.len()), (3_000, 3_000));
}
