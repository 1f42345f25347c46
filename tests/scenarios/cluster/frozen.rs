//! A process that delivers is stopped beyond its lease and goes on later: another has its mail, and what it says too late is
//! refused (promise: P-03).

use std::thread;
use std::time::Duration;

use super::world::ROLES;
use crate::harness::cluster::Cluster;
use crate::harness::{COPIES_A_FAULT_MAX, Installation, Load, Sink};

/// Longer than a lease, ten seconds.
const FROZEN: Duration = Duration::from_secs(13);

#[test]
fn a_process_that_was_asleep_does_not_interfere() {
    let sink = Sink::start(&["--rule", "*: stall 20ms at end"]);
    let installation = Installation::start(Cluster::shared(), &ROLES);
    let shop = installation.node(0).tenant("shop", sink.port());
    let load = Load::new();
    load.during(2, &shop, || {
        thread::sleep(Duration::from_secs(2));
        installation.node(1).process.signal("STOP");
        thread::sleep(FROZEN);
        installation.node(1).process.signal("CONT");
        thread::sleep(Duration::from_secs(2));
    });
    installation.until_sent();
    let twice = load.extra_copies(&sink.recipients());
    assert!(twice <= COPIES_A_FAULT_MAX, "{twice} copies");
    let answered = load.answered().len();
    let counts = installation
        .sql("SELECT sum(accepted), sum(sent), sum(errors + cancelled) FROM account_counts");
    assert_eq!(counts.trim(), format!("{answered}|{answered}|0"));
}
