//! Lines and literals over a connection, within bounds.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use super::error::Error;
use super::response::{Response, literal_length};
use crate::bounce::ANALYSED_BYTES_MAX;

/// The longest answer without its literals, in bytes: a search may name 100,000 messages.
const LINE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How many literals an answer may have; ours have one.
const LITERALS_MAX: usize = 16;
/// The longest literal, in bytes. What exceeds the bytes that are looked at is read and thrown away, because some
/// servers send the whole message where a part of it was asked for.
const LITERAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a connection runs over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection to an IMAP server.
pub(super) struct Wire(BufReader<Box<dyn Stream>>);

impl Wire {
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self(BufReader::new(stream))
    }

    /// The stream underneath, unless the server has sent more than was read of it: what came before TLS must never
    /// be taken for something that came through it.
    pub fn into_stream(self) -> Result<Box<dyn Stream>, Error> {
        match self.0.buffer().is_empty() {
            true => Ok(self.0.into_inner()),
            false => Err(Error::Insecure(
                "the server said more before TLS than it may",
            )),
        }
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write_all(bytes).await?;
        Ok(self.0.flush().await?)
    }

    /// Reads one answer with its literals.
    pub async fn response(&mut self) -> Result<Response, Error> {
        let mut line = Vec::new();
        let mut literals = Vec::new();
        loop {
            let start = line.len();
            self.read_line(&mut line).await?;
            // Nothing may follow a literal, and then the announcement of the last one still stands at the end.
            let Some(length) = literal_length(&line[start..]) else {
                let line = String::from_utf8_lossy(&line).into_owned();
                return Ok(Response { line, literals });
            };
            if literals.len() == LITERALS_MAX {
                return Err(Error::Protocol("too many literals in one answer"));
            }
            literals.push(self.read_literal(length).await?);
        }
    }

    /// Appends a line without its end.
    async fn read_line(&mut self, line: &mut Vec<u8>) -> Result<(), Error> {
        let left = (LINE_BYTES_MAX - line.len()) as u64;
        let read = (&mut self.0).take(left).read_until(b'\n', line).await?;
        if line.pop_if(|byte| *byte == b'\n').is_none() {
            return Err(match read as u64 == left {
                true => Error::Protocol("an answer is too long"),
                false => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
            });
        }
        line.pop_if(|byte| *byte == b'\r');
        Ok(())
    }

    /// Reads a literal and keeps its beginning.
    async fn read_literal(&mut self, length: u64) -> Result<Vec<u8>, Error> {
        if length > LITERAL_BYTES_MAX {
            return Err(Error::Protocol("a literal is too long"));
        }
        let kept = length.min(ANALYSED_BYTES_MAX as u64);
        // It grows with what arrives, not with what was announced.
        let mut literal = Vec::new();
        (&mut self.0).take(kept).read_to_end(&mut literal).await?;
        let mut rest = (&mut self.0).take(length - kept);
        let thrown_away = tokio::io::copy_buf(&mut rest, &mut tokio::io::sink()).await?;
        match literal.len() as u64 + thrown_away == length {
            true => Ok(literal),
            false => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn responses(bytes: &[u8]) -> Vec<Result<Response, Error>> {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let bytes = bytes.to_vec();
        let sender = tokio::spawn(async move { theirs.write_all(&bytes).await });
        let mut wire = Wire::new(Box::new(ours));
        let mut found = Vec::new();
        loop {
            found.push(wire.response().await);
            if found.last().is_some_and(Result::is_err) {
                sender.abort();
                return found;
            }
        }
    }

    #[tokio::test]
    async fn literals_are_kept_and_lines_go_on_behind_them() {
        let found = responses(b"* 1 FETCH (BODY[] {4}\r\na\r\nb UID 5)\r\nA1 OK\r\n").await;
        let first = found[0].as_ref().unwrap();
        assert_eq!(first.line, "* 1 FETCH (BODY[] {4} UID 5)");
        assert_eq!(first.literals, [b"a\r\nb"]);
        assert_eq!(found[1].as_ref().unwrap().line, "A1 OK");
        assert!(matches!(found[2], Err(Error::Closed(_))));
    }

    #[tokio::test]
    async fn what_a_server_sends_too_much_is_thrown_away() {
        let sent = ANALYSED_BYTES_MAX + 100_000;
        let mut bytes = format!("* {{{sent}}}\r\n").into_bytes();
        bytes.resize(bytes.len() + sent, b'x');
        bytes.extend_from_slice(b"\r\nA1 OK\r\n");
        let found = responses(&bytes).await;
        assert_eq!(
            found[0].as_ref().unwrap().literals[0].len(),
            ANALYSED_BYTES_MAX
        );
        assert_eq!(found[1].as_ref().unwrap().line, "A1 OK");
    }

    #[tokio::test]
    async fn endless_lines_literals_and_announcements_are_errors() {
        let endless = vec![b'x'; LINE_BYTES_MAX + 1];
        assert!(matches!(
            responses(&endless).await[0],
            Err(Error::Protocol(_))
        ));
        let huge = b"* {99999999999}\r\n";
        assert!(matches!(responses(huge).await[0], Err(Error::Protocol(_))));
        let many = b"{1}\r\nx".repeat(LITERALS_MAX + 1);
        assert!(matches!(responses(&many).await[0], Err(Error::Protocol(_))));
        let cut_off = b"* {10}\r\nx";
        assert!(matches!(responses(cut_off).await[0], Err(Error::Closed(_))));
    }
}
