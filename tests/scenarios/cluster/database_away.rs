//! The database is restarted, killed and frozen under load: calls are refused in time, nothing is lost, and work goes on by
//! itself.

use std::thread;
use std::time::Duration;

use super::world::{ROLES, World};
use crate::harness::cluster::Cluster;
use crate::harness::{Installation, amount, durable_cluster, ready};

/// How soon `/ready` answers, whatever the database does, and what a busy machine adds.
const READY_WITHIN: Duration = Duration::from_millis(1_500);

fn world(cluster: &Cluster) -> World<'_> {
    World::new(Installation::start(cluster, &ROLES))
}

/// Lets the database be away for a while; gives how long it took from its return until mail arrived.
fn away(
    world: &World<'_>,
    leave: impl Fn(),
    while_away: impl Fn(),
    come_back: impl Fn(),
) -> Duration {
    world.load.during(2, &world.shop, || {
        thread::sleep(Duration::from_secs(1));
        leave();
        while_away();
        come_back();
        world.resumed()
    })
}

#[test]
fn restarted() {
    let cluster = durable_cluster();
    let (world, times) = (world(&cluster), amount(2, 50));
    let slowest = (0..times)
        .map(|_| away(&world, || cluster.stop(), || {}, || cluster.start()))
        .max();
    world.check(times, slowest.unwrap());
}

#[test]
fn killed() {
    let cluster = durable_cluster();
    let world = world(&cluster);
    let resumed = away(&world, || cluster.kill(), || {}, || cluster.start());
    world.check(1, resumed);
}

#[test]
fn frozen() {
    let cluster = durable_cluster();
    let world = world(&cluster);
    let not_ready = || {
        thread::sleep(Duration::from_secs(7));
        for number in 0..world.installation.count() {
            let (status, answer, took) = ready(world.installation.node(number));
            assert_eq!(status, 503, "{answer}");
            assert_eq!(answer["checks"]["store"], "no answer");
            assert!(took <= READY_WITHIN, "{took:?}");
        }
    };
    let resumed = away(&world, || cluster.freeze(), not_ready, || cluster.thaw());
    let (status, answer, _) = ready(world.installation.node(0));
    assert_eq!(status, 200, "{answer}");
    world.check(1, resumed);
}
