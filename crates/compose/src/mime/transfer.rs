//! How a text becomes lines of ASCII: as it is, quoted-printable or base64 (RFC 2045 §6).

use memchr::{memchr, memchr2, memmem};

use super::base64::{self, Base64Lines};
use super::{CRLF, IdText, LINE_BYTES_MAX, quoted_printable};

/// Writes `Content-Transfer-Encoding`, the empty line and the text.
///
/// Each line end of the text (CRLF, LF or CR) becomes CRLF; the last line gets one if it has none.
/// A text in which the message's id occurs is never written as it is, since boundaries are made
/// from that id: what is encoded cannot hold their `=_`.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str, id: &IdText) {
    let text = text.as_bytes();
    if is_seven_bit(text) && memmem::find(text, id.as_bytes()).is_none() {
        let start = out.len();
        begin(out, b"7bit");
        if write_as_it_is(out, text) {
            return;
        }
        out.truncate(start);
    }
    match quoted_printable::encoded_bytes(text) <= base64::encoded_bytes(text.len()) {
        true => write_quoted(out, text),
        false => write_base64(out, text),
    }
}

fn begin(out: &mut Vec<u8>, encoding: &[u8]) {
    out.extend_from_slice(b"Content-Transfer-Encoding: ");
    out.extend_from_slice(encoding);
    out.extend_from_slice(b"\r\n\r\n");
}

/// ASCII without NUL (RFC 2045 §2.7).
fn is_seven_bit(text: &[u8]) -> bool {
    text.is_ascii() && memchr(0, text).is_none()
}

/// Writes the lines; stops and says `false` at one that is too long to stand as it is.
fn write_as_it_is(out: &mut Vec<u8>, text: &[u8]) -> bool {
    out.reserve(text.len() + text.len() / 16);
    for line in Lines::of(text) {
        if line.len() > LINE_BYTES_MAX {
            return false;
        }
        out.extend_from_slice(line);
        out.extend_from_slice(CRLF);
    }
    true
}

fn write_quoted(out: &mut Vec<u8>, text: &[u8]) {
    begin(out, b"quoted-printable");
    Lines::of(text).for_each(|line| quoted_printable::write_line(out, line));
}

fn write_base64(out: &mut Vec<u8>, text: &[u8]) {
    begin(out, b"base64");
    let mut lines = Base64Lines::new(out);
    for line in Lines::of(text) {
        lines.push(line);
        // The canonical form of a text has CRLF, also under base64 (RFC 2045 §6.8).
        lines.push(CRLF);
    }
    lines.end();
}

/// The lines of a text, without their ends. There is always one.
struct Lines<'a> {
    rest: Option<&'a [u8]>,
}

// === impl Lines ===

impl<'a> Lines<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self { rest: Some(text) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.take()?;
        let Some(end) = memchr2(b'\r', b'\n', text) else {
            return Some(text);
        };
        let rest = match text[end..].starts_with(CRLF) {
            true => &text[end + 2..],
            false => &text[end + 1..],
        };
        self.rest = (!rest.is_empty()).then_some(rest);
        Some(&text[..end])
    }
}

#[cfg(test)]
mod tests {
    use model::{MessageId, Seq, Timestamp};

    use super::*;

    fn id() -> IdText {
        MessageId::new(Timestamp::from_millis(0), 7, Seq::new(1)).into()
    }

    fn written(text: &str) -> (String, String) {
        let mut out = Vec::new();
        write_text(&mut out, text, &id());
        let whole = String::from_utf8(out).unwrap();
        let (header, body) = whole.split_once("\r\n\r\n").unwrap();
        let encoding = header.strip_prefix("Content-Transfer-Encoding: ").unwrap();
        (encoding.to_owned(), body.to_owned())
    }

    fn seven_bit(text: &str) -> (String, String) {
        ("7bit".to_owned(), text.to_owned())
    }

    #[test]
    fn every_line_end_becomes_crlf() {
        assert_eq!(written("a\nb\r\nc\rd"), seven_bit("a\r\nb\r\nc\r\nd\r\n"));
        assert_eq!(
            written("a\n\r\n\r\rb\n"),
            seven_bit("a\r\n\r\n\r\n\r\nb\r\n")
        );
        assert_eq!(written(""), seven_bit("\r\n"));
        assert_eq!(written("\n"), seven_bit("\r\n"));
        assert_eq!(written(".\n..\n"), seven_bit(".\r\n..\r\n"));
    }

    #[test]
    fn what_cannot_stand_as_it_is_takes_the_shorter_encoding() {
        assert_eq!(written(&"x".repeat(998)).0, "7bit");
        assert_eq!(written(&"x".repeat(999)).0, "quoted-printable");
        assert_eq!(written("a\0b").0, "quoted-printable");
        assert_eq!(
            written("Grüße an alle Freunde\n"),
            (
                "quoted-printable".to_owned(),
                "Gr=C3=BC=C3=9Fe an alle Freunde\r\n".to_owned()
            )
        );
        assert_eq!(written("你好你好").0, "base64");
    }

    #[test]
    fn a_text_that_holds_the_boundary_is_encoded() {
        let id = id();
        let hostile = format!(
            "--=_alt_{}--\n",
            std::str::from_utf8(id.as_bytes()).unwrap()
        );
        let (encoding, body) = written(&hostile);
        assert_eq!(encoding, "quoted-printable");
        assert!(!body.contains("=_"), "{body}");
    }
}
