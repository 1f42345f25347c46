//! Urgent mail does not wait behind bulk.

use std::time::Duration;

use deliver::dispatch::Settings;
use model::Priority;

use super::world::World;
use crate::relay::Relay;

const CONNECTIONS: usize = 4;

fn settings() -> Settings {
    Settings {
        connections_per_account: CONNECTIONS,
        ..Settings::default()
    }
}

fn bulk(number: usize) -> String {
    format!("bulk{number}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immediate_message_overtakes_all_but_what_is_in_a_dialogue() {
    let world = World::start(settings()).await;
    let relay = Relay::start().await;
    relay.slow(Duration::from_millis(120));
    world.put(world.account("main", &relay)).await;
    world.submit_many("main", (0..5_000).map(bulk)).await;
    relay
        .until(|seen| seen.taken.len() >= 3 * CONNECTIONS)
        .await;
    let mut urgent = world.mail("main", "urgent");
    urgent.priority = Priority::Immediate;
    let before = relay.seen().taken.len();
    world.submit_all(vec![urgent]).await;
    let taken = |seen: &crate::relay::Seen| {
        seen.taken
            .iter()
            .position(|one| one == "urgent@example.org")
    };
    let seen = relay.until(|seen| taken(seen).is_some()).await;
    let overtaken_by = taken(&seen).unwrap() - before;
    // Those in a dialogue when it was read, and those that ended theirs while it was committed.
    assert!(overtaken_by <= 2 * CONNECTIONS, "{overtaken_by}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_sends_in_strict_order_of_priority() {
    let world = World::start(Settings {
        connections_per_account: 1,
        is_active: false,
        ..Settings::default()
    })
    .await;
    let relay = Relay::start().await;
    let account = world.put(world.account("main", &relay)).await;
    let mut batch = Vec::new();
    for number in 0..100 {
        for priority in [
            Priority::Low,
            Priority::Immediate,
            Priority::Medium,
            Priority::High,
        ] {
            let mut mail = world.mail("main", &format!("p{}-{number}", priority.code()));
            mail.priority = priority;
            batch.push(mail);
        }
    }
    world.submit_all(batch).await;
    assert!(!world.dispatch.is_active());
    world.dispatch.set_active(true);
    world
        .until_counts(account, |counts| counts.sent == 400)
        .await;
    let taken = relay.seen().taken;
    let number = |one: &String| {
        let (priority, rest) = one[1..].split_once('-').unwrap();
        let number: u32 = rest.split('@').next().unwrap().parse().unwrap();
        (priority.to_owned(), number)
    };
    let order: Vec<(String, u32)> = taken.iter().map(number).collect();
    assert!(order.is_sorted(), "{order:?}");
}
