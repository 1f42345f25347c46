//! An application that takes reports: a small HTTP server whose answers a test decides.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One call, as it came.
#[derive(Clone)]
pub struct Call {
    pub at: Instant,
    /// The request's line and headers.
    pub head: String,
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

/// What is answered.
pub struct Answer {
    pub status: u16,
    pub headers: &'static str,
    pub body: String,
    pub after: Duration,
}

#[derive(Clone)]
pub struct Receiver {
    pub port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Answer {
    pub fn ok(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: "",
            body: body.into(),
            after: Duration::ZERO,
        }
    }

    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::ok("")
        }
    }
}

impl Call {
    /// Its reports.
    pub fn items(&self) -> Vec<Value> {
        self.body["delivery_report"].as_array().unwrap().clone()
    }

    /// The clients' ids in its reports.
    pub fn ids(&self) -> Vec<String> {
        let items = self.items().into_iter();
        items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Receiver {
    /// Answers each call by its number, from 0, and what it holds.
    pub async fn start(answer: impl Fn(usize, &Call) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            port: listener.local_addr().unwrap().port(),
            calls: Arc::default(),
        };
        let (calls, answer) = (Arc::clone(&receiver.calls), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (calls, answer) = (Arc::clone(&calls), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, &calls, &*answer).await });
            }
        });
        receiver
    }

    /// One that takes everything.
    pub async fn willing() -> Self {
        Self::start(|_, _| Answer::ok(r#"{"ok":true}"#)).await
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The clients' ids in all reports so far, in the order that they came in.
    pub fn ids(&self) -> Vec<String> {
        self.calls().iter().flat_map(Call::ids).collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    calls: &Mutex<Vec<Call>>,
    answer: &(impl Fn(usize, &Call) -> Answer + Send + Sync),
) -> std::io::Result<()> {
    let (head, body) = read_request(&mut stream).await?;
    let call = Call {
        at: Instant::now(),
        head,
        body: serde_json::from_str(&body).unwrap(),
        text: body,
    };
    let answer = {
        let mut calls = calls.lock().unwrap();
        calls.push(call.clone());
        answer(calls.len() - 1, &call)
    };
    tokio::time::sleep(answer.after).await;
    let Answer {
        status,
        headers,
        body,
        ..
    } = answer;
    let size = body.len();
    let text = format!(
        "HTTP/1.1 {status} Because\r\ncontent-length: {size}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 64 * 1024];
        let count = stream.read(&mut piece).await?;
        bytes.extend_from_slice(&piece[..count]);
        let text = std::str::from_utf8(&bytes).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let announced = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= announced.map_or(0, |size| size.parse().unwrap()) || count == 0 {
            return Ok((head.to_owned(), body.to_owned()));
        }
    }
}
