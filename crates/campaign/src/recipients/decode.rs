//! Turns what spreadsheets save as "Unicode text" into UTF-8: byte order marks and UTF-16.

use std::io::{self, Cursor, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE};

/// How much UTF-16 is decoded at a time.
const CHUNK_BYTES: usize = 16 << 10;
/// The longest byte order mark.
const MARK_BYTES_MAX: usize = 3;
/// Stands in for a broken UTF-16 unit: it never occurs in UTF-8, so the row is found and reported.
const NOT_TEXT: u8 = 0xff;

/// A reader of UTF-8 without a mark, whatever of the three encodings lies below.
pub(super) struct TextReader<R> {
    input: io::Chain<Cursor<Vec<u8>>, R>,
    utf16: Option<Utf16>,
}

/// The state of decoding UTF-16.
struct Utf16 {
    decoder: Decoder,
    raw: Chunk,
    decoded: Chunk,
    raw_ended: bool,
    ended: bool,
}

/// A fixed piece of memory and what of it is still to be taken.
struct Chunk {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<R: Read> TextReader<R> {
    /// Looks for a byte order mark and takes it off.
    pub fn new(mut input: R) -> io::Result<Self> {
        let mut start = Vec::with_capacity(MARK_BYTES_MAX);
        input
            .by_ref()
            .take(MARK_BYTES_MAX as u64)
            .read_to_end(&mut start)?;
        let (mark_bytes, utf16) = match start.as_slice() {
            [0xef, 0xbb, 0xbf] => (3, None),
            [0xff, 0xfe, ..] => (
                2,
                Some(Utf16::new(UTF_16LE.new_decoder_without_bom_handling())),
            ),
            [0xfe, 0xff, ..] => (
                2,
                Some(Utf16::new(UTF_16BE.new_decoder_without_bom_handling())),
            ),
            _ => (0, None),
        };
        start.drain(..mark_bytes);
        Ok(Self {
            input: Cursor::new(start).chain(input),
            utf16,
        })
    }
}

impl<R: Read> Read for TextReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(utf16) = &mut self.utf16 else {
            return self.input.read(out);
        };
        while utf16.decoded.is_empty() && !utf16.ended {
            utf16.decode_from(&mut self.input)?;
        }
        Ok(utf16.decoded.take(out))
    }
}

impl Utf16 {
    fn new(decoder: Decoder) -> Self {
        Self {
            decoder,
            raw: Chunk::new(),
            decoded: Chunk::new(),
            raw_ended: false,
            ended: false,
        }
    }

    /// Fills `decoded`, which is empty, with at least one step's worth.
    fn decode_from(&mut self, input: &mut impl Read) -> io::Result<()> {
        if self.raw.is_empty() && !self.raw_ended {
            self.raw_ended = self.raw.refill(input)? == 0;
        }
        // One byte is kept free for the stand-in.
        let room = CHUNK_BYTES - 1;
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
            &self.raw.bytes[self.raw.start..self.raw.end],
            &mut self.decoded.bytes[..room],
            self.raw_ended,
        );
        self.raw.start += read;
        self.decoded.start = 0;
        self.decoded.end = written;
        match result {
            DecoderResult::InputEmpty => self.ended = self.raw_ended,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(_, _) => {
                self.decoded.bytes[written] = NOT_TEXT;
                self.decoded.end += 1;
            }
        }
        Ok(())
    }
}

impl Chunk {
    fn new() -> Self {
        Self {
            bytes: vec![0; CHUNK_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn refill(&mut self, input: &mut impl Read) -> io::Result<usize> {
        self.start = 0;
        self.end = 0;
        self.end = input.read(&mut self.bytes)?;
        Ok(self.end)
    }

    fn take(&mut self, out: &mut [u8]) -> usize {
        let count = out.len().min(self.end - self.start);
        out[..count].copy_from_slice(&self.bytes[self.start..self.start + count]);
        self.start += count;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        TextReader::new(bytes)
            .unwrap()
            .read_to_end(&mut out)
            .unwrap();
        out
    }

    fn utf16(text: &str, mark_and_units: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let marked = format!("\u{feff}{text}");
        marked.encode_utf16().flat_map(mark_and_units).collect()
    }

    #[test]
    fn marks_are_taken_off() {
        assert_eq!(decoded(b"\xef\xbb\xbfemail"), b"email");
        assert_eq!(decoded(b"email"), b"email");
        assert_eq!(decoded(b"e"), b"e");
        assert_eq!(decoded(b""), b"");
        assert_eq!(decoded(b"\xff\xfe"), b"");
    }

    #[test]
    fn utf16_is_decoded_across_chunks() {
        let text = "email,näme\nada@example.org,😀\n".repeat(3_000);
        assert_eq!(decoded(&utf16(&text, u16::to_le_bytes)), text.as_bytes());
        assert_eq!(decoded(&utf16(&text, u16::to_be_bytes)), text.as_bytes());
    }

    #[test]
    fn a_lone_surrogate_is_left_to_be_reported() {
        assert_eq!(decoded(b"\xff\xfea\0\x00\xd8b\0"), b"a\xffb");
        assert_eq!(decoded(b"\xff\xfea\0b"), b"a\xff");
    }
}
