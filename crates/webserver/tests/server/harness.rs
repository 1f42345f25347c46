//! A running server, and a client that writes bytes and reads answers.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use webserver::{Access, Limits, Server};

/// Longer than anything here takes that goes well.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Running {
    pub address: SocketAddr,
    pub stop: CancellationToken,
    pub serving: JoinHandle<()>,
}

pub async fn start(router: Router, access: Access, limits: Limits) -> Running {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), "--port")
        .await
        .unwrap();
    let (address, stop) = (server.address(), CancellationToken::new());
    let serving = tokio::spawn(server.serve(router, access, limits, stop.clone()));
    Running {
        address,
        stop,
        serving,
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
    }
}

impl Running {
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a whole request on a connection of its own.
    pub async fn ask(&self, request: &str) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        read(&mut stream).await
    }

    /// Sends a request that ends its connection: `target`, then more lines of its head.
    pub async fn get(&self, target: &str, lines: &str) -> Answer {
        self.ask(&format!(
            "GET {target} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n"
        ))
        .await
    }

    pub async fn is_alive(&self) -> bool {
        self.get("/", "Host: localhost\r\n").await.status == 200
    }
}

/// Reads to the end of the connection.
pub async fn read(stream: &mut TcpStream) -> Answer {
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    parsed(&text)
}

/// Reads one answer with a Content-Length and leaves the connection open.
pub async fn read_one(stream: &mut TcpStream) -> Answer {
    let mut text = String::new();
    loop {
        let mut bytes = [0; 4_096];
        let read = timeout(PATIENCE, stream.read(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        assert!(read > 0, "the connection ended: {text}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        let answer = text.contains("\r\n\r\n").then(|| parsed(&text));
        let length = |answer: &Answer| {
            answer
                .header("content-length")
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        if let Some(answer) = answer.filter(|answer| answer.body.len() == length(answer)) {
            return answer;
        }
    }
}

/// Whether the server ends the connection, in order or not, within the time.
pub async fn is_closed_within(stream: &mut TcpStream, time: Duration) -> bool {
    let end = async {
        let mut bytes = [0; 4_096];
        while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    };
    timeout(time, end).await.is_ok()
}

fn parsed(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    Answer {
        status: status.and_then(|status| status.parse().ok()).unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
