//! Finds where one CSV record ends and where its cells lie (RFC 4180 §2), without copying a byte.
//!
//! The common CSV readers take any bytes as some record: a quote in the wrong place changes silently what the
//! following lines mean. Here such a record is refused, so that the reader can report it and resume.

use memchr::{memchr, memchr2, memchr2_iter, memchr3};

use super::columns::COLUMNS_MAX;
use super::problem::Reason;
use super::row::Span;

/// Longest cell in bytes, its quotes and doubled quotes counted.
pub const CELL_BYTES_MAX: usize = 1 << 20;
/// Longest record in bytes, without its line end.
pub const ROW_BYTES_MAX: usize = 4 << 20;
/// Most line ends inside the quoted cells of one record.
pub const ROW_LINES_MAX: u64 = 1_000;

/// The bytes at hand, from where a line begins.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub bytes: &'a [u8],
    /// Whether nothing comes after them.
    pub at_end: bool,
}

/// What the bytes at hand begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// A whole record.
    Record(Extent),
    /// Something that is no record.
    Bad(Reason),
    /// The beginning of a record; more bytes decide.
    Incomplete,
}

/// How far a record reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Bytes up to the line end.
    pub text_bytes: usize,
    /// Bytes with the line end.
    pub bytes: usize,
    /// Line ends in it, its own included.
    pub lines: u64,
    /// Cells in it, also those beyond the spans that are kept.
    pub cells: usize,
}

/// Scans the record that `window` begins with. The first [`COLUMNS_MAX`] cells are left in `spans`.
pub(super) fn scan(window: Window<'_>, delimiter: u8, spans: &mut Vec<Span>) -> Scan {
    let mut scanner = Scanner {
        window,
        delimiter,
        lines: 0,
    };
    match scanner.record(spans) {
        Ok(extent) if extent.text_bytes > ROW_BYTES_MAX => Scan::Bad(Reason::RowTooLong),
        Ok(extent) => Scan::Record(extent),
        Err(Stop::Bad(reason)) => Scan::Bad(reason),
        Err(Stop::Incomplete) if window.bytes.len() > ROW_BYTES_MAX + LINE_END_BYTES_MAX => {
            Scan::Bad(Reason::RowTooLong)
        }
        Err(Stop::Incomplete) => Scan::Incomplete,
    }
}

/// The length of the line that `window` begins with, its end included; `None` when more bytes decide.
pub(super) fn line_bytes(window: Window<'_>) -> Option<usize> {
    match memchr2(b'\n', b'\r', window.bytes) {
        Some(place) => line_end_bytes(window.from(place)).map(|end| place + end),
        None => window.at_end.then_some(window.bytes.len()),
    }
}

/// Longest line end: CR LF.
pub(super) const LINE_END_BYTES_MAX: usize = 2;

/// The length of the line end that `window` begins with: LF, CR LF or CR.
fn line_end_bytes(window: Window<'_>) -> Option<usize> {
    match window.bytes {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if !window.at_end => None,
        _ => Some(1),
    }
}

/// Line ends in the text of a cell.
fn line_ends(text: &[u8]) -> u64 {
    let is_end = |&place: &usize| text[place] == b'\n' || text.get(place + 1) != Some(&b'\n');
    memchr2_iter(b'\n', b'\r', text).filter(is_end).count() as u64
}

impl<'a> Window<'a> {
    fn from(self, place: usize) -> Self {
        Self {
            bytes: &self.bytes[place..],
            ..self
        }
    }
}

struct Scanner<'a> {
    window: Window<'a>,
    delimiter: u8,
    /// Line ends in quoted cells so far.
    lines: u64,
}

/// Why there is no record.
enum Stop {
    Bad(Reason),
    Incomplete,
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Bad(reason)
    }
}

