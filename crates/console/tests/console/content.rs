//! A message as it was rendered.

use axum::http::StatusCode;
use compose::letter::LetterSource;
use deliver::{Letters, Maker, Pool, Recent};
use std::sync::Arc;

use crate::run::{DELIVERED, accept, begin_with, every_kind, stored};
use crate::world::{World, pretty, store};

#[tokio::test]
async fn a_message_is_taken_apart() {
    let (world, seqs) = every_kind().await;
    let path = world.message_path(seqs[DELIVERED], "/content").await;
    let mut parts = world.json(&path).await;
    for header in parts["headers"].as_array_mut().unwrap() {
        // Its boundaries and its id are made from the message's id.
        if matches!(header[0].as_str(), Some("Message-ID" | "Content-Type")) {
            header[1] = "[made from the id]".into();
        }
    }
    insta::assert_snapshot!("content", pretty(parts));
}

#[tokio::test]
async fn the_bytes_are_those_of_the_delivery() {
    let (world, seqs) = every_kind().await;
    let message = stored(&*world.store, seqs[DELIVERED]).await;
    let letters = Letters::new(Arc::clone(&world.store));
    let recent = Recent::new(Arc::default(), Arc::new(Pool::new(1, 0, 0)));
    let mut bytes = Vec::new();
    letters.make(&message, &recent, &mut bytes).await.unwrap();
    let raw = world
        .get(&world.message_path(message.seq, "/content/raw").await)
        .await;
    assert_eq!(raw.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(raw.body, bytes);
    let parts = world
        .json(&world.message_path(message.seq, "/content").await)
        .await;
    assert_eq!(parts["bytes"], bytes.len());
}

#[tokio::test]
async fn the_html_body_is_alone_in_a_frame_that_can_do_nothing() {
    let (world, seqs) = every_kind().await;
    let html = world
        .get(&world.message_path(seqs[DELIVERED], "/content/html").await)
        .await;
    assert_eq!(html.text(), "<p>Hello <b>Ada</b>, ümläute.</p>\r\n");
    assert_eq!(html.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(html.header("x-dns-prefetch-control"), "off");
    let policy = html.header("content-security-policy");
    assert!(
        policy.starts_with("sandbox; default-src 'none';"),
        "{policy}"
    );
    assert!(
        !policy.contains("allow-") && !policy.contains("http"),
        "{policy}"
    );
}

async fn with_letter(source: LetterSource) -> (World, String) {
    let (folder, store) = store();
    let run = begin_with(&*store, "letter", &source).await;
    let seqs = accept(&*store, &run, ["ada@example.org"]).await;
    let world = World::watching(folder, store, run).await;
    let path = world.message_path(seqs[0], "/content").await;
    (world, path)
}

fn plain() -> LetterSource {
    LetterSource {
        from: "grace@example.com".to_owned(),
        subject: "Hi".to_owned(),
        ..LetterSource::default()
    }
}

#[tokio::test]
async fn only_what_a_message_has_is_shown() {
    let (world, path) = with_letter(LetterSource {
        text: Some("<script>alert(1)</script>".to_owned()),
        ..plain()
    })
    .await;
    let parts = world.json(&path).await;
    assert_eq!(parts["has_html"], false);
    assert_eq!(parts["text"], "<script>alert(1)</script>\r\n");
    assert_eq!(
        world.get(&format!("{path}/html")).await.status,
        StatusCode::NOT_FOUND
    );

    let (world, path) = with_letter(LetterSource {
        html: Some("<p>only this</p>".to_owned()),
        ..plain()
    })
    .await;
    let parts = world.json(&path).await;
    assert_eq!(
        (&parts["has_html"], parts["text"].is_null()),
        (&true.into(), true)
    );
    assert_eq!(
        world.get(&format!("{path}/html")).await.text(),
        "<p>only this</p>\r\n"
    );
}

#[tokio::test]
async fn a_message_that_could_not_be_made_says_why() {
    let (world, path) = with_letter(LetterSource {
        subject: "Hi {{.nobody_has_this}}".to_owned(),
        text: Some("x".to_owned()),
        ..plain()
    })
    .await;
    for rest in ["", "/html", "/raw"] {
        let answer = world.get(&format!("{path}{rest}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let words = answer.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(words.contains("nobody_has_this"), "{words}");
    }
}

#[tokio::test]
async fn looking_at_many_messages_at_once_waits_instead_of_growing() {
    let (world, path) = with_letter(LetterSource {
        text: Some("x".repeat(300_000)),
        ..plain()
    })
    .await;
    let raw = format!("{path}/raw");
    let request = || {
        axum::http::Request::get(&raw)
            .body(axum::body::Body::empty())
            .unwrap()
    };
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(world.begin(request()).await);
    }
    tokio::time::pause();
    let refused = world.begin(request()).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    held.pop();
    assert_eq!(world.get(&raw).await.status, StatusCode::OK);
}
