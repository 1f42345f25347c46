//! Asks the server over a connection of its own for each request.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::House;

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

/// A stream of updates while it is followed.
pub struct Events {
    connection: TcpStream,
    read: Vec<u8>,
}

impl House {
    /// Asks as whoever has these headers.
    pub async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut connection = self.connect(path, headers, "close").await;
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).await.unwrap();
        let end = find(&bytes, b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = bytes[end + 4..].to_vec();
        Answer { status, head, body }
    }

    /// Asks with a token of the API.
    pub async fn ask_as(&self, token: &str, path: &str) -> Answer {
        self.ask(path, &[("x-api-token", token)]).await
    }

    /// The JSON that the operator gets.
    pub async fn json(&self, path: &str) -> Value {
        let answer = self.ask_as("admin", path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Follows the stream as the operator.
    pub async fn follow(&self) -> Events {
        let path = "/api/traffic/stream";
        let headers = [("x-api-token", "admin")];
        let connection = self.connect(path, &headers, "keep-alive").await;
        let read = Vec::new();
        Events { connection, read }
    }

    async fn connect(&self, path: &str, headers: &[(&str, &str)], connection: &str) -> TcpStream {
        let mut text = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("connection: {connection}\r\n\r\n"));
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines();
        let mut pairs = lines.filter_map(|line| line.split_once(": "));
        pairs
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }
}

impl Events {
    /// What the next update says; `None` when there will be no more.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some(end) = find(&self.read, b"\n\n") {
                let event: Vec<u8> = self.read.drain(..end + 2).collect();
                let event = String::from_utf8(event).unwrap();
                // The length of a chunk stands on a line of its own before the event.
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                if let Some(data) = data {
                    return Some(serde_json::from_str(data).unwrap());
                }
            }
            if self.connection.read_buf(&mut self.read).await.unwrap() == 0 {
                return None;
            }
        }
    }

    /// The first update that says so.
    pub async fn until(&mut self, says: impl Fn(&Value) -> bool) -> Value {
        loop {
            let update = self.next().await.unwrap();
            if says(&update) {
                return update;
            }
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
