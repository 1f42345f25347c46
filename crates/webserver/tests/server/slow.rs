//! Clients that take their time: none holds a connection for nothing, and none slows the others.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use webserver::{Access, Limits};

use crate::harness::{PATIENCE, is_closed_within, read_one, start};

const SHORT: Duration = Duration::from_millis(500);
/// What a deadline may be late by on a busy machine.
const LATE_MAX: Duration = Duration::from_secs(5);

fn router() -> Router {
    Router::new().route("/", get(|| async { "page" }))
}

#[tokio::test]
async fn slow_heads_are_cut_while_others_are_served() {
    let limits = Limits {
        head_timeout: SHORT,
        ..Limits::default()
    };
    let server = start(router(), Access::loopback(), limits).await;
    let mut drips = Vec::new();
    for _ in 0..100 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        drips.push(tokio::spawn(async move {
            let start = Instant::now();
            let (mut reading, mut writing) = stream.split();
            let drip = async {
                while writing.write_all(b"x-a: b\r\n").await.is_ok() {
                    sleep(Duration::from_millis(50)).await;
                }
            };
            let mut end = Vec::new();
            tokio::select! {
                _ = reading.read_to_end(&mut end) => {}
                () = drip => {}
            }
            start.elapsed()
        }));
    }
    assert!(server.is_alive().await);
    for drip in drips {
        let took = drip.await.unwrap();
        assert!(took < SHORT + LATE_MAX, "{took:?}");
    }
}

#[tokio::test]
async fn a_silent_and_an_idle_connection_are_closed() {
    let limits = Limits {
        head_timeout: SHORT,
        ..Limits::default()
    };
    let server = start(router(), Access::loopback(), limits).await;
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    for _ in 0..2 {
        idle.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(read_one(&mut idle).await.body, "page");
    }
    assert!(is_closed_within(&mut silent, SHORT + LATE_MAX).await);
    assert!(is_closed_within(&mut idle, SHORT + LATE_MAX).await);
}

/// An answer without end: `bytes` every `pause`. The token is cancelled when nobody wants it any more.
fn endless(bytes: usize, pause: Duration, dropped: CancellationToken) -> Router {
    let answer = move || {
        let state = (interval(pause), dropped.clone().drop_guard());
        let chunks = stream::unfold(state, move |mut state| async move {
            state.0.tick().await;
            Some((
                Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes])),
                state,
            ))
        });
        async move { Body::from_stream(chunks.boxed()).into_response() }
    };
    router().route("/stream", get(answer))
}

const STREAM: &[u8] = b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// What a client's system takes for it while it reads nothing; unless fixed, it grows to megabytes.
const CLIENT_BUFFER_BYTES: u32 = 16 * 1024;

#[tokio::test]
async fn a_reader_that_stalls_is_dropped_within_seconds() {
    let (dropped, write_timeout) = (CancellationToken::new(), Duration::from_secs(1));
    let router = endless(1_000, Duration::from_millis(5), dropped.clone());
    let limits = Limits {
        write_timeout,
        ..Limits::default()
    };
    let server = start(router, Access::loopback(), limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(CLIENT_BUFFER_BYTES).unwrap();
    let mut stalled = socket.connect(server.address).await.unwrap();
    stalled.write_all(STREAM).await.unwrap();
    timeout(write_timeout + LATE_MAX, dropped.cancelled())
        .await
        .unwrap();
    assert!(server.is_alive().await);
    // The rest is not left to the kernel: the client is told by a reset.
    let mut rest = Vec::new();
    let end = timeout(PATIENCE, stalled.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(end.is_err(), "{end:?} after {} bytes", rest.len());
}

#[tokio::test]
async fn a_slow_reader_that_goes_on_is_not_dropped() {
    let (dropped, write_timeout) = (CancellationToken::new(), Duration::from_secs(1));
    let router = endless(10_000, Duration::from_millis(1), dropped.clone());
    let limits = Limits {
        write_timeout,
        ..Limits::default()
    };
    let server = start(router, Access::loopback(), limits).await;
    let mut slow = server.connect().await;
    slow.write_all(STREAM).await.unwrap();
    let mut bytes = vec![0; 20_000];
    for _ in 0..40 {
        slow.read_exact(&mut bytes).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    assert!(!dropped.is_cancelled());
    drop(slow);
    timeout(PATIENCE, dropped.cancelled()).await.unwrap();
}
