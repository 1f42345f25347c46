//! Each process is killed in turn while mail is handed over: nothing that was answered is lost (promise: P-01, P-03).

use std::thread;
use std::time::Duration;

use crate::harness::cluster::Cluster;
use crate::harness::{COPIES_A_FAULT_MAX, Installation, Load, Sink, amount};

#[test]
fn any_process_may_be_killed() {
    let sink = Sink::start(&[]);
    let roles = ["api", "api,worker", "smtp", "smtp"];
    let mut installation = Installation::start(Cluster::shared(), &roles);
    let shop = installation.node(0).tenant("shop", sink.port());
    let load = Load::new();
    let kills = amount(8, 50);
    for kill in 0..kills {
        let number = kill % installation.count();
        let shop = shop.at(installation.api());
        load.during(4, &shop, || {
            thread::sleep(Duration::from_millis(400));
            installation.kill(number);
            thread::sleep(Duration::from_millis(200));
        });
    }
    installation.until_sent();
    let twice = load.extra_copies(&sink.recipients());
    let answered = load.answered().len();
    assert!(answered > kills * 20, "{answered} were answered");
    assert!(
        twice <= kills * COPIES_A_FAULT_MAX,
        "{twice} copies after {kills} kills"
    );
    println!("{answered} answered, {kills} kills, {twice} copies too many");
}
