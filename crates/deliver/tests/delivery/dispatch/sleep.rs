//! Lanes that sleep, lanes that others hold, and mail that nobody told of.

use std::time::Duration;

use deliver::dispatch::Settings;
use model::Suspension;
use rusqlite::Connection;
use store::sqlite::FILE_NAME;
use store::{KeySource, LaneKey, SqliteStore, Store, Submissions};

use super::world::{World, retrying};
use crate::relay::{Relay, until};

const ACCOUNTS: usize = 200;

/// Ten thousand lanes with mail for later must not cost ten thousand tasks.
#[tokio::test(flavor = "multi_thread")]
async fn lanes_with_mail_for_later_cost_no_task() {
    let world = World::start(retrying(&[Duration::from_secs(3_600)])).await;
    let relay = Relay::start().await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let mut put_off = Vec::new();
    for number in 0..ACCOUNTS {
        let id = format!("account{number}");
        let mut account = world.account(&id, &relay);
        account.ttl_s = 0;
        world.put(account).await;
        put_off.push(format!("{id}@example.org"));
    }
    let addresses: Vec<&str> = put_off.iter().map(String::as_str).collect();
    relay.put_off(&addresses);
    let batch = (0..ACCOUNTS).map(|number| {
        let id = format!("account{number}");
        world.mail(&id, &id)
    });
    world.submit_all(batch.collect()).await;
    let accounts = world.store.account_counts().await.unwrap();
    for one in &accounts {
        let counts = world.until_counts(one.account, |counts| counts.deferred == 1);
        assert_eq!(counts.await.pending(), 1);
    }
    until("all of them sleep", || tasks() <= before + 5).await;
    assert_eq!(world.dispatch.lanes().len(), ACCOUNTS);
    // Each can be woken by new mail, and sleeps again.
    world
        .submit_all(vec![world.mail("account7", "another")])
        .await;
    relay
        .until(|seen| seen.taken.contains(&"another@example.org".to_owned()))
        .await;
    until("all of them sleep", || tasks() <= before + 5).await;
}

/// The mail of suspended tenants may wait in very many lanes.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_whose_mail_is_held_back_is_not_leased_again_and_again() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    world.suspend(Suspension::all()).await;
    world.submit_all(vec![world.mail("main", "m0")]).await;
    let connection = Connection::open(world.folder().join(FILE_NAME)).unwrap();
    let leases = || -> i64 {
        let query = "SELECT token FROM lanes WHERE account = ?1";
        connection
            .query_row(query, [account.0], |row| row.get(0))
            .unwrap()
    };
    until("it was looked at", || {
        leases() > 0 && world.lane(account).is_none()
    })
    .await;
    let before = leases();
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(leases(), before);
    world.suspend(Suspension::default()).await;
    world.dispatch.wake();
    world.until_counts(account, |counts| counts.sent == 1).await;
}

/// Two processes share one data folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_another_process_holds_is_delivered_when_that_one_is_done() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    let other = SqliteStore::open_with_key(world.folder(), &KeySource::File).unwrap();
    let lease = other.lease(LaneKey::account(account)).await.unwrap();
    // What another process accepts is told to nobody here.
    other.submit(vec![world.mail("main", "m0")]).await.unwrap();
    world.dispatch.wake();
    world
        .submit_many("main", (1..5).map(|number| format!("m{number}")))
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(relay.seen().opened, 0);
    other.release(lease).await.unwrap();
    let counts = world.until_counts(account, |counts| counts.sent == 5);
    assert_eq!(counts.await.pending(), 0);
}

/// Mail that is put forward while its lane sleeps until it would have been due.
#[tokio::test(flavor = "multi_thread")]
async fn mail_for_later_that_is_put_forward_goes_at_once() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    let mut later = world.mail("main", "later");
    later.deferred_until = Some(world.clock.now() + Duration::from_secs(3_600));
    world.submit_all(vec![later.clone()]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(relay.seen().opened, 0);
    later.deferred_until = None;
    world.store.submit(vec![later]).await.unwrap();
    world.dispatch.look_at(account);
    world.until_counts(account, |counts| counts.sent == 1).await;
}
