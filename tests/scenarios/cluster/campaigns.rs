//! Campaigns that keep everything in PostgreSQL: as exact as in a data file, also when processes die, rivals come and the
//! database goes away; and the service on the same database does its work beside them.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::durability::people::{addresses, assert_each_once, counts, start, write_addresses};
use crate::harness::cluster::Cluster;
use crate::harness::{
    Dashboard, Home, Installation, Process, Sink, amount, durable_cluster, until, until_within,
    wait_for_the_end,
};

const CONNECTIONS: usize = 10;
/// What can be delivered and not yet recorded when the process dies (promise: P-03).
const WINDOW: usize = CONNECTIONS + 64;
/// How long a process that died seems to hold what it held.
const LEASE: Duration = Duration::from_secs(10);
/// What happens to whom: it is in the address.
const RULES: [&str; 6] = [
    "--rule",
    "*@refused.example: refuse",
    "--rule",
    "*@late.example: refuse-after-data",
    "--rule",
    "*@grey.example: defer 451 times 1",
];

/// People of whom some are refused, some only after their message was sent, and some the first time.
fn mixed(count: usize) -> Vec<String> {
    let domain = |number| match number % 50 {
        7 | 32 => "refused.example",
        11 => "late.example",
        3 | 28 => "grey.example",
        _ => "good.example",
    };
    let address = |number| format!("person{number:05}@{}", domain(number));
    (0..count).map(address).collect()
}

fn due_end(address: &str) -> &'static str {
    match address.split_once('@') {
        Some((_, "refused.example" | "late.example")) => "bounced",
        _ => "delivered",
    }
}

/// Checks every account of the run: ledger, books, files, and what the receiver has.
#[track_caller]
fn check_account(home: &Home, sink: &Sink, people: &[String], copies_max: usize) {
    let statuses = home.exact_account();
    let expected: BTreeMap<String, String> = people
        .iter()
        .map(|address| (address.clone(), due_end(address).to_owned()))
        .collect();
    assert_eq!(statuses, expected);
    let received = sink.recipients();
    let copies = counts(&received);
    let delivered = people
        .iter()
        .filter(|address| due_end(address) == "delivered");
    let lost: Vec<&String> = delivered
        .clone()
        .filter(|address| !copies.contains_key(address.as_str()))
        .collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let twice = received.len() - copies.len();
    println!("{twice} copies");
    assert!(twice <= copies_max, "{twice} copies");
    assert_eq!(copies.len(), delivered.count(), "strangers");
}

fn until_arrived(sink: &Sink, count: usize) {
    until("some messages", || (sink.count() >= count).then_some(()));
}

#[test]
fn every_account_equals_the_receivers() {
    let database = Cluster::shared().database();
    let (home, sink) = (Home::on(database.address()), Sink::start(&RULES));
    home.relay(sink.port());
    let people = mixed(amount(3_000, 20_000));
    write_addresses(&home, &people);
    let store = ["--store", database.address()];
    let finished = start(&home, CONNECTIONS, &store).wait().expect_code(0);
    let report = format!(" --store {}`\n", database.address());
    assert!(finished.stdout.contains(&report), "{finished}");
    check_account(&home, &sink, &people, 0);
    let listed = home.glasspost(&["campaigns"]).wait().expect_code(0).stdout;
    let line: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    let bounced = people
        .iter()
        .filter(|one| due_end(one) == "bounced")
        .count();
    let expected = [people.len(), people.len() - bounced, bounced, 0];
    assert_eq!(line[2..], expected.map(|count| count.to_string()));
    let nowhere = Home::new().glasspost(&["report"]).wait().expect_code(1);
    assert!(
        nowhere
            .stderr
            .contains("no campaign was sent from the data folder")
    );
}

