//! The list of all recipients, however long.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::Value;
use std::sync::Arc;
use store::NewEvent;

use model::{EventKind, Seq};

use crate::run::{attempt, begin, message, reply};
use crate::world::{World, second, store};

const MANY: usize = 100_000;
/// Searches that nobody can answer within the time that one waits for its turn.
const SEARCHES: usize = 1_000;
/// More than two pages of the list, as JSON.
const HELD_BYTES_MAX: usize = 1 << 20;

/// A run of many: a third is delivered.
async fn many(count: usize) -> World {
    let (folder, store) = store();
    let run = begin(&*store, "many").await;
    let lease = store.lease(run.lane_key()).await.unwrap();
    for start in (0..count).step_by(5_000) {
        let numbers = start..count.min(start + 5_000);
        let batch = numbers.map(|number| message(&run, &format!("r{number}@example.org")));
        store.accept(&lease, batch.collect()).await.unwrap();
    }
    loop {
        let due = store
            .due(&lease, second(9), 5_000, &Default::default())
            .await
            .unwrap();
        let left = store.books(run.lane).await.unwrap().queued;
        if (left as usize) <= count - count / 3 {
            break;
        }
        let delivered = due.messages.into_iter().map(|message| NewEvent {
            message: Arc::new(message),
            kind: EventKind::Delivered,
            at: second(9),
            attempts: 1,
            due_at: None,
            attempt: Some(attempt(reply(250, None, "ok"), None)),
            reason: None,
        });
        store.record(&lease, delivered.collect()).await.unwrap();
    }
    store.release(lease).await.unwrap();
    World::watching(folder, store, run).await
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_list_of_many_equals_the_books_and_is_never_held_whole() {
    let world = many(MANY).await;
    let answer = world.begin(request("/api/recipients")).await;
    let mut chunks = answer.into_body().into_data_stream();
    let mut json = Vec::new();
    let mut largest = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.unwrap();
        largest = largest.max(chunk.len());
        json.extend_from_slice(&chunk);
    }
    assert!(largest < HELD_BYTES_MAX, "a part of {largest} bytes");
    let list: Vec<Value> = serde_json::from_slice(&json).unwrap();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (number, recipient) in list.iter().enumerate() {
        assert_eq!(recipient["email"], format!("r{number}@example.org"));
        *counts
            .entry(recipient["status"].as_str().unwrap())
            .or_default() += 1;
    }
    let books = world.store.books(world.run.lane).await.unwrap();
    assert_eq!(list.len() as u64, books.accepted);
    assert_eq!(
        counts,
        BTreeMap::from([("pending", books.queued), ("sent", books.delivered)])
    );
}

#[tokio::test]
async fn whole_pages_and_none_at_all_are_whole_arrays() {
    for count in [0, 1, 1_000, 1_001] {
        let world = many(count).await;
        let list = world.json("/api/recipients").await;
        assert_eq!(list.as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn a_list_that_nobody_takes_reads_nothing_and_gives_its_place_back() {
    let world = many(3_000).await;
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(world.begin(request("/api/recipients")).await);
    }
    // The lists wait for their clients; the store is free for everybody else.
    assert_eq!(world.get("/api/campaigns").await.status, StatusCode::OK);
    let refused = world.get("/api/recipients").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.header("retry-after").is_empty());
    drop(held.pop());
    assert_eq!(world.get("/api/recipients").await.status, StatusCode::OK);
}

#[tokio::test]
async fn searches_take_turns_and_nobody_waits_long() {
    let world = many(30_000).await;
    let search = "/api/recipients?search=nobody-is-called-so";
    let searches: Vec<_> = (0..SEARCHES).map(|_| world.get(search)).collect();
    let (answers, page) = tokio::join!(join_all(searches), world.get("/api/recipients?limit=5"));
    assert_eq!(
        page.status,
        StatusCode::OK,
        "who searches nothing waits for nobody"
    );
    let (refused, answered): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.is_empty() && !answered.is_empty());
    assert!(
        refused
            .iter()
            .all(|answer| !answer.header("retry-after").is_empty())
    );
    assert!(
        answered
            .iter()
            .all(|answer| answer.status == StatusCode::OK)
    );
    assert_eq!(world.get(search).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_list_that_cannot_be_finished_is_seen_to_be_broken() {
    let world = many(2_500).await;
    world.damage(Seq::new(2_200));
    let answer = world.begin(request("/api/recipients")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let parts: Vec<_> = answer.into_body().into_data_stream().collect().await;
    let is_whole: Vec<bool> = parts.iter().map(Result::is_ok).collect();
    assert_eq!(is_whole, [true, true, false]);
}

#[tokio::test]
async fn a_store_that_fails_is_told_without_its_inner_words() {
    let world = many(10).await;
    world.damage(Seq::new(3));
    for path in ["/api/recipients", "/api/recipients?limit=5"] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        let words = "the store cannot be read at the moment";
        assert_eq!(answer.json()["error"]["message"], words);
    }
}
