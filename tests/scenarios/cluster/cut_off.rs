//! The network between the processes and the database breaks: connections are reset again and again, or nothing passes any
//! more, for all of them or for one. Nothing is lost, and work goes on by itself (promise: P-01, P-03).

use std::thread;
use std::time::{Duration, Instant};

use super::world::{RESUMED_WITHIN, ROLES, World, refused_in_time};
use crate::harness::cluster::Cluster;
use crate::harness::{
    COPIES_A_FAULT_MAX, Installation, Load, Relay, Wire, amount, client_name, until_within,
};

/// How long a lease lasts that is not renewed.
const LEASE: Duration = Duration::from_secs(10);
/// How long a writer may hold the others up that hangs in a transaction, and what a busy machine adds.
const HELD_UP_MAX: Duration = Duration::from_secs(5);

/// Processes that all reach the database through one wire.
fn behind_a_wire() -> (Wire, World<'static>) {
    let database = Cluster::shared().database();
    let wire = Wire::before(database.address());
    let address = wire.address().to_owned();
    let installation = Installation::start_at(database, address, &ROLES);
    (wire, World::new(installation))
}

#[test]
fn connections_that_are_reset_again_and_again() {
    let (wire, world) = behind_a_wire();
    let cuts = amount(8, 100);
    let resumed = world.load.during(2, &world.shop, || {
        for _ in 0..cuts {
            thread::sleep(Duration::from_millis(300 + fastrand::u64(..300)));
            wire.cut();
        }
        world.resumed()
    });
    world.check(cuts, resumed);
}

#[test]
fn a_network_that_takes_everything_and_passes_nothing_on() {
    let (wire, world) = behind_a_wire();
    let times = amount(1, 10);
    let mut slowest = Duration::ZERO;
    for _ in 0..times {
        let resumed = world.load.during(2, &world.shop, || {
            thread::sleep(Duration::from_secs(1));
            wire.hold_up();
            thread::sleep(Duration::from_secs(8));
            wire.go_on();
            world.resumed()
        });
        slowest = slowest.max(resumed);
    }
    world.check(times, slowest);
}

/// When messages arrived from a process, in order.
fn arrivals(relay: &Relay, number: usize) -> Vec<Instant> {
    let name = client_name(number);
    let taken = relay.taken().into_iter();
    taken
        .filter(|taken| taken.client == name)
        .map(|taken| taken.at)
        .collect()
}

#[test]
fn one_process_that_is_cut_off_alone() {
    let database = Cluster::shared().database();
    let wire = Wire::before(database.address());
    let address = database.address().to_owned();
    let mut installation = Installation::start_at(database, address, &["api,worker", "smtp"]);
    installation.add_at("smtp", wire.address().to_owned());
    let (near, cut_off) = (1, 2);
    let relay = Relay::start(|_| None);
    let shop = installation.node(0).tenant("shop", relay.port());
    let load = Load::new();
    let (left, came_back) = load.during(2, &shop, || {
        until_within(RESUMED_WITHIN, "both to deliver", || {
            let both = [near, cut_off].map(|number| arrivals(&relay, number).len());
            (both.into_iter().min() > Some(20)).then_some(())
        });
        wire.hold_up();
        let left = Instant::now();
        until_within(2 * LEASE, "its lanes to be taken over", || {
            let has_some = installation.holder("account/%") == Some(cut_off);
            (left.elapsed() > LEASE && !has_some).then_some(())
        });
        thread::sleep(HELD_UP_MAX);
        wire.go_on();
        let came_back = Instant::now();
        until_within(2 * RESUMED_WITHIN, "it to deliver again", || {
            let last = arrivals(&relay, cut_off).pop();
            last.is_some_and(|last| last > came_back).then_some(())
        });
        (left, came_back)
    });
    installation.until_sent();
    refused_in_time(&load);
    let of_near = arrivals(&relay, near);
    let during: Vec<_> = of_near
        .iter()
        .filter(|at| **at > left && **at < came_back)
        .collect();
    let pauses = during.windows(2).map(|two| *two[1] - *two[0]);
    let longest = pauses.max().unwrap_or(Duration::MAX);
    assert!(
        longest <= HELD_UP_MAX,
        "the other one paused for {longest:?}"
    );
    let late: Vec<Duration> = arrivals(&relay, cut_off)
        .into_iter()
        .filter(|at| *at > left + LEASE && *at < came_back)
        .map(|at| at - left)
        .collect();
    assert_eq!(late, [], "it sent without a lease");
    let twice = load.extra_copies(&relay.recipients());
    let answered = load.answered().len();
    println!("{answered} answered, {twice} copies, the other paused for {longest:?} at most");
    assert!(twice <= COPIES_A_FAULT_MAX, "{twice} copies");
}
