//! The parts of a message, found within bounds that no nesting, count or length of theirs can exceed.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{ContentType, HeaderName, MessageParser, MimeHeaders};
use memchr::{memchr, memchr_iter};

use super::ANALYSED_BYTES_MAX;

/// How deep parts may stand in parts.
const DEPTH_MAX: usize = 20;
/// How many parts a message may have, at all depths together.
const PARTS_MAX: usize = 1_000;
/// The longest block of headers, in bytes.
const HEADER_BYTES_MAX: usize = 256 * 1024;
/// How much of a part's text is looked at, in bytes: no mail system explains itself at greater length.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Why a message was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Parts stand too deep in parts.
    #[error("its parts are nested more than {DEPTH_MAX} deep")]
    TooDeep,
    /// It has too many parts.
    #[error("it has more than {PARTS_MAX} parts")]
    TooManyParts,
    /// A block of headers is too long.
    #[error("a block of its headers is longer than {HEADER_BYTES_MAX} bytes")]
    HeadersTooLong,
}

/// A message: its headers, and its parts that hold no other parts, in order.
pub(crate) struct Message<'x> {
    pub headers: Headers<'x>,
    pub parts: Vec<Part<'x>>,
}

/// A block of headers.
pub(crate) struct Headers<'x>(Option<mail_parser::Message<'x>>);

/// A part that holds no other parts. An enclosed message is one, as are its headers.
pub(crate) struct Part<'x> {
    headers: Headers<'x>,
    /// Its type in lower case: `text/plain`.
    pub kind: String,
    body: &'x [u8],
}

impl<'x> Message<'x> {
    /// Finds the parts in the first [`ANALYSED_BYTES_MAX`] bytes.
    pub fn parse(bytes: &'x [u8]) -> Result<Self, Refused> {
        let bytes = &bytes[..bytes.len().min(ANALYSED_BYTES_MAX)];
        let (headers, _) = Headers::split(bytes)?;
        let mut parts = Vec::new();
        let mut count = 0;
        // What is still to be opened, the next one last.
        let mut unopened = vec![(bytes, 0)];
        while let Some((bytes, depth)) = unopened.pop() {
            count += 1;
            if count > PARTS_MAX {
                return Err(Refused::TooManyParts);
            }
            let (headers, body) = Headers::split(bytes)?;
            match headers.boundary() {
                None => parts.push(Part::new(headers, body)),
                Some(_) if depth == DEPTH_MAX => return Err(Refused::TooDeep),
                Some(boundary) => {
                    let inside = between(body, boundary.as_bytes())?;
                    unopened.extend(inside.into_iter().rev().map(|part| (part, depth + 1)));
                }
            }
        }
        Ok(Self { headers, parts })
    }

    /// The first part of one of these types.
    pub fn part(&self, kinds: &[&str]) -> Option<&Part<'x>> {
        self.parts.iter().find(|part| kinds.contains(&&*part.kind))
    }

    /// What a person would read of it: its texts, plain ones if there are any.
    pub fn text(&self) -> String {
        let of_kind = |kind: &str| {
            let texts = self.parts.iter().filter(|part| part.kind == kind);
            texts.map(Part::text).collect::<Vec<_>>().join("\n\n")
        };
        let plain = of_kind("text/plain");
        let text = if plain.trim().is_empty() {
            of_kind("text/html")
        } else {
            plain
        };
        cut(&text, TEXT_BYTES_MAX).to_owned()
    }
}

impl<'x> Headers<'x> {
    /// Splits a message or part at its first empty line.
    fn split(bytes: &'x [u8]) -> Result<(Self, &'x [u8]), Refused> {
        let end = header_end(bytes);
        if end > HEADER_BYTES_MAX {
            return Err(Refused::HeadersTooLong);
        }
        let (block, body) = bytes.split_at(end);
        Ok((Self(MessageParser::default().parse_headers(block)), body))
    }

    /// A header as it stands, on one line.
    pub fn raw(&self, name: &str) -> Option<&str> {
        let message = self.0.as_ref()?;
        let mut headers = message.headers().iter();
        let header = headers.find(|header| header.name().eq_ignore_ascii_case(name))?;
        let value = header.offset_start() as usize..header.offset_end() as usize;
        let value = std::str::from_utf8(message.raw_message().get(value)?).ok()?;
        Some(value.trim())
    }

    /// The subject, decoded.
    pub fn subject(&self) -> &str {
        self.0
            .as_ref()
            .and_then(|message| message.subject())
            .unwrap_or_default()
    }

    /// Name and address of the first sender.
    pub fn from(&self) -> (&str, &str) {
        let first = self.0.as_ref().and_then(|message| message.from()?.first());
        first.map_or(("", ""), |from| {
            (
                from.name().unwrap_or_default(),
                from.address().unwrap_or_default(),
            )
        })
    }

    fn content_type(&self) -> Option<&ContentType<'x>> {
        let headers = self.0.as_ref()?.headers().iter().rev();
        let mut values = headers.filter(|header| header.name == HeaderName::ContentType);
        values.find_map(|header| header.value.as_content_type())
    }

    /// The type in lower case; plain text where none is named.
    pub fn kind(&self) -> String {
        let kind = self.content_type().map_or_else(
            || "text/plain".to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()),
        );
        kind.to_ascii_lowercase()
    }

    fn boundary(&self) -> Option<&str> {
        let kind = self.content_type()?;
        let is_multipart = kind.ctype().eq_ignore_ascii_case("multipart");
        let boundary = kind
            .attribute("boundary")
            .filter(|boundary| !boundary.is_empty());
        boundary.filter(|_| is_multipart)
    }
}

