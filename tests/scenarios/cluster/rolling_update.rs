//! Processes of several versions on one database, and each restarted in its turn while mail is handed over: no call fails at
//! the others, nothing is lost, and nothing comes twice (promise: P-06).

use std::thread;
use std::time::Duration;

use crate::harness::cluster::Cluster;
use crate::harness::{Finished, Installation, Load, Sink, amount};

/// Makes the database one of a newer version, whose programs get on with those from `oldest` on.
fn update(installation: &Installation<'_>, oldest: i64) {
    installation.sql("DELETE FROM schema_versions WHERE version > 1000");
    installation.sql(&format!(
        "INSERT INTO schema_versions (version, oldest) VALUES (1001, {oldest})"
    ));
}

#[track_caller]
fn says(refused: Finished, words: &str) {
    let refused = refused.expect_code(1);
    assert!(refused.output().contains(words), "{refused}");
}

#[test]
fn a_newer_database_is_good_for_who_is_said_to_get_on_with_it() {
    let mut installation = Installation::start(Cluster::shared(), &["api,worker", "smtp"]);
    let sink = Sink::start(&[]);
    let shop = installation.node(0).tenant("shop", sink.port());
    let known = installation.sql("SELECT max(version) FROM schema_versions");
    update(&installation, known.trim().parse().unwrap());
    shop.send(&[shop.message("running", "a@example.org")]);
    installation.until_sent();
    installation.restart(1);
    installation.add("api,smtp");
    let shop = shop.at(installation.node(2));
    shop.send(&[shop.message("started", "b@example.org")]);
    installation.until_sent();
    assert_eq!(sink.recipients(), ["a@example.org", "b@example.org"]);

    update(&installation, 1001);
    says(installation.refused("smtp"), "this program knows up to");
    says(installation.refused("api"), "use a newer glasspost");
}

#[test]
fn an_older_database_is_refused_with_the_remedy() {
    let database = Cluster::shared().empty_database();
    let address = database.address().to_owned();
    let installation = Installation::start_at(database, address, &[]);
    says(
        installation.refused("api,worker,smtp"),
        "run `glasspost migrate`",
    );
}

#[test]
fn processes_that_are_restarted_in_turn_lose_and_repeat_nothing() {
    let roles = ["api", "api", "worker", "smtp", "smtp"];
    let mut installation = Installation::start(Cluster::shared(), &roles);
    let sink = Sink::start(&["--rule", "*: stall 5ms at end"]);
    let shop = installation.node(0).tenant("shop", sink.port());
    let load = Load::new();
    for _ in 0..amount(2, 10) {
        for number in 0..roles.len() {
            let other = usize::from(number == 0);
            let shop = shop.at(installation.node(other));
            load.during(2, &shop, || {
                thread::sleep(Duration::from_millis(200));
                installation.restart(number);
                thread::sleep(Duration::from_millis(200));
            });
        }
    }
    installation.until_sent();
    assert_eq!(load.refused(), [], "a call failed");
    let twice = load.extra_copies(&sink.recipients());
    println!("{} answered, {twice} copies", load.answered().len());
    assert_eq!(twice, 0, "copies");
}
