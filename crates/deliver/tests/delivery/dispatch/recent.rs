//! What several messages are made from is read once, and never after it was recalled.

use std::sync::Arc;
use std::time::Duration;

use deliver::dispatch::Settings;
use deliver::{Pool, Recent, Supply};
use model::{Address, SubmissionId};
use store::NewSubmission;

use super::world::World;
use crate::relay::Relay;

/// A text that counts for the memory of all lanes.
const LARGE_BYTES: usize = 2 * 1024 * 1024;

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

/// Room for a large text, and a little more.
fn pool() -> Arc<Pool> {
    Arc::new(Pool::new(1, 0, 3 * LARGE_BYTES / 2))
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
    let recent = Recent::new(Arc::clone(&supply), pool());
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
    let recent = Recent::new(Arc::default(), pool());
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
    let recent = Recent::new(Arc::default(), pool());
    let first = recent.said(&*world.store, id).await.unwrap().unwrap();
    let again = recent.said(&*world.store, id).await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&first, &again));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_texts_are_read_once_while_there_is_memory_and_give_it_back_soon() {
    let (world, _relay) = at_rest().await;
    let text = format!(r#"{{"make":"plain","x":"{}"}}"#, "x".repeat(LARGE_BYTES));
    world.submit_all(vec![letter(&world, &text)]).await;
    let id = world.submission("letter").await;
    let pool = pool();
    let [one, other] = [(); 2].map(|()| Recent::new(Arc::default(), Arc::clone(&pool)));
    let first = one.said(&*world.store, id).await.unwrap().unwrap();
    let again = one.said(&*world.store, id).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &again), "it is read once");
    let first = other.said(&*world.store, id).await.unwrap().unwrap();
    let again = other.said(&*world.store, id).await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&first, &again), "there is no room for two");
    // Nobody asks the one lane again.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let first = other.said(&*world.store, id).await.unwrap().unwrap();
    let again = other.said(&*world.store, id).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &again));
}
