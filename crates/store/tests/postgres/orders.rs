//! What processes ask of each other.

use std::time::{Duration, Instant};

use store::{Nodes, Ordered, Orders};

use crate::cluster::{Cluster, Options};
use crate::{open, runtime};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);

async fn next(orders: &mut Orders) -> Ordered {
    tokio::time::timeout(DEADLINE, orders.next())
        .await
        .expect("something is told")
        .expect("the store is open")
}

/// Whoever has heard of one need not wait for those before it.
#[test]
fn orders_are_heard_in_the_order_of_their_numbers() {
    const STORES: usize = 8;
    const ROUNDS: usize = 15;
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let listening = open(database.address()).await.unwrap();
        let mut orders = listening.orders();
        let mut tasks = Vec::new();
        for _ in 0..STORES {
            let store = open(database.address()).await.unwrap();
            tasks.push(tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    let two = (store.order("look 1"), store.order("look 2"));
                    let (first, second) = tokio::join!(two.0, two.1);
                    assert_ne!(first.unwrap(), second.unwrap());
                }
            }));
        }
        let mut heard = Vec::new();
        while heard.len() < 2 * STORES * ROUNDS {
            match next(&mut orders).await {
                Ordered::Words { number, .. } => heard.push(number),
                Ordered::Missed => panic!("after {heard:?}"),
            }
        }
        assert!(heard.is_sorted(), "{heard:?}");
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn whoever_hears_nothing_any_more_is_told_before_it_hears_again() {
    let cluster = Cluster::with(Options::default());
    let database = cluster.database();
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let mut orders = store.orders();
        cluster.stop();
        let told = Instant::now();
        assert_eq!(next(&mut orders).await, Ordered::Missed);
        assert!(told.elapsed() < Duration::from_secs(2));
        cluster.start();
        assert_eq!(next(&mut orders).await, Ordered::Missed);
    });
}
