//! The limits of an account hold across processes, also when the one dies that delivers it.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::cluster::Cluster;
use crate::harness::{
    Application, COPIES_A_FAULT_MAX, Installation, Sink, amount, until, until_within,
};

const MESSAGES: usize = 200;
const A_MINUTE: usize = 60;
const AN_HOUR: usize = 100;
/// After how many messages the process is killed that delivers them.
const KILLED_AFTER: usize = 25;
/// How long another takes to go on: the length of a lease, and what a busy machine adds.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(30);
/// How long nothing more may come. In a soak: until the minute's limit has let everything through.
const QUIET: Duration = Duration::from_secs(3);
const ALL_WITHIN: Duration = Duration::from_secs(400);

/// When the first copy of each message came, in their order.
fn first_copies(sink: &Sink) -> Vec<i64> {
    let mut first: BTreeMap<String, i64> = BTreeMap::new();
    for accepted in sink.accepted() {
        for recipient in accepted.recipients {
            first.entry(recipient).or_insert(accepted.time_ms);
        }
    }
    let mut times: Vec<i64> = first.into_values().collect();
    times.sort_unstable();
    times
}

fn hand_over(shop: &Application, account: &str) {
    let messages: Vec<Value> = (0..MESSAGES)
        .map(|number| {
            let id = format!("{account}{number}");
            let mut message = shop.message(&id, &format!("{id}@example.org"));
            message["account_id"] = json!(account);
            message
        })
        .collect();
    shop.send(&messages);
}

/// The process that delivers an account.
fn holder(installation: &Installation<'_>, account: &str) -> Option<usize> {
    let pk = installation.sql(&format!("SELECT pk FROM accounts WHERE id = '{account}'"));
    installation.holder(&format!("account/{}%", pk.trim()))
}

#[track_caller]
fn holds_in_every_window(times: &[i64], limit: usize, window_ms: i64) {
    for window in times.windows(limit + 1) {
        let took = window[limit] - window[0];
        assert!(took >= window_ms, "{} messages in {took} ms", limit + 1);
    }
}

#[test]
fn no_more_than_allowed_leaves_when_who_delivers_dies() {
    let sinks = [(); 2].map(|()| Sink::start(&["--rule", "*: stall 300ms at end"]));
    let [minute, hour] = &sinks;
    let mut installation =
        Installation::start(Cluster::shared(), &["api,worker", "smtp", "smtp", "smtp"]);
    let shop = installation.node(0).tenant_with("shop", json!({}));
    shop.account(
        "minute",
        minute.port(),
        json!({"limit_per_minute": A_MINUTE}),
    );
    shop.account("hour", hour.port(), json!({"limit_per_hour": AN_HOUR}));
    for (account, sink) in [("minute", minute), ("hour", hour)] {
        hand_over(&shop, account);
        until("some messages", || {
            (sink.count() >= KILLED_AFTER).then_some(())
        });
        let holder = holder(&installation, account).expect("somebody delivers it");
        installation.kill(holder);
        assert!(sink.count() < A_MINUTE, "the kill came too late");
    }
    for (sink, limit) in [(minute, A_MINUTE), (hour, AN_HOUR)] {
        until_within(TAKEN_OVER_WITHIN, "what is allowed", || {
            (first_copies(sink).len() >= limit).then_some(())
        });
    }
    thread::sleep(QUIET);
    if amount(0, 1) == 1 {
        until_within(ALL_WITHIN, "the rest, minute by minute", || {
            (first_copies(minute).len() == MESSAGES).then_some(())
        });
    }
    // What was on its way at the kill comes twice, and that is a copy: each message counts once.
    holds_in_every_window(&first_copies(minute), A_MINUTE, 60_000);
    assert_eq!(first_copies(hour).len(), AN_HOUR);
    for sink in &sinks {
        let twice = sink.count() - first_copies(sink).len();
        assert!(twice <= COPIES_A_FAULT_MAX, "{twice} copies");
    }
    let counts = "SELECT a.id, c.accepted, c.sent, c.errors + c.cancelled FROM account_counts c \
                  JOIN accounts a ON a.pk = c.account ORDER BY a.id";
    let by_minute = first_copies(minute).len();
    let expected = format!("hour|{MESSAGES}|{AN_HOUR}|0\nminute|{MESSAGES}|{by_minute}|0");
    until("the counts", || {
        (installation.sql(counts).trim() == expected).then_some(())
    });
}
