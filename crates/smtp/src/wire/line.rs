//! Command lines: ended by CRLF and by nothing else, bounded, plain text.

use memchr::memchr;

use super::buffer::InputBuffer;

/// Longest command line, its CRLF included, in bytes (RFC 5321 §4.5.3.1.4 asks for 512, AUTH for more).
pub const COMMAND_LINE_BYTES_MAX: usize = 4096;

/// The input is not a line of SMTP. Where the next one begins is unknown, so the connection has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// No line end within the bound.
    #[error("the line is longer than {COMMAND_LINE_BYTES_MAX} bytes")]
    TooLong,
    /// A CR without LF or a LF without CR: what smuggling is made of (RFC 5321 §2.3.8).
    #[error("a line must end with CR LF, and neither may stand alone")]
    BareLineBreak,
}

/// Length of the first whole line in `input`, CRLF included; `None` when more input is needed.
pub fn whole_line(input: &InputBuffer) -> Result<Option<usize>, LineError> {
    let bytes = input.unread();
    let searched = &bytes[..bytes.len().min(COMMAND_LINE_BYTES_MAX)];
    let Some(line_feed) = memchr(b'\n', searched) else {
        return match bytes.len() >= COMMAND_LINE_BYTES_MAX {
            true => Err(LineError::TooLong),
            false => Ok(None),
        };
    };
    match memchr(b'\r', &bytes[..line_feed]) {
        Some(carriage_return) if carriage_return + 1 == line_feed => Ok(Some(line_feed + 1)),
        _ => Err(LineError::BareLineBreak),
    }
}

/// A line's text without its CRLF; `None` when it is not UTF-8 or holds a control character.
pub fn text_of(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line.strip_suffix(b"\r\n")?).ok()?;
    let clean = !text.bytes().any(|b| b.is_ascii_control() && b != b'\t');
    clean.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_line(bytes: &[u8]) -> Result<Option<usize>, LineError> {
        let mut input = InputBuffer::new(8192, 8192);
        input.space()[..bytes.len()].copy_from_slice(bytes);
        input.filled(bytes.len());
        whole_line(&input)
    }

    #[test]
    fn only_crlf_ends_a_line() {
        assert_eq!(first_line(b"NOOP\r\nRSET\r\n"), Ok(Some(6)));
        assert_eq!(first_line(b"NOOP\r"), Ok(None));
        for bare in ["NOOP\n", "NO\rOP\r\n", "NOOP\r\r\n", "\n", "NOOP\nRSET\r\n"] {
            let found = first_line(bare.as_bytes());
            assert_eq!(found, Err(LineError::BareLineBreak), "{bare:?}");
        }
        assert_eq!(first_line(&[b'x'; 5000]), Err(LineError::TooLong));
    }

    #[test]
    fn control_characters_are_no_text() {
        assert_eq!(text_of(b"NOOP \xc3\xa9\r\n"), Some("NOOP é"));
        assert_eq!(text_of(b"NO\0OP\r\n"), None);
        assert_eq!(text_of(b"NO\xffOP\r\n"), None);
    }
}
