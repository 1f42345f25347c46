//! How many connections there may be, for one client and in all; and an address that is taken.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use webserver::{Access, BindError, Limits, Server};

use crate::harness::{PATIENCE, Running, read, read_one, start};

const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const ASK_LAST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn router() -> Router {
    Router::new().route("/", get(|| async { "page" }))
}

#[tokio::test]
async fn a_client_with_too_many_connections_is_turned_away() {
    let limits = Limits {
        connections_per_client_max: 3,
        ..Limits::default()
    };
    let server = start(router(), Access::loopback(), limits).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        stream.write_all(ASK).await.unwrap();
        assert_eq!(read_one(&mut stream).await.status, 200);
        held.push(stream);
    }
    for _ in 0..10 {
        let answer = read(&mut server.connect().await).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (429, Some("1"))
        );
        assert!(answer.body.contains("too many connections"), "{answer:?}");
    }
    // The ones that it has go on, and a place that is given back can be had.
    held[0].write_all(ASK_LAST).await.unwrap();
    assert_eq!(read(&mut held[0]).await.status, 200);
    held.clear();
    let again = async { while !is_served(&server).await {} };
    timeout(PATIENCE, again).await.unwrap();
}

/// Whether a new connection is answered rather than turned away.
async fn is_served(server: &Running) -> bool {
    let mut stream = server.connect().await;
    let mut text = String::new();
    let _ = stream.write_all(ASK_LAST).await;
    stream.read_to_string(&mut text).await.is_ok() && text.starts_with("HTTP/1.1 200")
}

#[tokio::test]
async fn beyond_all_places_a_connection_waits_for_its_turn() {
    let limits = Limits {
        connections_max: 2,
        ..Limits::default()
    };
    let server = start(router(), Access::loopback(), limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(ASK).await.unwrap();
        assert_eq!(read_one(&mut stream).await.status, 200);
        held.push(stream);
    }
    let mut third = server.connect().await;
    third.write_all(ASK_LAST).await.unwrap();
    let early = timeout(Duration::from_millis(300), third.readable()).await;
    assert!(early.is_err(), "it was served beyond the limit");
    held.pop();
    assert_eq!(read(&mut third).await.status, 200);
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_says_what_to_do() {
    let first = bind("127.0.0.1:0").await.unwrap();
    let address = first.address();
    let error = bind(&address.to_string()).await.unwrap_err();
    let port = address.port();
    assert_eq!(
        error.to_string(),
        format!(
            "port {port} on 127.0.0.1 is taken: stop the program that listens there, \
             or choose another port with --monitor-port"
        )
    );
    let error = bind("192.0.2.1:0").await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("this machine has no address 192.0.2.1"),
        "{error}"
    );
}

async fn bind(address: &str) -> Result<Server, BindError> {
    Server::bind(address.parse().unwrap(), "--monitor-port").await
}
