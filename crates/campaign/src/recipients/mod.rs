//! Where a campaign's recipients come from: a CSV file, a spreadsheet, a Google Sheet or one address.
//!
//! A list is read row by row in constant memory (a spreadsheet excepted, whose size is capped). The first row
//! names the columns, one of which must be `email`. Every other row becomes a [`Recipient`] or a
//! [`RowProblem`] that says its line and what is wrong with it; none is dropped in silence. Whether an address
//! came before is not asked here: the store knows.
//!
//! # Layout
//! - `columns`: the header row
//! - [`copies`]: the lists for `--cc` and `--bcc`
//! - `csv`: rows from CSV bytes, resumed after a bad one
//! - `decode`: byte order marks and UTF-16
//! - `problem`: what can be wrong with a row and with a list
//! - `recipient`: one row, and its JSON
//! - `row`: a row before it is checked
//! - `scan`: where one CSV record ends and its cells lie
//! - `sheet_guard`, `xls_guard`: what a spreadsheet file is, and whether it would fill the memory
//! - `sheet_rows`: the rows of a spreadsheet, packed
//! - [`sheet_url`]: from a Google Sheet's address to its CSV
//! - `spreadsheet`, `cell_text`: rows from XLSX, XLS and ODS, and how their values are written
//! - `summary`: what a list came to

mod cell_text;
mod columns;
pub mod copies;
mod csv;
mod decode;
mod problem;
mod recipient;
mod row;
mod scan;
mod sheet_guard;
mod sheet_rows;
pub mod sheet_url;
mod spreadsheet;
mod summary;
mod xls_guard;

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use model::Address;

pub use columns::{COLUMNS_MAX, Columns};
pub use problem::{ListError, Reason, RowProblem};
pub use recipient::{Fields, Recipient};
pub use scan::{CELL_BYTES_MAX, ROW_BYTES_MAX, ROW_LINES_MAX};
pub use spreadsheet::{SHEET_FILE_BYTES_MAX, SHEET_TEXT_BYTES_MAX, SHEET_UNPACKED_BYTES_MAX};
pub use summary::{EXAMPLES_MAX, ListSummary, Skipped};

use csv::CsvRows;
use row::RawRow;
use sheet_guard::SIGNATURE_BYTES;
use sheet_rows::SheetRows;

/// What one row of a list came to.
pub type Row = Result<Recipient, RowProblem>;

/// A list of recipients, read as it is iterated.
///
/// The outer `Result` of an item is the list's: after an `Err` the rest of the list is unknown, and the
/// iteration ends.
pub struct RecipientList {
    columns: Arc<Columns>,
    rows: Rows,
    broken: bool,
}

/// Where rows are taken from.
enum Rows {
    Csv(CsvRows),
    Sheet(SheetRows),
}

impl RecipientList {
    /// Opens a file: XLSX, XLS and ODS are known by their first bytes, all else is CSV.
    pub fn open(path: &Path) -> Result<Self, ListError> {
        Self::read(File::open(path)?)
    }

    /// Reads a list of either kind, known by its first bytes.
    pub fn read(mut input: impl Read + Send + 'static) -> Result<Self, ListError> {
        let mut start = Vec::with_capacity(SIGNATURE_BYTES);
        input
            .by_ref()
            .take(SIGNATURE_BYTES as u64)
            .read_to_end(&mut start)?;
        let is_spreadsheet = sheet_guard::is_spreadsheet(&start);
        let whole = Cursor::new(start).chain(input);
        match is_spreadsheet {
            true => Self::from_spreadsheet(whole),
            false => Self::from_csv(whole),
        }
    }

    /// Reads CSV, such as the export of a Google Sheet.
    pub fn from_csv(input: impl Read + Send + 'static) -> Result<Self, ListError> {
        Self::new(Rows::Csv(CsvRows::open(Box::new(input))?))
    }

    /// Reads the first visible sheet of an XLSX, XLS or ODS file. This takes time: it belongs on a thread that
    /// may block.
    pub fn from_spreadsheet(input: impl Read) -> Result<Self, ListError> {
        Self::new(Rows::Sheet(spreadsheet::read(input)?))
    }

    /// A list of one: the address given on the command line.
    pub fn single(address: Address) -> Result<Self, ListError> {
        Self::from_csv(Cursor::new(format!("email\n\"{}\"\n", quoted(&address))))
    }

    fn new(mut rows: Rows) -> Result<Self, ListError> {
        let header = rows.next_row()?.ok_or(ListError::Empty)?;
        let line = header.line;
        let cells = header
            .cells
            .map_err(|reason| ListError::Header { line, reason })?;
        let columns = Arc::new(Columns::from_header(cells)?);
        Ok(Self {
            columns,
            rows,
            broken: false,
        })
    }

    /// The columns of the list.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }
}

/// An address as it stands inside a quoted cell: a local part may hold quotes.
fn quoted(address: &Address) -> String {
    address.as_str().replace('"', "\"\"")
}

impl Iterator for RecipientList {
    type Item = Result<Row, ListError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        match self.rows.next_row() {
            Ok(row) => Some(Ok(Recipient::from_row(&self.columns, row?))),
            Err(error) => {
                self.broken = true;
                Some(Err(error))
            }
        }
    }
}

impl Rows {
    fn next_row(&mut self) -> Result<Option<RawRow<'_>>, ListError> {
        match self {
            Self::Csv(rows) => rows.next_row(),
            Self::Sheet(rows) => Ok(rows.next_row()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_address_is_a_list_of_one() {
        for address in [
            "ada@example.org",
            "\"odd, \\\" name\"@example.org",
            "jörg@example.org",
        ] {
            let address = Address::parse(address).unwrap();
            let list = RecipientList::single(address.clone()).unwrap();
            let recipients: Vec<_> = list.map(|row| row.unwrap().unwrap()).collect();
            assert_eq!(recipients.len(), 1);
            assert_eq!(recipients[0].address, address);
            assert_eq!(
                recipients[0].fields.get(columns::EMAIL),
                Some(address.as_str())
            );
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let list = RecipientList::open(Path::new("no such folder/list.csv"));
        assert!(matches!(list.err(), Some(ListError::Read(_))));
    }
}
