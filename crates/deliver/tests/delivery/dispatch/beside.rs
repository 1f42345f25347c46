//! Two processes on one data folder, and which of them delivers what.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use deliver::dispatch::{Placement, Settings};
use model::account::AccountPk;
use rusqlite::Connection;
use store::sqlite::FILE_NAME;

use super::world::World;
use crate::relay::{Relay, until};

const ACCOUNTS: usize = 30;
const MAILS: usize = 5;
/// How soon a process goes on that was kept from it.
const SOON: Duration = Duration::from_secs(10);

fn nodes(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn placed(me: &str, names: &[&str]) -> (Placement, Settings) {
    let placement = Placement::alone();
    placement.set(me, &nodes(names));
    let settings = Settings {
        placement: placement.clone(),
        ..Settings::default()
    };
    (placement, settings)
}

/// The accounts that a process delivers.
fn shown(world: &World) -> HashSet<AccountPk> {
    let lanes = world.dispatch.lanes();
    lanes.into_iter().map(|lane| lane.account).collect()
}

/// Accounts with mail that is handed over to one process.
async fn fill(world: &World, relay: &Relay) -> HashSet<AccountPk> {
    let mut accounts = HashSet::new();
    for number in 0..ACCOUNTS {
        let id = format!("account{number}");
        accounts.insert(world.put(world.account(&id, relay)).await);
        world
            .submit_many(&id, (0..MAILS).map(|mail| format!("m{number}-{mail}")))
            .await;
    }
    accounts
}

fn assert_once(relay: &Relay) {
    let mut taken = relay.seen().taken;
    assert_eq!(taken.len(), ACCOUNTS * MAILS);
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), ACCOUNTS * MAILS);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_is_delivered_by_the_process_whose_it_is() {
    let (of_first, settings) = placed("a", &["a", "b"]);
    let first = World::start(settings).await;
    let second = first.beside(placed("b", &["a", "b"]).1).await;
    let relay = Relay::start().await;
    relay.hold();
    let accounts = fill(&first, &relay).await;
    until("both deliver", || {
        shown(&first).len() + shown(&second).len() == accounts.len()
    })
    .await;
    for account in &accounts {
        let is_of_first = of_first.is_ours(*account, 0);
        assert_eq!(shown(&first).contains(account), is_of_first);
        assert_eq!(shown(&second).contains(account), !is_of_first);
    }
    assert!(!shown(&first).is_empty() && !shown(&second).is_empty());
    relay.go_on();
    for account in accounts {
        let all = |counts: &store::submissions::AccountCounts| counts.sent == MAILS as u64;
        first.until_counts(account, all).await;
    }
    assert_once(&relay);
}

/// What is under way is finished where it was begun, and the rest goes on elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_leaves_to_another_is_finished_and_goes_on_there() {
    let (of_first, settings) = placed("a", &["a"]);
    let narrow = |settings| Settings {
        connections_per_account: 1,
        ..settings
    };
    let first = World::start(narrow(settings)).await;
    let (of_second, settings) = placed("b", &["a"]);
    let second = first.beside(narrow(settings)).await;
    let relay = Relay::start().await;
    relay.hold();
    let accounts = fill(&first, &relay).await;
    relay.until(|seen| seen.begun.len() == ACCOUNTS).await;
    assert!(shown(&second).is_empty());
    of_first.set("a", &nodes(&["b"]));
    of_second.set("b", &nodes(&["b"]));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(relay.seen().begun.len(), ACCOUNTS, "nothing begins twice");
    relay.go_on();
    until("the first has ended", || shown(&first).is_empty()).await;
    for account in accounts {
        let all = |counts: &store::submissions::AccountCounts| counts.sent == MAILS as u64;
        second.until_counts(account, all).await;
    }
    assert_once(&relay);
}

/// A lane that was taken over: what came of its messages here is refused, and the dispatcher goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_was_lost_is_taken_up_again_and_costs_no_other_account_anything() {
    let world = World::start(Settings {
        connections_per_account: 1,
        ..Settings::default()
    })
    .await;
    let relay = Relay::start().await;
    relay.slow(Duration::from_millis(100));
    relay.hold();
    let lost = world.put(world.account("lost", &relay)).await;
    let mails = (0..10).map(|number| format!("m{number}"));
    world.submit_many("lost", mails).await;
    relay.until(|seen| seen.begun.len() == 1).await;
    let connection = Connection::open(world.folder().join(FILE_NAME)).unwrap();
    let taken_over = "UPDATE lanes SET token = token + 1, holder = NULL WHERE account = ?1";
    connection.execute(taken_over, [lost.0]).unwrap();
    let began = Instant::now();
    relay.go_on();
    world.until_counts(lost, |counts| counts.sent == 10).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    // Again only what was under way, and what had begun before its outcome was refused.
    let taken = relay.seen().taken.len();
    assert!((11..=12).contains(&taken), "{taken}");
    let other = world.put(world.account("other", &relay)).await;
    world.submit_all(vec![world.mail("other", "last")]).await;
    world.until_counts(other, |counts| counts.sent == 1).await;
}

/// Nothing more begins while it cannot be recorded what came of the last.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_while_outcomes_cannot_be_recorded_and_all_goes_on_after_it() {
    let world = World::start(Settings {
        connections_per_account: 2,
        ..Settings::default()
    })
    .await;
    let relay = Relay::start().await;
    relay.hold();
    let account = world.put(world.account("main", &relay)).await;
    world
        .submit_many("main", (0..500).map(|number| format!("m{number}")))
        .await;
    relay.until(|seen| seen.begun.len() == 2).await;
    let other = Connection::open(world.folder().join(FILE_NAME)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    relay.slow(Duration::from_millis(100));
    relay.go_on();
    until("the store is missed", || {
        let trouble = world.lane(account).and_then(|lane| lane.trouble);
        trouble.is_some_and(|trouble| trouble.starts_with("outcomes cannot be recorded"))
    })
    .await;
    // What was begun before that was known.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = relay.seen().begun.len();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(relay.seen().begun.len(), begun);
    relay.slow(Duration::ZERO);
    let back = Instant::now();
    drop(other);
    relay.until(|seen| seen.begun.len() > begun).await;
    assert!(back.elapsed() < SOON, "{:?}", back.elapsed());
    world
        .until_counts(account, |counts| counts.sent == 500)
        .await;
    assert_eq!(relay.seen().taken.len(), 500);
}
