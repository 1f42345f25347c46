//! Rows from an XLSX, XLS or ODS file: the first visible sheet, read as if it had been saved as CSV.
//!
//! Such a file has to be held in memory. How large it is, how large its parts unpack and how much text its
//! cells come to are bounded, so that a small file cannot fill the machine.

use std::fmt::Display;
use std::io::{Cursor, Read};
use std::panic::catch_unwind;

use calamine::{Data, Ods, Reader, Sheet, SheetType, SheetVisible, Xls, Xlsx};

use super::cell_text::cell_text;
use super::problem::ListError;
use super::sheet_guard::{self as guard, Kind};
use super::sheet_rows::SheetRows;

/// Largest spreadsheet file, in bytes.
pub const SHEET_FILE_BYTES_MAX: u64 = 64 << 20;
/// Most that the parts of a spreadsheet may come to once unpacked, in bytes.
pub const SHEET_UNPACKED_BYTES_MAX: u64 = 512 << 20;
/// Most text that the cells of a sheet may come to, in bytes.
pub const SHEET_TEXT_BYTES_MAX: usize = 256 << 20;

/// Reads the first visible sheet.
pub(super) fn read(input: impl Read) -> Result<SheetRows, ListError> {
    let bytes = read_bounded(input)?;
    let kind = guard::check(&bytes)?;
    // Damage inside an XLS file can make its reader panic; the file is at fault, not the program.
    catch_unwind(|| match kind {
        Kind::Xlsx => read_xlsx(bytes),
        Kind::Xls => read_whole::<Xls<_>>(bytes),
        Kind::Ods => read_whole::<Ods<_>>(bytes),
    })
    .unwrap_or_else(|_| Err(damaged("it is damaged")))
}

fn read_bounded(input: impl Read) -> Result<Vec<u8>, ListError> {
    let mut bytes = Vec::new();
    input
        .take(SHEET_FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > SHEET_FILE_BYTES_MAX {
        true => Err(ListError::SheetTooLarge),
        false => Ok(bytes),
    }
}

/// XLSX cell by cell: a sheet that has cells only in two far corners costs two cells.
fn read_xlsx(bytes: Vec<u8>) -> Result<SheetRows, ListError> {
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let name = first_visible(book.sheets_metadata())?.to_owned();
    let mut cells = book.worksheet_cells_reader(&name).map_err(damaged)?;
    let mut rows = SheetRows::default();
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (row, column) = cell.get_position();
        rows.push(
            row,
            column,
            &cell_text(&Data::from(cell.get_value().clone())),
        )?;
    }
    Ok(rows)
}

/// The other kinds, whose reader holds the whole sheet anyway.
fn read_whole<B>(bytes: Vec<u8>) -> Result<SheetRows, ListError>
where
    B: Reader<Cursor<Vec<u8>>>,
    B::Error: Display,
{
    let mut book = B::new(Cursor::new(bytes)).map_err(damaged)?;
    let name = first_visible(book.sheets_metadata())?.to_owned();
    let range = book.worksheet_range(&name).map_err(damaged)?;
    let (first_row, first_column) = range.start().unwrap_or_default();
    let mut rows = SheetRows::default();
    for (row, column, value) in range.used_cells() {
        // A range lies within a sheet, whose rows and columns are counted in 32 bits.
        let (row, column) = (row as u32, column as u32);
        rows.push(first_row + row, first_column + column, &cell_text(value))?;
    }
    Ok(rows)
}

fn first_visible(sheets: &[Sheet]) -> Result<&str, ListError> {
    let is_shown = |sheet: &&Sheet| {
        sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet
    };
    let sheet = sheets.iter().find(is_shown).ok_or(ListError::NoSheet)?;
    Ok(&sheet.name)
}

pub(super) fn damaged(error: impl Display) -> ListError {
    ListError::Sheet(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let found = read(std::io::repeat(b'P')).err().unwrap();
        assert!(matches!(found, ListError::SheetTooLarge), "{found}");
    }
}
