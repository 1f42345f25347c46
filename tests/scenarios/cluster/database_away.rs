//! The database is restarted, killed and frozen under load: calls are refused in time, nothing is lost, and work goes on by
//! itself.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::cluster::Cluster;
use crate::harness::{
    Application, COPIES_A_FAULT_MAX, Installation, Load, Sink, amount, durable_cluster, ready,
    until_within,
};

/// How soon a call is answered, whatever the database does.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// How soon work goes on once the database is back.
const RESUMED_WITHIN: Duration = Duration::from_secs(10);
/// How soon `/ready` answers, whatever the database does, and what a busy machine adds.
const READY_WITHIN: Duration = Duration::from_millis(1_500);

struct World<'c> {
    installation: Installation<'c>,
    shop: Application,
    sink: Sink,
    load: Load,
    faults: usize,
}

impl<'c> World<'c> {
    fn new(cluster: &'c Cluster) -> Self {
        let installation = Installation::start(cluster, &["api,worker", "smtp", "smtp"]);
        let sink = Sink::start(&[]);
        Self {
            shop: installation.node(0).tenant("shop", sink.port()),
            installation,
            sink,
            load: Load::new(),
            faults: 0,
        }
    }

    /// Lets the database be away for a while; gives how long it took from its return until a message arrived.
    fn away(&mut self, leave: impl Fn(), back: impl Fn(), while_away: impl Fn(&Self)) {
        let resumed = self.load.during(2, &self.shop, || {
            thread::sleep(Duration::from_secs(1));
            leave();
            while_away(self);
            back();
            let (returned, before) = (Instant::now(), self.sink.count());
            until_within(3 * RESUMED_WITHIN, "mail to arrive again", || {
                (self.sink.count() > before + 50).then(|| returned.elapsed())
            })
        });
        assert!(resumed <= RESUMED_WITHIN, "it went on after {resumed:?}");
        self.faults += 1;
    }

    fn check(self) {
        until_within(Duration::from_secs(120), "everything to be sent", || {
            let pending = self.installation.sql("SELECT sum(open) FROM submissions");
            (pending.trim() == "0").then_some(())
        });
        let slow: Vec<_> = self.load.refused();
        assert!(
            slow.iter()
                .all(|(status, took)| *status == 503 && *took <= ANSWERED_WITHIN),
            "{slow:?}"
        );
        let twice = self.load.extra_copies(&self.sink.recipients());
        // Both processes that deliver lose the database.
        let most = self.faults * 2 * COPIES_A_FAULT_MAX;
        assert!(twice <= most, "{twice} copies");
    }
}

#[test]
fn restarted() {
    let cluster = durable_cluster();
    let mut world = World::new(&cluster);
    for _ in 0..amount(2, 50) {
        world.away(|| cluster.stop(), || cluster.start(), |_| {});
    }
    world.check();
}

#[test]
fn killed() {
    let cluster = durable_cluster();
    let mut world = World::new(&cluster);
    world.away(|| cluster.kill(), || cluster.start(), |_| {});
    world.check();
}

#[test]
fn frozen() {
    let cluster = durable_cluster();
    let mut world = World::new(&cluster);
    world.away(
        || cluster.freeze(),
        || cluster.thaw(),
        |world| {
            thread::sleep(Duration::from_secs(7));
            for number in 0..world.installation.count() {
                let (status, answer, took) = ready(world.installation.node(number));
                assert_eq!(status, 503, "{answer}");
                assert_eq!(answer["checks"]["store"], "no answer");
                assert!(took <= READY_WITHIN, "{took:?}");
            }
        },
    );
    let (status, answer, _) = ready(world.installation.node(0));
    assert_eq!(status, 200, "{answer}");
    world.check();
}
