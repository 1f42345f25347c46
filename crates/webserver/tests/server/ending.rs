//! The end: what is under way gets its grace, the rest is closed at once, and nothing new begins.

use std::future::pending;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use webserver::{Access, Limits};

use crate::harness::{PATIENCE, Running, is_closed_within, read, read_one, start};

const GRACE: Duration = Duration::from_secs(2);
/// What an end may be late by on a busy machine.
const LATE_MAX: Duration = Duration::from_secs(3);

/// `/slow` needs a moment, `/stream` ends when `ends` says so.
fn router(ends: CancellationToken) -> Router {
    let events = move || {
        let ends = ends.clone();
        let chunks = stream::unfold(0, move |number| {
            let ends = ends.clone();
            async move {
                if number > 0 {
                    ends.cancelled().await;
                }
                (number < 2).then(|| (Ok::<_, std::io::Error>(Bytes::from("event\n")), number + 1))
            }
        });
        async move { Body::from_stream(chunks).into_response() }
    };
    Router::new()
        .route("/", get(|| async { "page" }))
        .route("/slow", get(slow))
        .route("/stream", get(events))
}

async fn slow() -> &'static str {
    sleep(Duration::from_millis(700)).await;
    "slow page"
}

async fn running(ends: &CancellationToken) -> Running {
    let limits = Limits {
        grace: GRACE,
        ..Limits::default()
    };
    start(router(ends.clone()), Access::loopback(), limits).await
}

async fn asked(server: &Running, target: &str) -> TcpStream {
    let mut stream = server.connect().await;
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// A stream whose first event has arrived.
async fn streaming(server: &Running) -> TcpStream {
    let mut stream = asked(server, "/stream").await;
    let (mut bytes, mut text) = ([0; 4_096], String::new());
    while !text.contains("event") {
        let read = timeout(PATIENCE, stream.read(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    stream
}

#[tokio::test]
async fn idle_connections_close_at_once_and_requests_under_way_are_finished() {
    let ends = CancellationToken::new();
    let server = running(&ends).await;
    let mut idle = asked(&server, "/").await;
    assert_eq!(read_one(&mut idle).await.body, "page");
    let mut fresh = server.connect().await;
    let mut open = streaming(&server).await;
    let mut busy = asked(&server, "/slow").await;
    // The request has to be under way: connections are accepted in order, and this one answers after it.
    assert!(server.is_alive().await);
    server.stop.cancel();
    ends.cancel();
    assert!(is_closed_within(&mut idle, LATE_MAX).await);
    assert!(is_closed_within(&mut fresh, LATE_MAX).await);
    assert_eq!(read(&mut busy).await.body, "slow page");
    let mut rest = String::new();
    timeout(PATIENCE, open.read_to_string(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(
        rest.ends_with("0\r\n\r\n"),
        "the stream ended in order: {rest:?}"
    );
    timeout(PATIENCE, server.serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_stream_that_does_not_end_is_cut_after_the_grace() {
    let server = running(&CancellationToken::new()).await;
    let mut open = streaming(&server).await;
    let start = Instant::now();
    server.stop.cancel();
    timeout(PATIENCE, server.serving).await.unwrap().unwrap();
    let took = start.elapsed();
    assert!(took >= GRACE && took < GRACE + LATE_MAX, "{took:?}");
    let mut rest = String::new();
    timeout(PATIENCE, open.read_to_string(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(
        !rest.ends_with("0\r\n\r\n"),
        "a cut stream does not look complete"
    );
}

#[tokio::test]
async fn a_server_without_clients_ends_at_once() {
    let server = running(&CancellationToken::new()).await;
    let start = Instant::now();
    server.stop.cancel();
    timeout(PATIENCE, server.serving).await.unwrap().unwrap();
    assert!(start.elapsed() < GRACE);
}

#[tokio::test]
async fn a_handler_whose_client_left_is_dropped() {
    let dropped = CancellationToken::new();
    let token = dropped.clone();
    let forever = move || {
        let guard = token.clone().drop_guard();
        async move {
            let () = pending().await;
            drop(guard);
        }
    };
    let router = Router::new().route("/forever", get(forever));
    let server = start(router, Access::loopback(), Limits::default()).await;
    let mut client = asked(&server, "/forever").await;
    client.shutdown().await.unwrap();
    timeout(PATIENCE, dropped.cancelled()).await.unwrap();
}
