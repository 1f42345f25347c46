//! Who follows the stream of a dashboard: server-sent events, read as they come.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::Request;
use super::http::{Chunks, read_head};

/// A stream that is followed.
pub struct Updates {
    lines: BufReader<Chunks>,
}

/// One message of it.
#[derive(Clone, Debug)]
pub struct Update {
    /// Its id, where it has one.
    pub id: Option<u64>,
    /// What it says.
    pub data: Value,
}

impl Updates {
    /// Asks for a stream.
    #[track_caller]
    pub fn follow(to: SocketAddr, request: &Request) -> Self {
        Self::over(TcpStream::connect(to).unwrap(), request)
    }

    /// The same over a connection that is there already.
    #[track_caller]
    pub fn over(mut stream: TcpStream, request: &Request) -> Self {
        request.write(&mut stream).unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = read_head(&mut reader).unwrap();
        assert_eq!(status, 200, "{headers:?}");
        let kind = headers.iter().find(|(name, _)| name == "content-type");
        assert!(
            kind.is_some_and(|(_, kind)| kind.starts_with("text/event-stream")),
            "{headers:?}"
        );
        Self {
            lines: BufReader::new(Chunks::new(reader)),
        }
    }

    /// The next message; `None` at an end in good order. A stream that is cut off is an error.
    pub fn try_next(&mut self) -> std::io::Result<Option<Update>> {
        let (mut id, mut data) = (None, None);
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                return match data {
                    None => Ok(None),
                    Some(_) => Err(ErrorKind::UnexpectedEof.into()),
                };
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if let Some(value) = line.strip_prefix("id: ") {
                id = value.parse().ok();
            } else if let Some(value) = line.strip_prefix("data: ") {
                data = Some(serde_json::from_str(value)?);
            } else if line.is_empty()
                && let Some(data) = data.take()
            {
                return Ok(Some(Update { id, data }));
            }
        }
    }

    /// The next message; a stream that is cut off fails the test.
    #[track_caller]
    pub fn next(&mut self) -> Option<Update> {
        self.try_next()
            .unwrap_or_else(|error| panic!("the stream is cut off: {error}"))
    }

    /// The next message for which this holds. `what` completes "waited in vain for …".
    #[track_caller]
    pub fn until(&mut self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        while let Some(update) = self.next() {
            if holds(&update.data) {
                return update.data;
            }
        }
        panic!("the stream ended; waited in vain for {what}");
    }

    /// The last message, once the stream has ended in good order.
    #[track_caller]
    pub fn last(&mut self) -> Value {
        let mut last = Value::Null;
        while let Some(update) = self.next() {
            last = update.data;
        }
        last
    }
}