impl Scanner<'_> {
    fn record(&mut self, spans: &mut Vec<Span>) -> Result<Extent, Stop> {
        spans.clear();
        let mut cells = 0;
        let mut place = 0;
        loop {
            cells += 1;
            let (span, after) = self.cell(place, cells)?;
            if spans.len() < COLUMNS_MAX {
                spans.push(span);
            }
            if self.window.bytes.get(after) != Some(&self.delimiter) {
                return self.extent(after, cells);
            }
            place = after + 1;
        }
    }

    /// The extent of a record whose text ends at `after`.
    fn extent(&self, after: usize, cells: usize) -> Result<Extent, Stop> {
        let end_bytes = match self.window.from(after) {
            rest if rest.bytes.is_empty() => 0,
            rest => line_end_bytes(rest).ok_or(Stop::Incomplete)?,
        };
        Ok(Extent {
            text_bytes: after,
            bytes: after + end_bytes,
            lines: self.lines + 1,
            cells,
        })
    }

    /// Where the cell at `place` lies, and the place after it: of a delimiter, a line end or the end.
    fn cell(&mut self, place: usize, cell: usize) -> Result<(Span, usize), Stop> {
        let start = self.skip_spaces(place);
        match self.window.bytes.get(start) {
            Some(b'"') => self.quoted(start + 1, cell),
            _ => self.plain(start, cell),
        }
    }

    fn plain(&self, start: usize, cell: usize) -> Result<(Span, usize), Stop> {
        let rest = &self.window.bytes[start..];
        let end = memchr3(self.delimiter, b'\n', b'\r', rest);
        let length = end.unwrap_or(rest.len());
        if length > CELL_BYTES_MAX {
            return Err(Reason::CellTooLong { cell }.into());
        }
        if end.is_none() && !self.window.at_end {
            return Err(Stop::Incomplete);
        }
        if memchr(b'"', &rest[..length]).is_some() {
            return Err(Reason::QuoteInside { cell }.into());
        }
        Ok((Span::plain(start, start + length), start + length))
    }

    /// A cell whose text begins at `start`, after its opening quote.
    fn quoted(&mut self, start: usize, cell: usize) -> Result<(Span, usize), Stop> {
        let mut doubled = false;
        let mut place = start;
        loop {
            let Some(found) = memchr(b'"', &self.window.bytes[place..]) else {
                return Err(self.open_quote(start, cell));
            };
            let quote = place + found;
            match self.window.bytes.get(quote + 1) {
                Some(b'"') => {
                    doubled = true;
                    place = quote + 2;
                }
                None if !self.window.at_end => return Err(Stop::Incomplete),
                _ => {
                    self.count_lines(start, quote, cell)?;
                    let span = match doubled {
                        true => Span::with_doubled_quotes(start, quote),
                        false => Span::plain(start, quote),
                    };
                    return Ok((span, self.after_quote(quote + 1, cell)?));
                }
            }
        }
    }

    /// No closing quote in what is at hand: hopeless, or to be waited for.
    fn open_quote(&mut self, start: usize, cell: usize) -> Stop {
        let end = self.window.bytes.len();
        match self.count_lines(start, end, cell) {
            Err(stop) => stop,
            Ok(()) if self.window.at_end => Reason::QuoteNotClosed { cell }.into(),
            Ok(()) => Stop::Incomplete,
        }
    }

    /// Counts the line ends of a quoted cell and holds its bounds.
    fn count_lines(&mut self, start: usize, end: usize, cell: usize) -> Result<(), Stop> {
        self.lines += line_ends(&self.window.bytes[start..end]);
        if end - start > CELL_BYTES_MAX || self.lines > ROW_LINES_MAX {
            return Err(Reason::QuoteNotClosed { cell }.into());
        }
        Ok(())
    }

    /// The place where the cell ends, whose closing quote is just before `place`. Spaces are let pass, since
    /// values are trimmed anyway.
    fn after_quote(&self, place: usize, cell: usize) -> Result<usize, Stop> {
        let after = self.skip_spaces(place);
        match self.window.bytes.get(after) {
            None if !self.window.at_end => Err(Stop::Incomplete),
            None | Some(b'\n' | b'\r') => Ok(after),
            Some(&byte) if byte == self.delimiter => Ok(after),
            Some(_) => Err(Reason::TextAfterQuote { cell }.into()),
        }
    }

    fn skip_spaces(&self, place: usize) -> usize {
        let is_space = |&&byte: &&u8| (byte == b' ' || byte == b'\t') && byte != self.delimiter;
        place
            + self.window.bytes[place..]
                .iter()
                .take_while(is_space)
                .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(input: &str) -> Window<'_> {
        Window {
            bytes: input.as_bytes(),
            at_end: true,
        }
    }

    fn cells_of(input: &str) -> Vec<String> {
        let mut spans = Vec::new();
        let Scan::Record(_) = scan(whole(input), b',', &mut spans) else {
            panic!("no record in {input:?}");
        };
        spans
            .iter()
            .map(|span| span.value(input).into_owned())
            .collect()
    }

    fn scan_all(input: &str) -> Scan {
        scan(whole(input), b',', &mut Vec::new())
    }

    #[test]
    fn cells_are_split_unquoted_and_trimmed() {
        let cases: [(&str, &[&str]); 8] = [
            ("a,b,c", &["a", "b", "c"]),
            (" a , b\t,c \n", &["a", "b", "c"]),
            ("\"a,b\",\"c\"\"d\"\"\"", &["a,b", "c\"d\""]),
            (" \"a\" , \"\"\r\n", &["a", ""]),
            ("\"a\nb\",c", &["a\nb", "c"]),
            (",,", &["", "", ""]),
            ("", &[""]),
            ("\"\"\"\"", &["\""]),
        ];
        for (given, expected) in cases {
            assert_eq!(cells_of(given), expected, "{given:?}");
        }
    }

    #[test]
    fn every_kind_of_line_end_ends_a_record() {
        for (given, bytes) in [("ab\ncd", 3), ("ab\r\ncd", 4), ("ab\rcd", 3), ("ab", 2)] {
            let expected = Extent {
                text_bytes: 2,
                bytes,
                lines: 1,
                cells: 1,
            };
            assert_eq!(scan_all(given), Scan::Record(expected), "{given:?}");
        }
    }

    #[test]
    fn lines_inside_quotes_are_counted() {
        let Scan::Record(extent) = scan_all("\"a\nb\r\nc\rd\",x\n") else {
            panic!("no record");
        };
        assert_eq!(extent.lines, 4);
    }

    #[test]
    fn bad_quoting_is_refused() {
        let cases = [
            ("a,b\"c", Reason::QuoteInside { cell: 2 }),
            ("\"a\"b,c", Reason::TextAfterQuote { cell: 1 }),
            ("a,\"b\nc,d\n", Reason::QuoteNotClosed { cell: 2 }),
        ];
        for (given, reason) in cases {
            assert_eq!(scan_all(given), Scan::Bad(reason), "{given:?}");
        }
    }

    #[test]
    fn a_record_is_incomplete_until_its_line_end_is_certain() {
        for given in ["a,b", "a,b\r", "\"a", "\"a\"", "\"a\" ", "\"a\"\r"] {
            let part = Window {
                at_end: false,
                ..whole(given)
            };
            let found = scan(part, b',', &mut Vec::new());
            assert_eq!(found, Scan::Incomplete, "{given:?}");
        }
    }

    #[test]
    fn bounds_hold_exactly() {
        let fits = "x".repeat(CELL_BYTES_MAX);
        assert!(matches!(scan_all(&fits), Scan::Record(_)));
        let cell = Reason::CellTooLong { cell: 1 };
        assert_eq!(scan_all(&format!("{fits}x")), Scan::Bad(cell));
        let open = Reason::QuoteNotClosed { cell: 1 };
        assert_eq!(scan_all(&format!("\"{fits}x\"")), Scan::Bad(open));
        let row = [fits.as_str(); 4].join(",");
        assert_eq!(scan_all(&row), Scan::Bad(Reason::RowTooLong));
        let lines = |count| format!("\"{}\"", "\n".repeat(count));
        assert!(matches!(scan_all(&lines(1_000)), Scan::Record(_)));
        let open = Reason::QuoteNotClosed { cell: 1 };
        assert_eq!(scan_all(&lines(1_001)), Scan::Bad(open));
    }

    #[test]
    fn cells_beyond_the_columns_are_counted_but_not_kept() {
        let mut spans = Vec::new();
        let input = ",".repeat(1_000_000);
        let Scan::Record(extent) = scan(whole(&input), b',', &mut spans) else {
            panic!("no record");
        };
        assert_eq!((extent.cells, spans.len()), (1_000_001, COLUMNS_MAX));
    }
}
