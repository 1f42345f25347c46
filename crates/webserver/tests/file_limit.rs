//! A process that has no more files goes on accepting when it has some again. It is a test of its own because the
//! limit is the whole process's.

use std::fs::File;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use rlimit::Resource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use webserver::{Access, Limits, Server};

const FILES_MAX: u64 = 64;

#[tokio::test]
async fn accepting_goes_on_after_a_want_of_files() {
    let (_, hard) = Resource::NOFILE.get().unwrap();
    Resource::NOFILE.set(FILES_MAX, hard).unwrap();
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), "--port")
        .await
        .unwrap();
    let (address, stop) = (server.address(), CancellationToken::new());
    let router = Router::new().route("/", get(|| async { "page" }));
    tokio::spawn(server.serve(router, Access::loopback(), Limits::default(), stop));

    // One file is left for the client's end of the connection, and none for the server's.
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    files.pop();
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let early = timeout(Duration::from_millis(500), client.readable()).await;
    assert!(early.is_err(), "it cannot have been accepted");

    files.clear();
    let mut answer = String::new();
    timeout(Duration::from_secs(10), client.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
