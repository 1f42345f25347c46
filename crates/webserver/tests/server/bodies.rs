//! Bodies of requests: whole, in time and in size, or refused.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use tokio::io::AsyncWriteExt;
use webserver::{Access, Limits};

use crate::harness::{Answer, Running, read, read_one, start};

const BODY_BYTES_MAX: usize = 100_000;

async fn echo_length() -> Running {
    let router = Router::new().route("/", get(|| async { "page" })).route(
        "/length",
        post(|body: Bytes| async move { body.len().to_string() }),
    );
    let limits = Limits {
        body_timeout: Duration::from_millis(500),
        body_bytes_max: BODY_BYTES_MAX,
        ..Limits::default()
    };
    start(router, Access::loopback(), limits).await
}

fn head(lines: &str) -> String {
    format!(
        "POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}\r\n"
    )
}

async fn post_bytes(server: &Running, bytes: usize) -> Answer {
    let mut stream = server.connect().await;
    let head = head(&format!("Connection: close\r\nContent-Length: {bytes}\r\n"));
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may have heard enough before the end.
    let _ = stream.write_all(&vec![b'x'; bytes]).await;
    read(&mut stream).await
}

#[tokio::test]
async fn a_body_arrives_whole_up_to_its_limit() {
    let server = echo_length().await;
    for bytes in [0, 1, BODY_BYTES_MAX] {
        let answer = post_bytes(&server, bytes).await;
        assert_eq!((answer.status, answer.body), (200, bytes.to_string()));
    }
    let chunked = head("Connection: close\r\nTransfer-Encoding: chunked\r\n")
        + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(server.ask(&chunked).await.body, "5");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_the_client_can_read_why() {
    let server = echo_length().await;
    for bytes in [BODY_BYTES_MAX + 1, 5 * BODY_BYTES_MAX] {
        let answer = post_bytes(&server, bytes).await;
        assert_eq!(answer.status, 413, "{bytes}");
        assert!(
            answer.body.contains("longer than 100000 bytes"),
            "{answer:?}"
        );
    }
    let chunk = format!("ffff\r\n{}\r\n", "x".repeat(0xffff));
    let chunked = head("Transfer-Encoding: chunked\r\n") + &chunk.repeat(3);
    assert_eq!(server.ask(&chunked).await.status, 413);
}

#[tokio::test]
async fn a_slow_body_is_cut() {
    let server = echo_length().await;
    let mut stream = server.connect().await;
    let slow = head("Content-Length: 10\r\n") + "abc";
    stream.write_all(slow.as_bytes()).await.unwrap();
    assert!(server.is_alive().await);
    let answer = read(&mut stream).await;
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains("longer than 0.5 s"), "{answer:?}");
}

#[tokio::test]
async fn a_refused_request_with_a_body_leaves_the_connection_in_order() {
    let server = echo_length().await;
    let mut stream = server.connect().await;
    let refused = "POST /length HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 5\r\n\r\nGET /";
    stream.write_all(refused.as_bytes()).await.unwrap();
    assert_eq!(read_one(&mut stream).await.status, 403);
    // The body was not taken for a request.
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read(&mut stream).await.body, "page");
}

#[tokio::test]
async fn nonsense_and_endless_heads_are_refused() {
    let server = echo_length().await;
    assert_eq!(server.ask("EHLO localhost\r\n\r\n").await.status, 400);
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(17_000)
    );
    assert_eq!(server.ask(&long).await.status, 431);
    let many = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X: y\r\n".repeat(200)
    );
    assert_eq!(server.ask(&many).await.status, 431);
    assert!(server.is_alive().await);
}
