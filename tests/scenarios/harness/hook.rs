//! A web server in an application's place: it takes webhooks and reports, gives files, and writes down what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::Value;

/// One request.
#[derive(Clone, Debug)]
pub struct Post {
    /// The first line: `POST /hook HTTP/1.1`.
    pub line: String,
    /// The fields, their names in lower case.
    pub fields: BTreeMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Post {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A running server.
pub struct Hook {
    port: u16,
    posts: Arc<Mutex<Vec<Post>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hook {
    /// Starts one that answers with these statuses in turn, and with the last one for good.
    pub fn answering(statuses: &'static [u16]) -> Self {
        Self::replying(move |_, count| (statuses[count.min(statuses.len() - 1)], Vec::new()))
    }

    /// Starts one that answers each request with a status and a body, knowing how many came before.
    pub fn replying(reply: impl Fn(&Post, usize) -> (u16, Vec<u8>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (posts, ended) = (
            Arc::<Mutex<Vec<Post>>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let thread = thread::spawn({
            let (posts, ended) = (Arc::clone(&posts), Arc::clone(&ended));
            move || {
                for stream in listener.incoming() {
                    if ended.load(Ordering::SeqCst) {
                        return;
                    }
                    let stream = stream.unwrap();
                    let Some(post) = read(&stream) else {
                        continue;
                    };
                    let count = posts.lock().unwrap().len();
                    let (status, body) = reply(&post, count);
                    // Who sees the answer's effect finds the request written down.
                    posts.lock().unwrap().push(post);
                    write(&stream, status, &body);
                }
            }
        });
        Self {
            port,
            posts,
            ended,
            thread: Some(thread),
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// The beginning of every address of its.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it was sent until now.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads one request; `None` when the client went away.
fn read(stream: &TcpStream) -> Option<Post> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut fields = BTreeMap::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        let Some((name, value)) = field.trim_end().split_once(':') else {
            break;
        };
        fields.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = fields.get("content-length").map_or("0", String::as_str);
    let mut body = vec![0; length.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    (!line.is_empty()).then(|| Post {
        line: line.trim_end().to_owned(),
        fields,
        body,
    })
}

/// Answers a request. A client that went away misses it.
fn write(mut stream: &TcpStream, status: u16, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}
