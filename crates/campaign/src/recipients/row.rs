//! A row as its source hands it over: a text and where the cells lie in it.

use std::borrow::Cow;

use super::problem::Reason;

/// One row before its cells are looked at.
pub(super) struct RawRow<'a> {
    /// Where it begins, from 1.
    pub line: u64,
    /// Its cells, or why it has none.
    pub cells: Result<Cells<'a>, Reason>,
}

/// The cells of one row.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    text: &'a str,
    spans: &'a [Span],
    count: usize,
}

/// Where a cell lies in its row's text, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
    /// Whether it holds doubled quotes that stand for one.
    doubled_quotes: bool,
}

impl<'a> Cells<'a> {
    /// The cells of a row whose bytes are not known to be text. `count` also counts cells without a span.
    pub fn new(bytes: &'a [u8], spans: &'a [Span], count: usize) -> Result<Self, Reason> {
        // A span begins and ends beside ASCII, so it lies on character boundaries of any valid text.
        let text = std::str::from_utf8(bytes).map_err(|_| guess_encoding(bytes))?;
        if memchr::memchr(0, bytes).is_some() {
            return Err(Reason::Nul);
        }
        Ok(Self { text, spans, count })
    }

    /// How many cells the row has.
    pub fn count(self) -> usize {
        self.count
    }

    /// The length of the row's text.
    pub fn bytes(self) -> usize {
        self.text.len()
    }

    /// The trimmed value of the cell at `place`, from 0; nothing when it has none.
    pub fn value(self, place: usize) -> Cow<'a, str> {
        match self.spans.get(place) {
            Some(span) => span.value(self.text),
            None => Cow::Borrowed(""),
        }
    }

    /// The trimmed values in their order.
    pub fn values(self) -> impl Iterator<Item = Cow<'a, str>> {
        self.spans.iter().map(move |span| span.value(self.text))
    }
}

impl Span {
    // Rows are shorter than 4 GiB by ROW_BYTES_MAX and SHEET_TEXT_BYTES_MAX, so places fit.

    /// A cell whose text stands as it is.
    pub fn plain(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
            doubled_quotes: false,
        }
    }

    /// A cell whose text has two quotes for each one that is meant.
    pub fn with_doubled_quotes(start: usize, end: usize) -> Self {
        Self {
            doubled_quotes: true,
            ..Self::plain(start, end)
        }
    }

    /// What it means in the `text` of its row, trimmed.
    pub fn value<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let inner = text[self.start as usize..self.end as usize].trim();
        match self.doubled_quotes {
            true => Cow::Owned(inner.replace("\"\"", "\"")),
            false => Cow::Borrowed(inner),
        }
    }
}

/// What bytes that are not UTF-8 may be. Windows-1252 leaves five bytes without a meaning.
fn guess_encoding(bytes: &[u8]) -> Reason {
    let is_undefined = |byte: &u8| matches!(byte, 0 | 0x81 | 0x8d | 0x8f | 0x90 | 0x9d | 0xff);
    match bytes.iter().any(is_undefined) {
        true => Reason::NotUtf8,
        false => Reason::Windows1252,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason_for(bytes: &[u8]) -> Option<Reason> {
        Cells::new(bytes, &[], 0).err()
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        assert_eq!(reason_for("Jörg".as_bytes()), None);
        assert_eq!(reason_for(b"J\xf6rg"), Some(Reason::Windows1252));
        assert_eq!(reason_for(b"\x81\x8d"), Some(Reason::NotUtf8));
        assert_eq!(reason_for(b"a\0b"), Some(Reason::Nul));
    }
}
