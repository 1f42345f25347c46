//! HTTP by hand: requests that no library would send, and answers with everything that came.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request. It has the headers it is given, and no others but those of its body and `Connection: close`.
#[derive(Clone, Debug)]
pub struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers in their order, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its whole body, without the framing.
    pub body: Vec<u8>,
}

/// A body that comes in chunks (RFC 9112 §7.1). One that is cut off reads as an error, not as an end.
pub(super) struct Chunks {
    reader: BufReader<TcpStream>,
    left: usize,
    is_ended: bool,
}

// === impl Request ===

impl Request {
    /// A request with no headers.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            line: format!("{method} {target} HTTP/1.1"),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a body of JSON, and its type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    /// The same with a body of which no type is said.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it, and reads the whole answer.
    #[track_caller]
    pub fn send(&self, to: SocketAddr) -> Answer {
        self.try_send(to)
            .unwrap_or_else(|error| panic!("{}: {error}", self.line))
    }

    /// The same where it may be that nobody answers.
    pub fn try_send(&self, to: SocketAddr) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(to)?;
        self.write(&mut stream)?;
        let mut reader = BufReader::new(stream);
        let (status, headers) = read_head(&mut reader)?;
        let mut body = Vec::new();
        match value(&headers, "content-length") {
            Some(length) => {
                let length: usize = length.parse().map_err(Error::other)?;
                body.resize(length, 0);
                reader.read_exact(&mut body)?;
            }
            None if value(&headers, "transfer-encoding") == Some("chunked") => {
                Chunks::new(reader).read_to_end(&mut body)?;
            }
            None => {
                reader.read_to_end(&mut body)?;
            }
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// Sends it and waits for nothing.
    pub(super) fn write(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut head = format!("{}\r\nConnection: close\r\n", self.line);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        stream.write_all(&[head.as_bytes(), &self.body].concat())
    }
}

// === impl Answer ===

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}: {}", self.status, self.text()))
    }

    /// The same, having checked the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Reads the status and the headers.
pub(super) fn read_head(
    reader: &mut BufReader<TcpStream>,
) -> std::io::Result<(u16, Vec<(String, String)>)> {
    let line = read_line(reader)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| Error::other(format!("{line:?} is no status line")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        let Some((name, value)) = line.split_once(':') else {
            return Ok((status, headers));
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_line(reader: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    match reader.read_line(&mut line)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().to_owned()),
    }
}

// === impl Chunks ===

impl Chunks {
    pub(super) fn new(reader: BufReader<TcpStream>) -> Self {
        Self {
            reader,
            left: 0,
            is_ended: false,
        }
    }

    fn begin_chunk(&mut self) -> std::io::Result<()> {
        let size = read_line(&mut self.reader)?;
        self.left = usize::from_str_radix(&size, 16).map_err(Error::other)?;
        self.is_ended = self.left == 0;
        match self.is_ended {
            true => read_line(&mut self.reader).map(|_| ()),
            false => Ok(()),
        }
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 && !self.is_ended {
            self.begin_chunk()?;
        }
        if self.is_ended {
            return Ok(0);
        }
        let wanted = buffer.len().min(self.left);
        let count = self.reader.read(&mut buffer[..wanted])?;
        if count == 0 && wanted > 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= count;
        if self.left == 0 {
            read_line(&mut self.reader)?;
        }
        Ok(count)
    }
}