impl<'x> Part<'x> {
    fn new(headers: Headers<'x>, body: &'x [u8]) -> Self {
        Self {
            kind: headers.kind(),
            headers,
            body,
        }
    }

    /// The value of the type's parameter `name` or the disposition's `filename`.
    pub fn file_name(&self) -> Option<&str> {
        self.headers.0.as_ref()?.root_part().attachment_name()
    }

    /// Its bytes, decoded. What is broken is taken as it stands.
    pub fn bytes(&self) -> Cow<'x, [u8]> {
        let encoding = self
            .headers
            .raw("Content-Transfer-Encoding")
            .unwrap_or_default();
        let decoded = match encoding.to_ascii_lowercase().as_str() {
            "base64" => base64_decode(self.body),
            "quoted-printable" => quoted_printable_decode(self.body),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(self.body), Cow::Owned)
    }

    /// Its beginning as text, from whatever character set and mark-up.
    pub fn text(&self) -> String {
        let bytes = self.bytes();
        let bytes = &bytes[..bytes.len().min(TEXT_BYTES_MAX)];
        let charset = self
            .headers
            .content_type()
            .and_then(|kind| kind.attribute("charset"));
        let decoder = charset.and_then(|charset| charset_decoder(charset.as_bytes()));
        let text = decoder.map_or_else(
            || String::from_utf8_lossy(bytes).into_owned(),
            |decode| decode(bytes),
        );
        match self.kind.as_str() {
            "text/html" => html_to_text(&text),
            _ => text,
        }
    }
}

/// A text's beginning.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Where the body begins: behind the first empty line.
fn header_end(bytes: &[u8]) -> usize {
    let mut start = 0;
    for end in memchr_iter(b'\n', bytes) {
        if matches!(&bytes[start..end], b"" | b"\r") {
            return end + 1;
        }
        start = end + 1;
    }
    bytes.len()
}

/// The parts between the lines that hold the boundary (RFC 2046 §5.1.1). The last one may lack its end.
fn between<'x>(body: &'x [u8], boundary: &[u8]) -> Result<Vec<&'x [u8]>, Refused> {
    let mut parts = Vec::new();
    let mut part_start = None;
    let mut line_start = 0;
    while line_start < body.len() {
        let rest = &body[line_start..];
        let line = &rest[..memchr(b'\n', rest).map_or(rest.len(), |end| end + 1)];
        if let Some(mark) = Mark::read(line, boundary) {
            if let Some(start) = part_start {
                parts.push(&body[start..line_start]);
            }
            if mark == Mark::Last {
                return Ok(parts);
            }
            if parts.len() > PARTS_MAX {
                return Err(Refused::TooManyParts);
            }
            part_start = Some(line_start + line.len());
        }
        line_start += line.len();
    }
    parts.extend(part_start.map(|start| &body[start..]));
    Ok(parts)
}

/// A line with a boundary.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Next,
    Last,
}

impl Mark {
    fn read(line: &[u8], boundary: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
        match rest.trim_ascii_end() {
            b"" => Some(Self::Next),
            b"--" => Some(Self::Last),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(message: &str) -> Vec<String> {
        let parts = Message::parse(message.as_bytes()).unwrap().parts;
        parts.into_iter().map(|part| part.kind).collect()
    }

    #[test]
    fn parts_are_found_in_order_and_enclosed_messages_stay_closed() {
        let message = "Content-Type: multipart/report; boundary=\"a\"\n\npreamble\n--a\n\nhello\n\
            --a\nContent-Type: Multipart/Mixed; boundary=ab\n\n--ab\nContent-Type: TEXT/HTML\n\n<p>x\n--ab--\n\
            --a\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=z\n\n--z\n\n--z--\n--a--\n";
        assert_eq!(
            kinds(message),
            ["text/plain", "text/html", "message/rfc822"]
        );
        let crlf = message.replace('\n', "\r\n");
        assert_eq!(kinds(&crlf), ["text/plain", "text/html", "message/rfc822"]);
    }

    #[test]
    fn a_message_without_end_or_without_headers_is_still_read() {
        let cut_off = "Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a\n\ntwo";
        assert_eq!(kinds(cut_off).len(), 2);
        assert_eq!(kinds(""), ["text/plain"]);
        assert_eq!(
            Message::parse(b"\n\xff\xfe\0").unwrap().text(),
            "\u{fffd}\u{fffd}\0"
        );
    }

    #[test]
    fn text_is_decoded_from_its_encoding_and_character_set() {
        let message = b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
            nicht zustellb=E4r=\n!";
        assert_eq!(Message::parse(message).unwrap().text(), "nicht zustellbär!");
        let message = b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPHA+YTxiPmI8L2I+PC9wPg==\n";
        assert_eq!(Message::parse(message).unwrap().text().trim(), "ab");
    }

    #[test]
    fn bounds_refuse_depth_count_and_length() {
        let nested: String = (0..DEPTH_MAX + 2)
            .map(|depth| {
                format!("Content-Type: multipart/mixed; boundary=b{depth}\n\n--b{depth}\n")
            })
            .collect();
        assert_eq!(
            Message::parse(nested.as_bytes()).err(),
            Some(Refused::TooDeep)
        );
        let many = format!(
            "Content-Type: multipart/mixed; boundary=a\n\n{}",
            "--a\n\n".repeat(5_000)
        );
        assert_eq!(
            Message::parse(many.as_bytes()).err(),
            Some(Refused::TooManyParts)
        );
        let long = format!("X: {}\n\nbody", "x".repeat(HEADER_BYTES_MAX));
        assert_eq!(
            Message::parse(long.as_bytes()).err(),
            Some(Refused::HeadersTooLong)
        );
    }
}
