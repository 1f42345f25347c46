//! What one process is told holds for those that deliver elsewhere: mail that is held back, taken back or changed, accounts
//! that move, and what is to be done at once.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use model::Clock;
use serde_json::{Value, json};

use crate::harness::cluster::Cluster;
use crate::harness::{Application, Caller, Hook, Installation, Service, Sink, until, until_within};

/// Who takes mail, who reports, and two who deliver.
const ROLES: [&str; 4] = ["api", "worker", "smtp", "smtp"];
/// Messages that may be in a transaction at once: the connections of an account, in each process that delivers.
const UNDER_WAY_MAX: usize = 2 * 8;
/// Long enough for something to be seen that should not happen.
const QUIET: Duration = Duration::from_millis(1_500);
/// How soon something is done everywhere that was asked for at one place.
const EVERYWHERE_WITHIN: Duration = Duration::from_secs(10);
const BULK: usize = 1_000;

fn hand_over(shop: &Application, prefix: &str, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count)
        .map(|number| format!("{prefix}{number}"))
        .collect();
    let messages: Vec<Value> = ids
        .iter()
        .map(|id| shop.message(id, &format!("{id}@example.org")))
        .collect();
    assert_eq!(shop.send(&messages)["queued"], count);
    ids
}

fn set_active(service: &Service, is_active: bool) {
    let verb = if is_active { "activate" } else { "suspend" };
    let answer = service.post(&format!("/instance/{verb}"), &json!({}));
    assert_eq!(answer.expect(200).json()["active"], is_active);
}

#[test]
fn what_a_tenant_holds_back_begins_nowhere() {
    let installation = Installation::start(Cluster::shared(), &ROLES);
    let sink = Sink::start(&["--rule", "*: stall 20ms"]);
    let shop = installation.node(0).tenant("shop", sink.port());
    hand_over(&shop, "bulk", BULK);
    until("the first hundred", || (sink.count() > 100).then_some(()));
    let answer = shop.post("/commands/suspend?tenant_id=shop", &json!({}));
    let left = sink.count();
    answer.expect(200);
    assert!(left + UNDER_WAY_MAX < BULK, "{left} had left already");
    sleep(QUIET);
    let then = sink.count();
    assert!(
        then <= left + UNDER_WAY_MAX,
        "{then} left, {left} before the answer"
    );
    sleep(QUIET);
    assert_eq!(sink.count(), then, "it went on");
    let answer = shop.post("/commands/activate?tenant_id=shop", &json!({}));
    answer.expect(200);
    installation.until_sent();
    assert_eq!(sink.each_once(), BULK);
}

#[test]
fn what_is_taken_back_does_not_leave_elsewhere() {
    let installation = Installation::start(Cluster::shared(), &ROLES);
    let sink = Sink::start(&["--rule", "*: stall 20ms"]);
    let shop = installation.node(0).tenant("shop", sink.port());
    let ids = hand_over(&shop, "bulk", BULK);
    until("the first", || (sink.count() > 100).then_some(()));
    let answer = shop.post(
        "/commands/delete-messages?tenant_id=shop",
        &json!({"ids": ids}),
    );
    let left = sink.count();
    let answer = answer.expect(200).json();
    sleep(QUIET);
    let being_sent: BTreeSet<String> = answer["being_sent"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|id| format!("{}@example.org", id.as_str().unwrap()))
        .collect();
    let late: Vec<String> = sink.recipients().split_off(left);
    println!(
        "{left} before, {} told as being sent, {} after",
        being_sent.len(),
        late.len()
    );
    let others: Vec<&String> = late.iter().filter(|to| !being_sent.contains(*to)).collect();
    assert_eq!(others, Vec::<&String>::new(), "told as removed");
    assert!(left < BULK - UNDER_WAY_MAX, "{left} had left already");
    installation.until_sent();
    sink.each_once();
}

