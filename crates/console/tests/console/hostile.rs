//! What recipients and servers say is data wherever it is shown.

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use model::{Address, Attempt, Category, EventKind};
use serde_json::Value;

use crate::run::{accept, attempt, begin, record, reply};
use crate::world::{World, store};

/// Replies that would be something else if they were not taken as text.
const REPLIES: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"},\"kind\":\"snapshot\",\"x\":{\"",
    "one\n\ndata: {\"kind\":\"gap\"}\n\nid: 1",
    "\u{1b}[31mred\u{2028}\u{2029}\u{0}\r",
    "</script><img src=x onerror=alert(1)>",
    "{{constructor.constructor('alert(1)')()}} %s $(id)",
];

const ADDRESSES: [&str; 6] = [
    "\"<script>alert(1)</script>\"@example.org",
    "\"a\\\"b,'c\"@example.org",
    "%27or%271%27=%271@example.org",
    "=cmd|calc!a1@example.org",
    "__proto__@example.org",
    "ümläut💩@example.org",
];

async fn world() -> World {
    let (folder, store) = store();
    let run = begin(&*store, "hostile <b>\"run\"").await;
    let seqs = accept(&*store, &run, ADDRESSES).await;
    let lease = store.lease(run.lane_key()).await.unwrap();
    for (seq, text) in seqs.into_iter().zip(REPLIES) {
        let said = Attempt {
            dialogue: Some(text.into()),
            remote: text.into(),
            ..attempt(reply(550, None, text), Some(Category::Policy))
        };
        record(&*store, &lease, seq, EventKind::Bounced, Some(said)).await;
    }
    store.release(lease).await.unwrap();
    World::watching(folder, store, run).await
}

/// The run's id as it stands in a path.
const JOB: &str = "hostile%20%3Cb%3E%22run%22";

#[tokio::test]
async fn hostile_addresses_and_replies_are_data() {
    let world = world().await;
    let page = world.json(&format!("/api/campaigns/{JOB}/messages")).await;
    for (number, row) in page["messages"].as_array().unwrap().iter().enumerate() {
        assert_eq!(
            row["email"],
            Address::parse(ADDRESSES[number]).unwrap().as_str()
        );
        let id = row["id"].as_str().unwrap();
        let timeline = world
            .json(&format!("/api/campaigns/{JOB}/messages/{id}"))
            .await;
        let attempt = &timeline["events"][1]["attempt"];
        for told in ["text", "dialogue", "remote"] {
            assert_eq!(attempt[told], REPLIES[number]);
        }
    }
    let stats = world.json("/api/stats").await;
    assert_eq!(stats["job_id"], "hostile <b>\"run\"");
    assert_eq!(
        stats["recipients"].as_object().unwrap().len(),
        ADDRESSES.len()
    );
}

#[tokio::test]
async fn a_reply_with_line_breaks_is_no_event_of_its_own_in_the_stream() {
    let world = world().await;
    let request = Request::get("/api/stream").body(Body::empty()).unwrap();
    let mut chunks = world.begin(request).await.into_body().into_data_stream();
    let _retry = chunks.next().await.unwrap().unwrap();
    let snapshot = String::from_utf8(chunks.next().await.unwrap().unwrap().to_vec()).unwrap();
    let lines: Vec<&str> = snapshot.split(['\n', '\r']).collect();
    assert_eq!(
        lines.len(),
        4,
        "an id, a line of data, and an empty line: {snapshot}"
    );
    let data: Value = serde_json::from_str(lines[1].strip_prefix("data: ").unwrap()).unwrap();
    let told = data["recent"].to_string();
    assert!(told.contains("onerror=alert(1)"), "{told}");
}

#[tokio::test]
async fn hostile_search_strings_find_what_holds_them_and_nothing_else() {
    let world = world().await;
    for (search, count) in [
        ("<script>", 1),
        ("%", 1),
        ("_", 1),
        ("' OR 1=1 --", 0),
        ("\\", 1),
        ("\"", 2),
        ("\u{0}", 0),
        ("%25", 0),
    ] {
        let value: String = url::form_urlencoded::byte_serialize(search.as_bytes()).collect();
        let page = world
            .json(&format!("/api/campaigns/{JOB}/messages?search={value}"))
            .await;
        assert_eq!(
            page["messages"].as_array().unwrap().len(),
            count,
            "{search}"
        );
    }
}
