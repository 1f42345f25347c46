//! Dot-stuffing and its end mark (RFC 5321 §4.5.2), for any division of the message into pieces.

use memchr::{memchr_iter, memchr2, memmem};

/// A CR or LF that stands alone. Servers disagree on what it means, so it never goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a CR or LF stands alone; lines of a message end with CR LF")]
pub struct BareLineBreak;

/// Looks through a whole message for a CR or LF that stands alone.
pub fn check_line_breaks(message: &[u8]) -> Result<(), BareLineBreak> {
    let mut pairs = 0;
    for line_feed in memchr_iter(b'\n', message) {
        if line_feed == 0 || message[line_feed - 1] != b'\r' {
            return Err(BareLineBreak);
        }
        pairs += 1;
    }
    // Each LF has its CR; so one CR more than LFs is a CR alone.
    match memchr_iter(b'\r', message).count() == pairs {
        true => Ok(()),
        false => Err(BareLineBreak),
    }
}

/// Writes a message with a dot doubled at each line's start. Lines must end with CRLF.
#[derive(Debug)]
pub struct DotStuffer {
    at_line_start: bool,
}

impl Default for DotStuffer {
    fn default() -> Self {
        Self {
            at_line_start: true,
        }
    }
}

impl DotStuffer {
    /// Appends the next piece of the message to `out`.
    pub fn stuff(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let Some(last) = piece.last() else { return };
        if self.at_line_start && piece[0] == b'.' {
            out.push(b'.');
        }
        let mut copied = 0;
        for line_feed in memmem::find_iter(piece, b"\n.") {
            out.extend_from_slice(&piece[copied..=line_feed]);
            out.push(b'.');
            copied = line_feed + 1;
        }
        out.extend_from_slice(&piece[copied..]);
        self.at_line_start = *last == b'\n';
    }

    /// Appends the end mark, ending the last line first when it has no end.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.at_line_start {
            true => b".\r\n",
            false => b"\r\n.\r\n",
        });
    }
}

/// Reads a dot-stuffed message. Only CRLF "." CRLF ends it; a CR or LF alone is an error.
#[derive(Debug, Default)]
pub struct DotDecoder {
    place: Place,
}

/// What was read last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    LineStart,
    FirstDot,
    FirstDotCr,
    Text,
    TextCr,
}

/// How far [`DotDecoder::decode`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that belong to the message.
    pub consumed: usize,
    /// Whether the end mark was among them.
    pub ended: bool,
}

impl DotDecoder {
    /// Reads from `input` up to its end or the message's, handing the message's bytes to `body`.
    pub fn decode(
        &mut self,
        input: &[u8],
        mut body: impl FnMut(&[u8]),
    ) -> Result<Decoded, BareLineBreak> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match (self.place, byte) {
                (Place::LineStart, b'.') => self.place = Place::FirstDot,
                (Place::FirstDot, b'\r') => self.place = Place::FirstDotCr,
                (Place::FirstDotCr, b'\n') => {
                    self.place = Place::LineStart;
                    let consumed = at + 1;
                    return Ok(Decoded {
                        consumed,
                        ended: true,
                    });
                }
                (Place::TextCr, b'\n') => {
                    body(b"\r\n");
                    self.place = Place::LineStart;
                }
                (Place::FirstDotCr | Place::TextCr, _) => return Err(BareLineBreak),
                (Place::LineStart | Place::FirstDot | Place::Text, _) => {
                    at += self.take_text(&input[at..], &mut body)?;
                    continue;
                }
            }
            at += 1;
        }
        Ok(Decoded {
            consumed: at,
            ended: false,
        })
    }

    /// Takes text up to its line's end; gives how many bytes that was.
    fn take_text(
        &mut self,
        rest: &[u8],
        body: &mut impl FnMut(&[u8]),
    ) -> Result<usize, BareLineBreak> {
        let Some(found) = memchr2(b'\r', b'\n', rest) else {
            body(rest);
            self.place = Place::Text;
            return Ok(rest.len());
        };
        if rest[found] == b'\n' {
            return Err(BareLineBreak);
        }
        if rest.get(found + 1) == Some(&b'\n') {
            body(&rest[..found + 2]);
            self.place = Place::LineStart;
            return Ok(found + 2);
        }
        body(&rest[..found]);
        self.place = Place::TextCr;
        Ok(found + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stuffed(message: &[u8], piece: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut stuffer = DotStuffer::default();
        for part in message.chunks(piece) {
            stuffer.stuff(part, &mut out);
        }
        stuffer.finish(&mut out);
        out
    }

    #[test]
    fn dots_are_doubled_at_line_starts_only() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"", b".\r\n"),
            (b".", b"..\r\n.\r\n"),
            (b"a.b\r\n", b"a.b\r\n.\r\n"),
            (b".\r\n.\r\n", b"..\r\n..\r\n.\r\n"),
            (b"a\r\n..b\r\n", b"a\r\n...b\r\n.\r\n"),
            (b"a\r\n.", b"a\r\n..\r\n.\r\n"),
        ];
        for (given, expected) in cases {
            for piece in 1..=given.len().max(1) {
                assert_eq!(stuffed(given, piece), expected, "{given:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_line_break_that_stands_alone_is_found() {
        assert_eq!(check_line_breaks(b""), Ok(()));
        assert_eq!(check_line_breaks(b"a\r\nb\r\n\r\nc"), Ok(()));
        for bare in [
            "\n", "\r", "a\nb", "a\rb", "a\r\r\nb", "a\r\n\n", "a\r\nb\r",
        ] {
            assert!(check_line_breaks(bare.as_bytes()).is_err(), "{bare:?}");
        }
    }

    #[test]
    fn the_decoder_stops_right_after_the_end_mark() {
        let mut body = Vec::new();
        let input = b"..a\r\nb\r\n.\r\nQUIT\r\n";
        let decoded = DotDecoder::default()
            .decode(input, |part| body.extend_from_slice(part))
            .unwrap();
        assert!(decoded.ended);
        assert_eq!(&input[decoded.consumed..], b"QUIT\r\n");
        assert_eq!(body, b".a\r\nb\r\n");
    }
}
