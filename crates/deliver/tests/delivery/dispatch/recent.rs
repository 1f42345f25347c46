//! What several messages are made from is read once, and never after it was recalled.

use std::sync::Arc;
use std::time::Duration;

use deliver::dispatch::Settings;
use deliver::{Recent, Supply};
use model::{Address, SubmissionId};
use store::NewSubmission;

use super::world::World;
use crate::relay::Relay;

/// One letter to three people.
fn letter(world: &World, payload: &str) -> NewSubmission {
    let address = |name: &str| Address::parse(&format!("{name}@example.org")).unwrap();
    NewSubmission {
        recipients: ["ada", "bob", "cleo"].map(address).to_vec(),
        payload: payload.into(),
        ..world.mail("main", "letter")
    }
}

/// A service at rest with an account.
async fn at_rest() -> (World, Relay) {
    let world = World::start(Settings {
        is_active: false,
        ..Settings::default()
    })
    .await;
    let relay = Relay::start().await;
    world.put(world.account("main", &relay)).await;
    (world, relay)
}

async fn said(recent: &Recent, world: &World, id: SubmissionId) -> String {
    let said = recent.said(&*world.store, id).await.unwrap();
    String::from(&*said.unwrap().payload)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_kept_until_it_is_recalled() {
    let (world, _relay) = at_rest().await;
    world.submit_all(vec![letter(&world, "one")]).await;
    let id = world.submission("letter").await;
    let supply = Arc::new(Supply::default());
    let recent = Recent::new(Arc::clone(&supply));
    let first = recent.said(&*world.store, id).await.unwrap().unwrap();
    let again = recent.said(&*world.store, id).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &again), "it is read once");
    world.replace(letter(&world, "two")).await;
    supply.recall();
    assert_eq!(said(&recent, &world, id).await, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_replaced_is_read_within_a_second() {
    let (world, _relay) = at_rest().await;
    world.submit_all(vec![letter(&world, "one")]).await;
    let id = world.submission("letter").await;
    let recent = Recent::new(Arc::default());
    assert_eq!(said(&recent, &world, id).await, "one");
    world.replace(letter(&world, "two")).await;
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(said(&recent, &world, id).await, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_one_recipient_is_not_kept() {
    let (world, _relay) = at_rest().await;
    world.submit_all(vec![world.mail("main", "m0")]).await;
    let id = world.submission("m0").await;
    let recent = Recent::new(Arc::default());
    let first = recent.said(&*world.store, id).await.unwrap().unwrap();
    let again = recent.said(&*world.store, id).await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&first, &again));
}
