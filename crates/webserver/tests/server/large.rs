//! Large bodies: whole, within what all of them may hold, and of nobody whom no token let in. And large answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use model::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use webserver::{Access, Caller, Gate, Keys, Limits, Unavailable, authenticated};

use crate::harness::{Answer, Running, read, start};

const MIB: usize = 1024 * 1024;

struct OneKey;

#[async_trait]
impl Keys for OneKey {
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, Unavailable> {
        Ok((token.expose() == "good").then_some(Caller::Admin))
    }
}

async fn running(limits: Limits) -> Running {
    let length = |body: Bytes| async move { body.len().to_string() };
    let api = Router::new().route("/length", post(length));
    let router =
        authenticated(api, &Gate::new(Arc::new(OneKey))).route("/", get(|| async { "page" }));
    start(router, Access::loopback(), limits).await
}

/// Sends a head that promises `promised` bytes, and `sent` of them.
async fn begin(server: &Running, token: &str, promised: usize, sent: usize) -> TcpStream {
    let mut stream = server.connect().await;
    let head = format!(
        "POST /length HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-API-Token: {token}\r\n\
         Content-Length: {promised}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may have heard enough before the end.
    let _ = stream.write_all(&vec![b'x'; sent]).await;
    stream
}

async fn send(server: &Running, token: &str, bytes: usize) -> Answer {
    read(&mut begin(server, token, bytes, bytes).await).await
}

#[tokio::test]
async fn the_longest_body_arrives_whole_and_a_longer_one_is_refused_in_the_words_of_the_api() {
    let server = running(Limits::for_programs()).await;
    let longest = 32 * MIB;
    let answer = send(&server, "good", longest).await;
    assert_eq!((answer.status, answer.body), (200, longest.to_string()));
    let answer = read(&mut begin(&server, "good", longest + 1, 1_000).await).await;
    assert_eq!(answer.status, 413);
    assert_eq!(
        answer.body,
        r#"{"detail":"the body is longer than 33554432 bytes"}"#
    );
}

#[tokio::test]
async fn beyond_what_all_bodies_may_hold_one_is_put_off_and_later_taken() {
    let limits = Limits {
        body_timeout: Duration::from_secs(2),
        buffered_bytes_max: 3 * MIB,
        ..Limits::for_programs()
    };
    let server = running(limits).await;
    let mut stalled = begin(&server, "good", 3 * MIB, 2 * MIB).await;
    let put_off = loop {
        // What was sent may still be on its way.
        let answer = send(&server, "good", 2 * MIB).await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(
        (put_off.status, put_off.header("retry-after")),
        (503, Some("2"))
    );
    assert!(
        put_off
            .body
            .starts_with(r#"{"detail":"other requests fill"#)
    );
    assert_eq!(send(&server, "good", MIB / 2).await.status, 200);
    assert!(server.is_alive().await);
    let cut = read(&mut stalled).await;
    assert_eq!(cut.status, 408);
    assert_eq!(cut.body, r#"{"detail":"the body took longer than 2 s"}"#);
    for _ in 0..3 {
        assert_eq!(send(&server, "good", 3 * MIB).await.status, 200);
    }
}

#[tokio::test]
async fn a_body_whose_client_leaves_gives_its_place_back() {
    let limits = Limits {
        buffered_bytes_max: 3 * MIB,
        ..Limits::for_programs()
    };
    let server = running(limits).await;
    for _ in 0..10 {
        drop(begin(&server, "good", 3 * MIB, 2 * MIB).await);
    }
    let mut tries = 0;
    while send(&server, "good", 3 * MIB).await.status != 200 {
        tries += 1;
        assert!(tries < 100, "the place is never given back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn no_body_is_read_of_a_client_without_a_good_token() {
    let limits = Limits {
        buffered_bytes_max: 1_000,
        ..Limits::for_programs()
    };
    let server = running(limits).await;
    // It is refused before it sent anything, so nothing of its body was waited for or kept.
    let mut waits = begin(&server, "wrong", 32 * MIB, 0).await;
    assert_eq!(read(&mut waits).await.status, 401);
    assert_eq!(send(&server, "wrong", 4_000).await.status, 401);
    assert_eq!(send(&server, "good", 4_000).await.status, 503);
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_shorter_body() {
    let server = running(Limits::for_programs()).await;
    let mut stream = begin(&server, "good", 10, 5).await;
    stream.shutdown().await.unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text).await;
    assert!(!text.starts_with("HTTP/1.1 200"), "{text}");
}

/// It took 40 ms for every 64 KiB, that is 20 s, while each packet waited for the confirmation of the one before.
#[tokio::test]
async fn a_long_answer_waits_for_no_delayed_confirmations() {
    let answer = || async { vec![b'x'; 32 * MIB] };
    let router = Router::new().route("/long", get(answer));
    let server = start(router, Access::loopback(), Limits::default()).await;
    let asked = Instant::now();
    let answer = server.get("/long", "Host: localhost\r\n").await;
    assert_eq!((answer.status, answer.body.len()), (200, 32 * MIB));
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "{:?}",
        asked.elapsed()
    );
}
