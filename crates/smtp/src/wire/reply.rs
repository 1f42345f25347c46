//! Replies: found in the input one whole reply at a time, within bounds, and cleaned when somebody keeps one.

use memchr::memchr;
use model::{EnhancedCode, Reply};

use super::buffer::InputBuffer;
use super::text;

/// Longest line of a reply, its CRLF included, in bytes (RFC 5321 §4.5.3.1.5 asks for 512).
pub const REPLY_LINE_BYTES_MAX: usize = 4096;
/// Most lines of one reply.
pub const REPLY_LINES_MAX: usize = 128;
/// Longest reply, in bytes.
pub const REPLY_BYTES_MAX: usize = 32 * 1024;
/// Most bytes of a reply's text that are kept in a [`Reply`].
pub const REPLY_TEXT_BYTES_MAX: usize = 4096;

const BUFFER_BYTES: usize = 2048;

/// What came is no SMTP reply. After this the connection cannot be trusted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line without an end in sight.
    #[error("a line of the reply is longer than {REPLY_LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// A multi-line reply without an end in sight.
    #[error("the reply has more than {REPLY_LINES_MAX} lines or {REPLY_BYTES_MAX} bytes")]
    TooLong,
    /// The line does not begin with three digits from 200 to 599.
    #[error("the reply does not begin with a code from 200 to 599")]
    Code,
    /// Neither a space nor a hyphen follows the code.
    #[error("the reply's code is not followed by a space or a hyphen")]
    Separator,
    /// The lines of one reply carry different codes.
    #[error("the lines of the reply carry different codes")]
    MixedCodes,
}

/// One whole reply as it lies in the reader's buffer: cheap to look at, made into a [`Reply`] only to keep.
#[derive(Clone, Copy, Debug)]
pub struct RawReply<'a> {
    /// The three digits, 200 to 599.
    pub code: u16,
    bytes: &'a [u8],
}

/// Collects bytes and finds whole replies in them. Work is linear in the bytes, whatever their pieces.
#[derive(Debug)]
pub struct ReplyReader {
    input: InputBuffer,
    frame: Frame,
}

/// How far the reply at the front of the buffer has been looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    code: u16,
    lines: usize,
    line_start: usize,
    searched: usize,
    /// Length of the whole reply, once its last line is there.
    complete: Option<usize>,
}

// === impl ReplyReader ===

impl Default for ReplyReader {
    fn default() -> Self {
        Self {
            input: InputBuffer::new(BUFFER_BYTES, REPLY_BYTES_MAX + REPLY_LINE_BYTES_MAX),
            frame: Frame::default(),
        }
    }
}

impl ReplyReader {
    /// Where the next read goes; see [`InputBuffer::space`].
    pub fn space(&mut self) -> &mut [u8] {
        self.input.space()
    }

    /// Says that `count` bytes were read.
    pub fn filled(&mut self, count: usize) {
        self.input.filled(count);
    }

    /// Whether no byte waits to be used.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// Whether a whole reply is there.
    pub fn has_reply(&mut self) -> Result<bool, ReplyError> {
        while self.frame.complete.is_none() {
            let bytes = self.input.unread();
            let Some(offset) = memchr(b'\n', &bytes[self.frame.searched..]) else {
                self.frame.searched = bytes.len();
                return match bytes.len() - self.frame.line_start > REPLY_LINE_BYTES_MAX {
                    true => Err(ReplyError::LineTooLong),
                    false => Ok(false),
                };
            };
            self.frame.take_line(bytes, self.frame.searched + offset)?;
        }
        Ok(true)
    }

    /// The reply at the front, if it is whole.
    pub fn take(&mut self) -> Result<Option<RawReply<'_>>, ReplyError> {
        if !self.has_reply()? {
            return Ok(None);
        }
        let frame = std::mem::take(&mut self.frame);
        let bytes = self.input.take(frame.complete.unwrap_or(0));
        Ok(Some(RawReply {
            code: frame.code,
            bytes,
        }))
    }
}

// === impl Frame ===

impl Frame {
    /// Takes the line that ends with the line feed at `line_feed`.
    fn take_line(&mut self, bytes: &[u8], line_feed: usize) -> Result<(), ReplyError> {
        let next_line = line_feed + 1;
        if next_line - self.line_start > REPLY_LINE_BYTES_MAX {
            return Err(ReplyError::LineTooLong);
        }
        let line = without_line_end(&bytes[self.line_start..next_line]);
        let (code, is_last) = parse_line(line)?;
        if self.lines > 0 && code != self.code {
            return Err(ReplyError::MixedCodes);
        }
        self.code = code;
        self.lines += 1;
        if self.lines > REPLY_LINES_MAX || next_line > REPLY_BYTES_MAX {
            return Err(ReplyError::TooLong);
        }
        (self.line_start, self.searched) = (next_line, next_line);
        self.complete = is_last.then_some(next_line);
        Ok(())
    }
}

/// The code of a line and whether it is its reply's last (RFC 5321 §4.2.1).
fn parse_line(line: &[u8]) -> Result<(u16, bool), ReplyError> {
    let digits = line.get(..3).ok_or(ReplyError::Code)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(ReplyError::Code);
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    if !(200..=599).contains(&code) {
        return Err(ReplyError::Code);
    }
    match line.get(3) {
        None | Some(b' ') => Ok((code, true)),
        Some(b'-') => Ok((code, false)),
        Some(_) => Err(ReplyError::Separator),
    }
}