#[test]
fn killed_again_and_again_nobody_is_lost_and_few_get_it_twice() {
    let database = Cluster::shared().database();
    let (home, sink) = (Home::on(database.address()), Sink::start(&RULES));
    home.relay(sink.port());
    let (kills, people) = (amount(2, 30), mixed(amount(2_000, 20_000)));
    write_addresses(&home, &people);
    let mut process = start(&home, CONNECTIONS, &[]);
    for kill in 1..=kills {
        until_arrived(&sink, kill * people.len() / (kills + 2));
        process.kill();
        sink.until_all_read();
        let (killed, before) = (Instant::now(), sink.count());
        process = start(&home, CONNECTIONS, &["--resume"]);
        until_within(2 * LEASE, "the run to go on", || {
            (sink.count() > before).then_some(())
        });
        println!("it went on {:?} after the kill", killed.elapsed());
        let said = process.stderr();
        assert!(
            said.contains("or died a moment ago: that shows within"),
            "{said}"
        );
    }
    process.wait().expect_code(0);
    check_account(&home, &sink, &people, kills * WINDOW);
    let runs = home.glasspost(&["campaigns"]).wait().stdout.lines().count();
    assert_eq!(runs, 2, "a heading, and one run");
}

/// Three hundred people, and a process that sends to them slowly.
fn slow_run(home: &Home, sink: &Sink) -> (Process, Vec<String>) {
    home.relay(sink.port());
    let people = addresses(300);
    write_addresses(home, &people);
    let process = start(home, 2, &["--rate", "50"]);
    until_arrived(sink, 20);
    (process, people)
}

#[test]
fn a_rival_is_refused_and_told_by_whom() {
    let database = Cluster::shared().database();
    let (home, sink) = (Home::on(database.address()), Sink::start(&[]));
    let (first, people) = slow_run(&home, &sink);
    for resume in [&[][..], &["--resume"]] {
        let refused = start(&home, 2, resume).wait().expect_code(1);
        let reason = format!(
            "this campaign is being sent right now by process {} of this or another machine (job mailgrid-",
            first.id()
        );
        assert!(refused.stderr.contains(&reason), "{refused}");
        assert!(
            refused.took < LEASE / 2,
            "it lives, and shows that soon: {refused}"
        );
    }
    first.wait().expect_code(0);
    assert_each_once(&sink.recipients(), &people);
    home.exact_account();
}

#[test]
fn a_process_that_was_asleep_gives_way_to_who_took_its_run_over() {
    let database = Cluster::shared().database();
    let (home, sink) = (Home::on(database.address()), Sink::start(&[]));
    let (asleep, people) = slow_run(&home, &sink);
    asleep.signal("STOP");
    thread::sleep(LEASE + Duration::from_secs(2));
    let before = sink.count();
    let second = start(&home, 2, &["--resume", "--rate", "50"]);
    until_arrived(&sink, before + 50);
    asleep.signal("CONT");
    let gave_way = asleep.wait().expect_code(1);
    let reason = "another process took run mailgrid-";
    assert!(gave_way.stderr.contains(reason), "{gave_way}");
    second.wait().expect_code(0);
    check_account(&home, &sink, &people, 2 + 64);
}

#[test]
fn who_died_while_it_began_a_campaign_is_waited_for() {
    let database = Cluster::shared().database();
    let (home, sink) = (Home::on(database.address()), Sink::start(&[]));
    home.relay(sink.port());
    let people = addresses(5);
    write_addresses(&home, &people);
    database.sql(
        "INSERT INTO lanes (key, shard, holder, process, token, expires_at) \
         VALUES ('beginning/name:spring', 0, 'dead', 1, 1, now() + interval '7 s')",
    );
    start(&home, 1, &["--name", "spring"]).wait().expect_code(0);
    assert_each_once(&sink.recipients(), &people);
}

#[test]
fn a_stopped_run_is_resumed_at_once() {
    let database = Cluster::shared().database();
    let (home, sink) = (Home::on(database.address()), Sink::start(&[]));
    let (first, people) = slow_run(&home, &sink);
    first.signal("TERM");
    let stopped = first.wait().expect_code(1);
    assert!(stopped.stderr.contains("--resume"), "{stopped}");
    let resumed = start(&home, 2, &["--resume"]).wait().expect_code(0);
    assert!(resumed.took < LEASE / 2, "{resumed}");
    assert_each_once(&sink.recipients(), &people);
    home.exact_account();
}

