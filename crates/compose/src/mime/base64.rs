//! Base64 in lines of 76 (RFC 2045 §6.8).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::CRLF;

/// Longest line.
const LINE_BYTES: usize = 76;
/// What makes such a line.
const LINE_INPUT_BYTES: usize = LINE_BYTES / 4 * 3;

/// Writes bytes, given in pieces, as base64.
pub(super) struct Base64Lines<'a> {
    out: &'a mut Vec<u8>,
    /// What was given and does not fill a line yet.
    pending: Vec<u8>,
}

/// The length of so many bytes as base64, line ends included.
pub(super) fn encoded_bytes(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4 + bytes.div_ceil(LINE_INPUT_BYTES) * CRLF.len()
}

/// Writes all of some bytes as base64.
pub(super) fn write(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(encoded_bytes(bytes.len()));
    let mut lines = Base64Lines::new(out);
    lines.push(bytes);
    lines.end();
}

// === impl Base64Lines ===

impl<'a> Base64Lines<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            pending: Vec::with_capacity(LINE_INPUT_BYTES),
        }
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: &[u8]) {
        let missing = LINE_INPUT_BYTES - self.pending.len();
        let Some((head, rest)) = piece.split_at_checked(missing) else {
            return self.pending.extend_from_slice(piece);
        };
        self.pending.extend_from_slice(head);
        self.write_pending();
        let lines = rest.chunks_exact(LINE_INPUT_BYTES);
        self.pending.extend_from_slice(lines.remainder());
        lines.for_each(|input| self.write_line(input));
    }

    /// Writes what is left.
    pub fn end(mut self) {
        if !self.pending.is_empty() {
            self.write_pending();
        }
    }

    fn write_pending(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.write_line(&pending);
        self.pending = pending;
        self.pending.clear();
    }

    #[expect(clippy::expect_used, reason = "a line has room for its input's base64")]
    fn write_line(&mut self, input: &[u8]) {
        let mut line = [0; LINE_BYTES];
        let bytes = STANDARD.encode_slice(input, &mut line).expect("room");
        self.out.extend_from_slice(&line[..bytes]);
        self.out.extend_from_slice(CRLF);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_same_lines_as_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for size in [1, 3, 56, 57, 58, 200, 1000] {
            let (mut whole, mut pieced) = (Vec::new(), Vec::new());
            write(&mut whole, &bytes);
            let mut lines = Base64Lines::new(&mut pieced);
            bytes.chunks(size).for_each(|piece| lines.push(piece));
            lines.end();
            assert_eq!(whole, pieced, "pieces of {size}");
            assert_eq!(whole.len(), encoded_bytes(bytes.len()));
            assert!(whole.ends_with(CRLF));
            let text = String::from_utf8(whole).unwrap();
            assert!(text.lines().all(|line| line.len() <= 76));
            let joined = text.replace("\r\n", "");
            assert_eq!(STANDARD.decode(joined).unwrap(), bytes);
        }
    }
}
