//! Text of any language in a header, as encoded words (RFC 2047).

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;

use super::header::HeaderLine;

/// Longest encoded word in bytes (RFC 2047 §2).
const WORD_BYTES_MAX: usize = 75;
/// What stands around the encoded text: `=?utf-8?q?` and `?=`.
const FRAME_BYTES: usize = 12;
/// Fewest bytes of encoded text worth beginning on a line: the longest character takes twelve.
const PAYLOAD_BYTES_MIN: usize = 12;
/// Most bytes of encoded text in a word.
const PAYLOAD_BYTES_MAX: usize = WORD_BYTES_MAX - FRAME_BYTES;

#[derive(Clone, Copy)]
enum Encoding {
    /// `Q`: readable, each other byte is three.
    Quoted,
    /// `B`: four for three.
    Base64,
}

/// Writes a text as encoded words, as many as it needs. No character is cut in two.
pub(super) fn write(line: &mut HeaderLine<'_>, text: &str) {
    let encoding = Encoding::shorter_for(text);
    let mut payload = String::with_capacity(PAYLOAD_BYTES_MAX);
    let mut rest = text;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(encoding.fitting(rest, payload_bytes(line)));
        payload.clear();
        encoding.encode(now, &mut payload);
        line.word(&[encoding.opening(), payload.as_bytes(), b"?="]);
        rest = later;
    }
}

/// How much encoded text the next word may have: what is left of the line, or a whole word on the
/// next.
fn payload_bytes(line: &HeaderLine<'_>) -> usize {
    match line.room().min(WORD_BYTES_MAX).saturating_sub(FRAME_BYTES) {
        0..PAYLOAD_BYTES_MIN => PAYLOAD_BYTES_MAX,
        left => left,
    }
}

/// What may stand for itself in a `Q` word, also within a display name (RFC 2047 §5, rule 3).
fn is_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'*' | b'+' | b'-' | b'/')
}

fn quoted_bytes(text: &str) -> usize {
    let width = |byte| {
        if is_literal(byte) || byte == b' ' {
            1
        } else {
            3
        }
    };
    text.bytes().map(width).sum()
}

// === impl Encoding ===

impl Encoding {
    fn shorter_for(text: &str) -> Self {
        match quoted_bytes(text) <= Self::Base64.width(text.len()) {
            true => Self::Quoted,
            false => Self::Base64,
        }
    }

    fn opening(self) -> &'static [u8] {
        match self {
            Self::Quoted => b"=?utf-8?q?",
            Self::Base64 => b"=?utf-8?b?",
        }
    }

    /// The bytes of `text` whose whole characters fit into `payload_bytes`.
    fn fitting(self, text: &str, payload_bytes: usize) -> usize {
        let (mut end, mut quoted) = (0, 0);
        for character in text.chars() {
            let next = end + character.len_utf8();
            quoted += quoted_bytes(&text[end..next]);
            let width = match self {
                Self::Quoted => quoted,
                Self::Base64 => self.width(next),
            };
            if width > payload_bytes {
                break;
            }
            end = next;
        }
        end
    }

    /// The length of base64 for so many bytes.
    fn width(self, bytes: usize) -> usize {
        bytes.div_ceil(3) * 4
    }

    fn encode(self, text: &str, payload: &mut String) {
        match self {
            Self::Quoted => text.bytes().for_each(|byte| quote(byte, payload)),
            Self::Base64 => STANDARD.encode_string(text, payload),
        }
    }
}

fn quote(byte: u8, payload: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    match byte {
        b' ' => payload.push('_'),
        _ if is_literal(byte) => payload.push(char::from(byte)),
        _ => payload.extend([
            '=',
            HEX[usize::from(byte >> 4)],
            HEX[usize::from(byte & 15)],
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::FieldName;
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        let mut line = HeaderLine::begin(&mut out, FieldName::SUBJECT);
        write(&mut line, text);
        line.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_shorter_encoding_is_taken() {
        assert_eq!(
            written("Grüße an alle Freunde"),
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_an_alle_Freunde?=\r\n"
        );
        assert_eq!(written("你好"), "Subject: =?utf-8?b?5L2g5aW9?=\r\n");
    }

    #[test]
    fn words_are_short_and_characters_whole() {
        for text in [
            "ü".repeat(500),
            "😀".repeat(300),
            "aé ".repeat(200),
            "x".repeat(999),
        ] {
            let lines = written(&text);
            for line in lines.trim_end().split("\r\n") {
                assert!(line.len() <= 76, "{line}");
                let word = line.trim_start_matches("Subject:").trim();
                assert!(word.len() <= WORD_BYTES_MAX, "{word}");
                let payload = &word[10..word.len() - 2];
                if word.starts_with("=?utf-8?b?") {
                    assert!(String::from_utf8(STANDARD.decode(payload).unwrap()).is_ok());
                }
            }
        }
    }
}