#[test]
fn watched_paused_and_tried_again() {
    let database = Cluster::shared().database();
    let rules = ["--rule", "person00007@*: refuse times 1"];
    let (home, sink) = (Home::on(database.address()), Sink::start(&rules));
    home.relay(sink.port());
    let people = addresses(300);
    write_addresses(&home, &people);
    let watched = [
        "--monitor",
        "--monitor-port",
        "0",
        "--monitor-linger",
        "60s",
    ];
    let mut process = start(&home, 2, &[&watched[..], &["--rate", "100"]].concat());
    let dashboard = Dashboard::of(&mut process);
    until_arrived(&sink, 50);
    dashboard.act("pause").expect(200);
    until("what was begun to end", || {
        let before = sink.count();
        thread::sleep(Duration::from_millis(300));
        (sink.count() == before).then_some(())
    });
    dashboard.act("resume").expect(200);
    wait_for_the_end(&mut process);
    assert_eq!(home.report(&[])["books"]["bounced"], 1);
    dashboard.act("retry_failed").expect(200);
    until("the second try", || {
        (home.report(&[])["books"]["delivered"] == people.len()).then_some(())
    });
    assert_each_once(&sink.recipients(), &people);
    process.signal("TERM");
    process.wait().expect_code(0);
}

#[test]
fn the_database_goes_away_and_comes_back() {
    let cluster = durable_cluster();
    let database = cluster.database();
    let (home, sink) = (Home::on(database.address()), Sink::start(&RULES));
    home.relay(sink.port());
    let people = mixed(amount(1_500, 5_000));
    write_addresses(&home, &people);
    let process = start(&home, CONNECTIONS, &["--rate", "100"]);
    until_arrived(&sink, 200);
    cluster.stop();
    cluster.start();
    let before = sink.count();
    until_arrived(&sink, before + 100);
    // For longer than a lease: whether the run is still this process's, nobody can know.
    cluster.stop();
    thread::sleep(LEASE + Duration::from_secs(2));
    cluster.start();
    process.wait().expect_code(0);
    check_account(&home, &sink, &people, 2 * WINDOW);
}

#[test]
fn a_store_that_cannot_be_used_is_said_as_the_service_says_it() {
    let home = Home::new();
    home.relay(1);
    write_addresses(&home, &addresses(1));
    let empty = Cluster::shared().empty_database();
    let send = |store: &str| start(&home, 1, &["--store", store]).wait();
    let refused = send(empty.address()).expect_code(1);
    assert!(
        refused.stderr.contains("run `glasspost migrate`"),
        "{refused}"
    );
    let refused = send("postgres://ada:canary@127.0.0.1:1/mail").expect_code(1);
    let reason = "cannot use the database postgres://ada@127.0.0.1:1/mail";
    assert!(refused.stderr.contains(reason), "{refused}");
    assert!(!refused.output().contains("canary"), "{refused}");
    let refused = send("mysql://db.example/mail").expect_code(3);
    assert!(refused.stderr.contains("--store"), "{refused}");
}

#[test]
fn the_service_on_the_same_database_goes_on_beside() {
    let installation = Installation::start(Cluster::shared(), &["api,worker,smtp"]);
    let inbox = Sink::start(&[]);
    let shop = installation.node(0).tenant("shop", inbox.port());
    let (home, sink) = (Home::on(installation.address()), Sink::start(&RULES));
    home.relay(sink.port());
    let people = mixed(1_500);
    write_addresses(&home, &people);
    let process = start(&home, CONNECTIONS, &["--rate", "300"]);
    until_arrived(&sink, 100);
    for round in 0..10 {
        let id = format!("order-{round}");
        shop.send(&[shop.message(&id, "bob@example.org")]);
        shop.ended(&id);
    }
    assert!(sink.count() < 1_400, "the campaign is still being sent");
    let figures = installation.node(0).metrics();
    assert_eq!(figures["gmp_pending_messages"], 0.0);
    let waiting = figures["glasspost_queue_depth{queue=\"smtp:deliver\"}"];
    assert_eq!(waiting, 0.0, "a campaign's mail is nobody's queue");
    process.wait().expect_code(0);
    check_account(&home, &sink, &people, 0);
    assert_eq!(inbox.count(), 10);
    let counts = installation.sql("SELECT sum(accepted), sum(sent) FROM account_counts");
    assert_eq!(counts.trim(), "10|10");
    let log = installation.node(0).process.stdout();
    assert!(
        !log.contains("@good.example") && !log.contains(" WARNING "),
        "{log}"
    );
}
