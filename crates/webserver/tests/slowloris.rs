//! Thousands of clients that are slow on purpose, from many addresses. It is a test of its own because of the files
//! that it needs.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use webserver::{Access, Limits, Server};

const CLIENTS: usize = 5_000;
const CLIENTS_PER_ADDRESS: usize = 250;
/// Both ends of each connection are files of this process.
const FILES: u64 = 2 * CLIENTS as u64 + 1_000;
const HEAD_TIMEOUT: Duration = Duration::from_secs(4);
const BODY_TIMEOUT: Duration = Duration::from_secs(8);
const DRIP: Duration = Duration::from_secs(1);
/// What a deadline may be late by on a busy machine.
const LATE_MAX: Duration = Duration::from_secs(20);
/// How long an honest client waits at most meanwhile.
const HONEST_MAX: Duration = Duration::from_secs(5);

const HALF_A_HEAD: &str = "POST /length HTTP/1.1\r\nHost: localhost\r\n";
const PAGE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_slow_heads_and_bodies_are_closed_in_time_and_others_served() {
    let files = rlimit::increase_nofile_limit(FILES).unwrap();
    assert!(files >= FILES, "allow {FILES} open files: ulimit -n");
    let limits = Limits {
        head_timeout: HEAD_TIMEOUT,
        body_timeout: BODY_TIMEOUT,
        ..Limits::for_programs()
    };
    let body_bytes = limits.body_bytes_max;
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), "--port").await;
    let server = server.unwrap();
    let (address, stop) = (server.address(), CancellationToken::new());
    let length = |body: Bytes| async move { body.len().to_string() };
    let router = Router::new()
        .route("/", get(|| async { "page" }))
        .route("/length", post(length));
    tokio::spawn(server.serve(router, Access::loopback(), limits, stop));

    // Each byte of a line that never ends.
    all_closed_within(address, format!("{HALF_A_HEAD}X-Slow: "), HEAD_TIMEOUT).await;
    let largest = format!(
        "{HALF_A_HEAD}Content-Type: application/json\r\nContent-Length: {body_bytes}\r\n\r\n{{"
    );
    all_closed_within(address, largest, BODY_TIMEOUT).await;
}

/// Opens all the connections and drips into them, and asks for a page from yet another address meanwhile.
async fn all_closed_within(address: SocketAddr, beginning: String, deadline: Duration) {
    let mut slow = JoinSet::new();
    for number in 0..CLIENTS {
        let mut stream = connect(address, 2 + number / CLIENTS_PER_ADDRESS).await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        slow.spawn(time_to_the_end(stream));
    }
    let honest = tokio::spawn(async move {
        for _ in 0..20 {
            let took = timeout(HONEST_MAX, ask(address)).await;
            assert_eq!(took.unwrap(), "page");
        }
    });
    while let Some(took) = slow.join_next().await {
        let took = took.unwrap();
        // One that was closed at once was no slow client.
        assert!(took > deadline / 2, "{took:?}");
        assert!(took < deadline + LATE_MAX, "{took:?}");
    }
    honest.await.unwrap();
}

async fn time_to_the_end(mut stream: TcpStream) -> Duration {
    let start = Instant::now();
    let (mut reading, mut writing) = stream.split();
    let drip = async {
        while writing.write_all(b"x").await.is_ok() {
            sleep(DRIP).await;
        }
    };
    let mut end = Vec::new();
    tokio::select! {
        _ = reading.read_to_end(&mut end) => {}
        () = drip => {}
    }
    start.elapsed()
}

async fn ask(address: SocketAddr) -> String {
    let mut stream = connect(address, 1).await;
    stream.write_all(PAGE.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned()
}

/// A connection from one of this machine's many loopback addresses.
async fn connect(address: SocketAddr, from: usize) -> TcpStream {
    let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, u8::try_from(from).unwrap()));
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    socket.connect(address).await.unwrap()
}
