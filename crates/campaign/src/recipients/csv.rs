//! Rows from a stream of CSV bytes: one record at a time, in a buffer that never grows beyond the longest row.
//!
//! When a record is no record (a quote that nobody closes, a cell without end), its line is reported and
//! reading resumes at the line after it, so that one slip of a finger costs one row and not the list.

use std::io::{self, Read};
use std::ops::Range;

use super::decode::TextReader;
use super::problem::{ListError, Reason};
use super::row::{Cells, RawRow, Span};
use super::scan::{Extent, LINE_END_BYTES_MAX, ROW_BYTES_MAX, Scan, Window, line_bytes, scan};

/// What may stand between cells; the first under which the header names `email` is taken.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// The buffer at the start; it doubles only for a longer row.
const BUFFER_BYTES: usize = 64 << 10;
/// The buffer at most: a row, its line end, and one byte that tells a longer one.
const BUFFER_BYTES_MAX: usize = ROW_BYTES_MAX + LINE_END_BYTES_MAX + 1;

/// Reads CSV row by row.
pub(super) struct CsvRows {
    input: TextReader<Box<dyn Read + Send>>,
    buffer: Vec<u8>,
    /// What of the buffer is still to be read.
    unread: Range<usize>,
    at_end: bool,
    /// The line that `unread` begins with, from 1.
    line: u64,
    delimiter: u8,
    spans: Vec<Span>,
}

impl CsvRows {
    /// Begins to read: finds the encoding and the delimiter.
    pub fn open(input: Box<dyn Read + Send>) -> Result<Self, ListError> {
        let mut rows = Self {
            input: TextReader::new(input)?,
            buffer: vec![0; BUFFER_BYTES],
            unread: 0..0,
            at_end: false,
            line: 1,
            delimiter: DELIMITERS[0],
            spans: Vec::new(),
        };
        rows.skip_blank_lines()?;
        if !rows.skip_separator_line() {
            rows.find_delimiter()?;
        }
        Ok(rows)
    }

    /// The next row that is not blank, or `None` at the end.
    pub fn next_row(&mut self) -> Result<Option<RawRow<'_>>, ListError> {
        let Some(scan) = self.skip_blank_lines()? else {
            return Ok(None);
        };
        let line = self.line;
        let cells = match scan {
            Ok(extent) => {
                let start = self.unread.start;
                self.advance(extent.bytes, extent.lines);
                let text = &self.buffer[start..start + extent.text_bytes];
                Cells::new(text, &self.spans, extent.cells)
            }
            Err(reason) => {
                self.skip_line()?;
                Err(reason)
            }
        };
        Ok(Some(RawRow { line, cells }))
    }

    /// Skips lines with nothing but spaces, and gives the scan of the first other one.
    fn skip_blank_lines(&mut self) -> Result<Option<Result<Extent, Reason>>, ListError> {
        while let Some(scan) = self.scan()? {
            match scan {
                Ok(extent) if self.is_blank(&extent) => self.advance(extent.bytes, extent.lines),
                other => return Ok(Some(other)),
            }
        }
        Ok(None)
    }

    fn is_blank(&self, extent: &Extent) -> bool {
        let text = &self.buffer[self.unread.start..][..extent.text_bytes];
        extent.cells == 1 && text.trim_ascii().is_empty()
    }

    /// Scans the next record without passing it. `None` at the end.
    fn scan(&mut self) -> Result<Option<Result<Extent, Reason>>, ListError> {
        loop {
            let window = Window {
                bytes: &self.buffer[self.unread.clone()],
                at_end: self.at_end,
            };
            if window.bytes.is_empty() && window.at_end {
                return Ok(None);
            }
            match scan(window, self.delimiter, &mut self.spans) {
                Scan::Record(extent) => return Ok(Some(Ok(extent))),
                Scan::Bad(reason) => return Ok(Some(Err(reason))),
                Scan::Incomplete => self.fill()?,
            }
        }
    }

    /// Passes a first line `sep=;`, as spreadsheet programs write it to name the delimiter.
    fn skip_separator_line(&mut self) -> bool {
        let window = self.window();
        let (Some(bytes), &[b's', b'e', b'p', b'=', delimiter, b'\r' | b'\n', ..]) =
            (line_bytes(window), window.bytes)
        else {
            return false;
        };
        if !DELIMITERS.contains(&delimiter) {
            return false;
        }
        self.delimiter = delimiter;
        self.advance(bytes, 1);
        true
    }

    /// Takes the delimiter under which the header names `email`; if none does, the one that makes most cells,
    /// so that the error can name them.
    fn find_delimiter(&mut self) -> Result<(), ListError> {
        let mut widest = (0, DELIMITERS[0]);
        for delimiter in DELIMITERS {
            self.delimiter = delimiter;
            let cells = match self.scan()? {
                Some(Ok(extent)) if self.names_email(&extent) => return Ok(()),
                Some(Ok(extent)) => extent.cells,
                Some(Err(_)) | None => 0,
            };
            if cells > widest.0 {
                widest = (cells, delimiter);
            }
        }
        self.delimiter = widest.1;
        Ok(())
    }

    fn names_email(&self, extent: &Extent) -> bool {
        let text = &self.buffer[self.unread.start..][..extent.text_bytes];
        Cells::new(text, &self.spans, extent.cells).is_ok_and(|cells| {
            cells
                .values()
                .any(|name| name.eq_ignore_ascii_case(super::columns::EMAIL))
        })
    }

    /// What of the buffer is still to be read.
    fn window(&self) -> Window<'_> {
        Window {
            bytes: &self.buffer[self.unread.clone()],
            at_end: self.at_end,
        }
    }

    /// Passes what was read.
    fn advance(&mut self, bytes: usize, lines: u64) {
        self.unread.start += bytes;
        self.line += lines;
    }

    /// Passes one line, however long it is.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let window = self.window();
            // A carriage return at the edge of the buffer stays, since a line feed may follow it.
            let kept = usize::from(window.bytes.ends_with(b"\r"));
            if let Some(bytes) = line_bytes(window) {
                self.advance(bytes, 1);
                return Ok(());
            }
            self.unread.start = self.unread.end - kept;
            self.fill()?;
        }
    }

    /// Moves what is unread to the front and reads until the buffer is full, a larger one if need be.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        if self.unread.end == self.buffer.len() {
            let larger = (self.buffer.len() * 2).min(BUFFER_BYTES_MAX);
            self.buffer.resize(larger, 0);
        }
        while self.unread.end < self.buffer.len() && !self.at_end {
            match self.input.read(&mut self.buffer[self.unread.end..]) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.unread.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
