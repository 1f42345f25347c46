//! What can be wrong with a row, and what can be wrong with a whole list.

use std::io;

use model::AddressError;

use super::columns::COLUMNS_MAX;
use super::scan::{CELL_BYTES_MAX, ROW_BYTES_MAX, ROW_LINES_MAX};
use super::spreadsheet::{SHEET_FILE_BYTES_MAX, SHEET_TEXT_BYTES_MAX, SHEET_UNPACKED_BYTES_MAX};

const MIB: usize = 1 << 20;

/// A row that became no recipient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct RowProblem {
    /// Where the row begins: the line of the file, from 1, or the row of the sheet.
    pub line: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a row. Cells are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More or fewer cells than the header names columns.
    #[error("the row has {found} cells where the header has {expected}")]
    CellCount {
        /// How many the row has.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
    /// A quote in a cell that does not begin with one (RFC 4180 §2.5).
    #[error(
        "cell {cell} holds a quote but is not in quotes: put quotes around it and double the one inside"
    )]
    QuoteInside {
        /// The cell.
        cell: usize,
    },
    /// Text between a closing quote and the end of the cell.
    #[error(
        "cell {cell} goes on after its closing quote: the quotes do not match, or one inside is not doubled"
    )]
    TextAfterQuote {
        /// The cell.
        cell: usize,
    },
    /// A quote with no partner within reach.
    #[error(
        "the quote that opens cell {cell} is not closed within {ROW_LINES_MAX} lines or {} MiB",
        CELL_BYTES_MAX / MIB
    )]
    QuoteNotClosed {
        /// The cell.
        cell: usize,
    },
    /// A cell beyond its bound.
    #[error("cell {cell} is longer than {} MiB", CELL_BYTES_MAX / MIB)]
    CellTooLong {
        /// The cell.
        cell: usize,
    },
    /// A row beyond its bound.
    #[error("the row is longer than {} MiB", ROW_BYTES_MAX / MIB)]
    RowTooLong,
    /// A zero byte: binary data, or UTF-16 without its mark.
    #[error("the row holds a NUL byte: save the list as CSV in UTF-8")]
    Nul,
    /// Bytes that are not UTF-8, nor anything else we could name.
    #[error("the row is not UTF-8 text: save the list as CSV in UTF-8")]
    NotUtf8,
    /// Bytes that are not UTF-8, but would be readable as Windows-1252.
    #[error(
        "the row is not UTF-8 text, it looks like Windows-1252: save the list as \"CSV UTF-8\""
    )]
    Windows1252,
    /// Nothing in the column `email`.
    #[error("the email is blank")]
    BlankEmail,
    /// Something else than an address in the column `email`.
    #[error("{value:?} is not an address: {error}")]
    Address {
        /// What stands there, shortened.
        value: Box<str>,
        /// What is wrong with it.
        error: AddressError,
    },
}

/// Why a list cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file or the connection failed.
    #[error("cannot read the list: {0}")]
    Read(#[from] io::Error),
    /// Not even a header.
    #[error("the list is empty: its first row must name the columns, one of them 'email'")]
    Empty,
    /// The header itself is a bad row.
    #[error("cannot read the header in line {line}: {reason}")]
    Header {
        /// Where the header is.
        line: u64,
        /// What is wrong with it.
        reason: Reason,
    },
    /// No column for the address.
    #[error("the list must include an 'email' column; its first row names {found}")]
    NoEmail {
        /// The columns that are there.
        found: String,
    },
    /// The first row is a recipient already.
    #[error(
        "the list has no header: its first row must name the columns, but holds the address {address:?}"
    )]
    NoHeader {
        /// The address that stands there.
        address: String,
    },
    /// Two columns that a template could not tell apart.
    #[error("columns {first} and {second} are both named {name:?}: rename one of them")]
    DuplicateColumn {
        /// The name, in lower case.
        name: String,
        /// The place of the first, from 1.
        first: usize,
        /// The place of the second, from 1.
        second: usize,
    },
    /// More columns than any list of people has.
    #[error("the header has {found} columns, more than {COLUMNS_MAX}")]
    TooManyColumns {
        /// How many there are.
        found: usize,
    },
    /// The spreadsheet's file is too large to be held.
    #[error("the spreadsheet is larger than {} MiB: save it as CSV", SHEET_FILE_BYTES_MAX as usize / MIB)]
    SheetTooLarge,
    /// The spreadsheet's parts are too large once unpacked.
    #[error("the spreadsheet unpacks to more than {} MiB: save it as CSV", SHEET_UNPACKED_BYTES_MAX as usize / MIB)]
    SheetUnpacksTooLarge,
    /// The texts of the spreadsheet's cells are too large together.
    #[error("the spreadsheet holds more than {} MiB of text: save it as CSV", SHEET_TEXT_BYTES_MAX / MIB)]
    SheetTextTooLarge,
    /// The spreadsheet is damaged or locked.
    #[error("cannot read the spreadsheet: {0}")]
    Sheet(String),
    /// No sheet with rows that a person would see.
    #[error("the spreadsheet has no visible sheet")]
    NoSheet,
}

impl Reason {
    /// A few words for the kind of problem, under which rows are counted.
    pub fn heading(&self) -> &'static str {
        match self {
            Self::CellCount { .. } => "wrong number of cells",
            Self::QuoteInside { .. } | Self::TextAfterQuote { .. } => "bad quoting",
            Self::QuoteNotClosed { .. } => "quote not closed",
            Self::CellTooLong { .. } | Self::RowTooLong => "too long",
            Self::Nul => "NUL byte",
            Self::NotUtf8 | Self::Windows1252 => "not UTF-8",
            Self::BlankEmail => "blank email",
            Self::Address { .. } => "invalid address",
        }
    }
}
