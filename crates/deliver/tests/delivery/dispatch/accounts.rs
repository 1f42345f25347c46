//! Accounts that come, change and go, and the connections that they share.

use std::time::Duration;

use deliver::dispatch::Settings;
use model::{Line, Secret};

use super::world::World;
use crate::relay::{Relay, until};

fn mail(from: usize, to: usize) -> impl Iterator<Item = String> {
    (from..to).map(|number| format!("m{number}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_is_used_at_once_and_old_connections_are_closed() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    relay.set_password("old");
    let mut account = world.account("main", &relay);
    account.user = Some(Line::parse("user", "ada").unwrap());
    account.password = Some(Secret::new("old"));
    let pk = world.put(account.clone()).await;
    world.submit_many("main", mail(0, 5)).await;
    world.until_counts(pk, |counts| counts.sent == 5).await;
    relay.set_password("new");
    account.password = Some(Secret::new("new"));
    world.put(account).await;
    world.dispatch.account_changed(pk);
    relay.until(|seen| seen.open == 0).await;
    world.submit_many("main", mail(5, 10)).await;
    world.until_counts(pk, |counts| counts.sent == 10).await;
    let logins = relay.seen().logins;
    assert!(logins.contains(&"new".to_owned()), "{logins:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_account_cuts_off_nothing_that_a_server_is_slow_to_take() {
    let world = World::start(Settings {
        stop_grace: Duration::from_millis(200),
        ..Settings::default()
    })
    .await;
    let relay = Relay::start().await;
    relay.hold();
    let mut account = world.account("main", &relay);
    let pk = world.put(account.clone()).await;
    world.submit_many("main", mail(0, 1)).await;
    relay.until(|seen| seen.begun.len() == 1).await;
    account.ttl_s += 1;
    world.put(account).await;
    world.dispatch.account_changed(pk);
    world.submit_many("main", mail(1, 2)).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    world.set_tenant_active(false).await;
    world.dispatch.account_changed(pk);
    tokio::time::sleep(Duration::from_millis(800)).await;
    relay.go_on();
    let counts = world.until_counts(pk, |counts| counts.sent == 1).await;
    assert_eq!((counts.errors, counts.deferred), (0, 0));
    world.set_tenant_active(true).await;
    world.dispatch.account_changed(pk);
    world.until_counts(pk, |counts| counts.sent == 2).await;
    assert_eq!(relay.seen().begun.len(), 2, "each was sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_cuts_off_what_a_change_of_account_waits_for() {
    let mut world = World::start(Settings {
        stop_grace: Duration::from_millis(200),
        ..Settings::default()
    })
    .await;
    let relay = Relay::start().await;
    relay.hold();
    let mut account = world.account("main", &relay);
    let pk = world.put(account.clone()).await;
    world.submit_many("main", mail(0, 1)).await;
    relay.until(|seen| seen.begun.len() == 1).await;
    account.ttl_s += 1;
    world.put(account).await;
    world.dispatch.account_changed(pk);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let began = std::time::Instant::now();
    world.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_leaves_the_delivery_as_it_is_closes_no_connection() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let mut account = world.account("main", &relay);
    let pk = world.put(account.clone()).await;
    world.submit_many("main", mail(0, 1)).await;
    world.until_counts(pk, |counts| counts.sent == 1).await;
    account.is_pec = true;
    world.put(account).await;
    world.dispatch.account_changed(pk);
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.submit_many("main", mail(1, 2)).await;
    world.until_counts(pk, |counts| counts.sent == 2).await;
    let seen = relay.seen();
    assert_eq!((seen.opened, seen.open), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_shows_and_mail_goes_when_it_is_put_right() {
    let settings = super::world::retrying(&[Duration::from_secs(1); 20]);
    let world = World::start(settings).await;
    let relay = Relay::start().await;
    relay.set_password("right");
    let mut account = world.account("main", &relay);
    account.user = Some(Line::parse("user", "ada").unwrap());
    account.password = Some(Secret::new("wrong"));
    let pk = world.put(account.clone()).await;
    world.submit_many("main", mail(0, 3)).await;
    world.until_counts(pk, |counts| counts.deferred >= 3).await;
    let trouble = world.lane(pk).unwrap().trouble.unwrap();
    assert!(trouble.contains("535"), "{trouble}");
    account.password = Some(Secret::new("right"));
    world.put(account).await;
    world.dispatch.account_changed(pk);
    let counts = world.until_counts(pk, |counts| counts.sent == 3).await;
    assert_eq!(counts.errors, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_kept_and_then_left_politely() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let mut account = world.account("main", &relay);
    account.ttl_s = 1;
    let account = world.put(account).await;
    world.submit_many("main", mail(0, 1)).await;
    world.until_counts(account, |counts| counts.sent == 1).await;
    world.submit_many("main", mail(1, 2)).await;
    world.until_counts(account, |counts| counts.sent == 2).await;
    assert_eq!(relay.seen().opened, 1, "the connection was used again");
    let gone = relay.until(|seen| seen.open == 0).await;
    assert_eq!((gone.opened, gone.quits), (1, 1));
    until("an empty lane is forgotten", || {
        world.lane(account).is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_accounts_than_connections_all_get_their_turn() {
    let world = World::start(Settings {
        connections_per_account: 2,
        connections_max: 4,
        ..Settings::default()
    })
    .await;
    let relay = Relay::start().await;
    let mut accounts = Vec::new();
    for number in 0..20 {
        let id = format!("account{number}");
        accounts.push(world.put(world.account(&id, &relay)).await);
        let ids = (0..25).map(|mail| format!("{id}-{mail}"));
        world.submit_many(&id, ids).await;
    }
    for account in accounts {
        world
            .until_counts(account, |counts| counts.sent == 25)
            .await;
    }
    let seen = relay.seen();
    assert_eq!(seen.taken.len(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_active_finishes_what_was_begun_and_begins_nothing() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    relay.hold();
    let account = world.put(world.account("main", &relay)).await;
    world.submit_many("main", mail(0, 100)).await;
    relay.until(|seen| !seen.begun.is_empty()).await;
    world.dispatch.set_active(false);
    relay.go_on();
    relay.until(|seen| seen.open == 0).await;
    let begun = relay.seen().begun.len();
    world.submit_many("main", mail(100, 120)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(relay.seen().begun.len(), begun);
    assert!(begun < 100);
    world.dispatch.set_active(true);
    let counts = world
        .until_counts(account, |counts| counts.sent == 120)
        .await;
    assert_eq!(counts.pending(), 0);
    assert_eq!(relay.seen().taken.len(), 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_waited_for_the_service_to_start_is_sent() {
    let relay = Relay::start().await;
    let mut world = World::start(Settings::default()).await;
    let account = world.put(world.account("main", &relay)).await;
    world.stop().await;
    world.submit_many("main", mail(0, 10)).await;
    let world = world.restart(Settings::default()).await;
    world
        .until_counts(account, |counts| counts.sent == 10)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_of_an_inactive_tenant_waits() {
    let world = World::start(Settings::default()).await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    world.dispatch.set_active(false);
    world.submit_many("main", mail(0, 3)).await;
    world.set_tenant_active(false).await;
    world.dispatch.set_active(true);
    until("it says why", || {
        let trouble = world.lane(account).and_then(|lane| lane.trouble);
        trouble.is_some_and(|trouble| trouble.contains("not active"))
    })
    .await;
    assert_eq!(relay.seen().opened, 0);
    world.set_tenant_active(true).await;
    world.dispatch.account_changed(account);
    world.until_counts(account, |counts| counts.sent == 3).await;
}