#[test]
fn what_was_replaced_is_not_sent_as_it_was() {
    let installation = Installation::start(Cluster::shared(), &ROLES);
    let sink = Sink::start(&["--rule", "*: stall 60ms"]);
    let shop = installation.node(0).tenant("shop", sink.port());
    let ids = hand_over(&shop, "old", BULK);
    until("the first", || (sink.count() > 100).then_some(()));
    let others: Vec<Value> = ids
        .iter()
        .map(|id| shop.message(id, &format!("new-{id}@example.org")))
        .collect();
    let asked = Instant::now();
    let answer = shop.send(&others);
    println!("answered after {:?}", asked.elapsed());
    let stayed: BTreeSet<&str> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert!(stayed.len() < BULK, "all had left already");
    installation.until_sent();
    let got: BTreeSet<String> = sink.recipients().into_iter().collect();
    let wrong: Vec<&String> = ids
        .iter()
        .filter(|id| {
            let (old, new) = (format!("{id}@example.org"), format!("new-{id}@example.org"));
            let is_new = !stayed.contains(id.as_str());
            got.contains(&new) != is_new || got.contains(&old) == is_new
        })
        .collect();
    println!("{} stayed of {BULK}, {} wrong", stayed.len(), wrong.len());
    assert_eq!(wrong, Vec::<&String>::new());
    assert_eq!(sink.each_once(), BULK);
}

#[test]
fn a_service_that_is_suspended_sends_nowhere_also_where_it_starts_later() {
    let mut installation = Installation::start(Cluster::shared(), &ROLES);
    let sink = Sink::start(&["--rule", "*: stall 20ms"]);
    let shop = installation.node(0).tenant("shop", sink.port());
    hand_over(&shop, "m", BULK);
    until("the first", || (sink.count() > 50).then_some(()));
    set_active(installation.node(0), false);
    let left = sink.count();
    installation.kill(2);
    installation.add("smtp");
    sleep(QUIET);
    let then = sink.count();
    assert!(
        then <= left + UNDER_WAY_MAX,
        "{then} left, {left} before the answer"
    );
    hand_over(&shop, "later", 100);
    sleep(QUIET);
    assert_eq!(sink.count(), then, "it went on");
    set_active(installation.node(0), true);
    installation.until_sent();
    // What was in a transaction when its process was killed may come twice.
    let each: BTreeSet<String> = sink.recipients().into_iter().collect();
    assert_eq!(each.len(), BULK + 100);
}

#[test]
fn an_account_that_moved_is_delivered_where_it_is_now() {
    let installation = Installation::start(Cluster::shared(), &ROLES);
    let (before, after) = (Sink::start(&[]), Sink::start(&[]));
    let shop = installation.node(0).tenant("shop", before.port());
    hand_over(&shop, "before", 100);
    installation.until_sent();
    shop.account("main", after.port(), json!({}));
    sleep(QUIET);
    hand_over(&shop, "after", 100);
    installation.until_sent();
    assert_eq!(before.each_once(), 100);
    assert_eq!(after.each_once(), 100);
}

#[test]
fn mail_that_is_put_forward_goes_at_once() {
    let installation = Installation::start(Cluster::shared(), &ROLES);
    let sink = Sink::start(&[]);
    let shop = installation.node(0).tenant("shop", sink.port());
    let now = Clock::system().now().as_millis() as f64 / 1e3;
    let ids = ["a", "b", "c", "d", "e"];
    let at = |seconds: f64| -> Vec<Value> {
        let later = |id: &&str| {
            let mut message = shop.message(id, &format!("{id}@example.org"));
            message["deferred_ts"] = json!(now + seconds);
            message
        };
        ids.iter().map(later).collect()
    };
    shop.send(&at(86_400.0));
    sleep(QUIET);
    assert_eq!(sink.count(), 0);
    shop.send(&at(-1.0));
    until_within(EVERYWHERE_WITHIN, "what was put forward", || {
        (sink.count() == ids.len()).then_some(())
    });
    installation.until_sent();
    assert_eq!(sink.each_once(), ids.len());
}

#[test]
fn applications_are_called_at_once_by_who_reports() {
    let installation = Installation::start(Cluster::shared(), &ROLES);
    let hook = Hook::answering(&[200]);
    let settings = json!({"client_base_url": hook.base()});
    let shop = installation.node(0).tenant_with("shop", settings);
    for calls in 1..=3 {
        // Nobody is called by itself for minutes.
        until_within(EVERYWHERE_WITHIN, "a call", || {
            shop.post("/commands/run-now", &json!({})).expect(200);
            sleep(Duration::from_millis(200));
            (hook.posts().len() >= calls).then_some(())
        });
    }
}