/// A line without its CRLF. Some servers end a line with a bare LF; in a reply that harms nobody.
fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

// === impl RawReply ===

impl<'a> RawReply<'a> {
    /// Whether it is a 2xx.
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it says no, for now or for good: a 4xx or 5xx.
    pub fn is_refusal(&self) -> bool {
        (400..600).contains(&self.code)
    }

    /// The reply's bytes as they came.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The text of each line, without code and line end.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.bytes
            .split_inclusive(|&b| b == b'\n')
            .map(|line| without_line_end(line).get(4..).unwrap_or_default())
    }

    /// The reply to keep: cleaned, bounded, the enhanced code taken from its text (RFC 2034 §4).
    pub fn to_reply(&self) -> Reply {
        let mut kept = String::with_capacity(self.bytes.len().min(REPLY_TEXT_BYTES_MAX));
        let mut enhanced = None;
        for (number, line) in self.lines().enumerate() {
            let (code, rest) = self.split_enhanced(line);
            if number == 0 {
                enhanced = code;
            } else {
                kept.push('\n');
            }
            let own_text = if code == enhanced { rest } else { line };
            text::push_clean(&mut kept, own_text);
        }
        text::truncate(&mut kept, REPLY_TEXT_BYTES_MAX);
        Reply {
            code: self.code,
            enhanced,
            text: kept.into_boxed_str(),
        }
    }

    /// The enhanced code in front of a line, if its class agrees with the reply's.
    fn split_enhanced(&self, line: &'a [u8]) -> (Option<EnhancedCode>, &'a [u8]) {
        // The longest code is `5.123.123` and a space.
        let head = &line[..line.len().min(10)];
        let ascii_end = head
            .iter()
            .position(|b| !b.is_ascii())
            .unwrap_or(head.len());
        let found = std::str::from_utf8(&head[..ascii_end])
            .ok()
            .and_then(EnhancedCode::split_from)
            .filter(|(code, _)| u16::from(code.0) == self.code / 100);
        match found {
            Some((code, rest)) => (Some(code), &line[ascii_end - rest.len()..]),
            None => (None, line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads everything in pieces of `piece` bytes.
    fn read(bytes: &[u8], piece: usize) -> Result<Vec<Reply>, ReplyError> {
        let mut reader = ReplyReader::default();
        let mut replies = Vec::new();
        for part in bytes.chunks(piece) {
            reader.space()[..part.len()].copy_from_slice(part);
            reader.filled(part.len());
            while let Some(reply) = reader.take()? {
                replies.push(reply.to_reply());
            }
        }
        Ok(replies)
    }

    fn one(bytes: &[u8]) -> Reply {
        read(bytes, 1).unwrap().remove(0)
    }

    #[test]
    fn replies_are_found_whatever_the_pieces() {
        let wire = b"250-first\r\n250 second\r\n354 go\r\n550 5.1.1 no\r\n250\r\n";
        for piece in 1..=wire.len() {
            let codes: Vec<u16> = read(wire, piece).unwrap().iter().map(|r| r.code).collect();
            assert_eq!(codes, [250, 354, 550, 250], "pieces of {piece}");
        }
    }

    #[test]
    fn the_enhanced_code_leaves_the_text() {
        let reply = one(b"550-5.1.1 No such\r\n550 5.1.1 user here\r\n");
        assert_eq!(reply.enhanced, Some(EnhancedCode(5, 1, 1)));
        assert_eq!(&*reply.text, "No such\nuser here");
        let other_class = one(b"250 5.1.1 odd\r\n");
        assert_eq!(
            (other_class.enhanced, &*other_class.text),
            (None, "5.1.1 odd")
        );
        assert_eq!(one(b"250 2.0.0\r\n").enhanced, Some(EnhancedCode(2, 0, 0)));
    }

    #[test]
    fn hostile_bytes_are_cleaned_in_what_is_kept() {
        let reply = one(b"550 \0nul \x1b[2Jclear \xff\xfe\r\n");
        assert!(
            !reply.text.chars().any(char::is_control),
            "{:?}",
            reply.text
        );
        let long = format!("550-{}\r\n550 end\r\n", "x".repeat(4000));
        assert!(one(long.as_bytes()).text.len() <= REPLY_TEXT_BYTES_MAX);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let cases: [(&[u8], ReplyError); 9] = [
            (b"000 x\r\n", ReplyError::Code),
            (b"999 x\r\n", ReplyError::Code),
            (b"199 x\r\n", ReplyError::Code),
            (b"2500 x\r\n", ReplyError::Separator),
            (b"25\r\n", ReplyError::Code),
            (b"hello\r\n", ReplyError::Code),
            (b"\r\n", ReplyError::Code),
            (b"250-a\r\n251 b\r\n", ReplyError::MixedCodes),
            (b"250_x\r\n", ReplyError::Separator),
        ];
        for (given, expected) in cases {
            assert_eq!(read(given, 1).unwrap_err(), expected);
        }
    }

    #[test]
    fn endless_replies_end() {
        assert_eq!(
            read(&b"250-x\r\n".repeat(1000), 100).unwrap_err(),
            ReplyError::TooLong
        );
        assert_eq!(
            read(&vec![b'2'; 100_000], 100).unwrap_err(),
            ReplyError::LineTooLong
        );
        let line = format!("250-{}\r\n", "x".repeat(1000));
        assert_eq!(
            read(line.repeat(100).as_bytes(), 100).unwrap_err(),
            ReplyError::TooLong
        );
    }
}
