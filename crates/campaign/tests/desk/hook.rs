//! A receiver of webhooks on loopback that takes every one, at once or later.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Hook {
    url: String,
    told: Arc<Mutex<Vec<Value>>>,
    /// Whether requests wait for their answer.
    is_holding: watch::Sender<bool>,
}

impl Hook {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let is_holding = watch::Sender::new(false);
        let (hearing, holding) = (Arc::clone(&told), is_holding.subscribe());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (hearing, holding) = (Arc::clone(&hearing), holding.clone());
                tokio::spawn(async move { take(stream, &hearing, holding).await });
            }
        });
        Self {
            url,
            told,
            is_holding,
        }
    }

    /// Lets requests wait for their answer from now on.
    pub fn hold(&self) {
        self.is_holding.send_replace(true);
    }

    /// Answers what waits and what comes.
    pub fn go_on(&self) {
        self.is_holding.send_replace(false);
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The bodies so far.
    pub fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }
}

/// Reads one request, and answers it when nobody holds it up.
async fn take(stream: TcpStream, told: &Mutex<Vec<Value>>, mut holding: watch::Receiver<bool>) {
    let mut stream = BufReader::new(stream);
    let mut bytes = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            bytes = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; bytes];
    stream.read_exact(&mut body).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap();
    told.lock().unwrap().push(body);
    let _ = holding.wait_for(|holding| !holding).await;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // Who gave up waiting is gone.
    let _ = stream.write_all(answer).await;
}
