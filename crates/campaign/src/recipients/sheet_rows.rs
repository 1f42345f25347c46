//! The rows of a spreadsheet, packed: one text and its cells' places for each.

use std::collections::VecDeque;

use super::columns::COLUMNS_MAX;
use super::problem::ListError;
use super::row::{Cells, RawRow, Span};
use super::spreadsheet::SHEET_TEXT_BYTES_MAX;

/// The rows that hold anything, in their order. Each is let go once it was read.
#[derive(Default)]
pub(super) struct SheetRows {
    rows: VecDeque<SheetRow>,
    /// The row that was handed out last.
    current: SheetRow,
    text_bytes: usize,
    /// The cells of the header; a shorter row has empty cells up to there.
    width: Option<usize>,
}

#[derive(Default)]
struct SheetRow {
    /// From 1, as the program shows it.
    number: u64,
    text: String,
    spans: Vec<Span>,
}

impl SheetRows {
    /// Adds a cell; both places count from 0. Cells come row by row, each row from left to right.
    pub fn push(&mut self, row: u32, column: u32, value: &str) -> Result<(), ListError> {
        if value.trim().is_empty() {
            return Ok(());
        }
        let column = column as usize;
        if column >= COLUMNS_MAX {
            let found = column + 1;
            return Err(ListError::TooManyColumns { found });
        }
        self.text_bytes += value.len();
        if self.text_bytes > SHEET_TEXT_BYTES_MAX {
            return Err(ListError::SheetTextTooLarge);
        }
        self.row(u64::from(row) + 1)?.push(column, value)
    }

    /// The row `number`, which is the last one or comes after it.
    fn row(&mut self, number: u64) -> Result<&mut SheetRow, ListError> {
        let last = self.rows.back().map_or(0, |row| row.number);
        if number < last {
            return Err(out_of_order(number));
        }
        if number > last {
            self.rows.push_back(SheetRow {
                number,
                ..SheetRow::default()
            });
        }
        self.rows.back_mut().ok_or_else(|| out_of_order(number))
    }

    /// The next row, or `None` at the end.
    pub fn next_row(&mut self) -> Option<RawRow<'_>> {
        self.current = self.rows.pop_front()?;
        let row = &mut self.current;
        let width = *self.width.get_or_insert(row.spans.len());
        row.pad(width);
        Some(RawRow {
            line: row.number,
            cells: Cells::new(row.text.as_bytes(), &row.spans, row.spans.len()),
        })
    }
}

impl SheetRow {
    fn push(&mut self, column: usize, value: &str) -> Result<(), ListError> {
        if column < self.spans.len() {
            return Err(out_of_order(self.number));
        }
        self.pad(column);
        let start = self.text.len();
        self.text.push_str(value);
        self.spans.push(Span::plain(start, self.text.len()));
        Ok(())
    }

    /// Adds empty cells up to `width`.
    fn pad(&mut self, width: usize) {
        let end = self.text.len();
        while self.spans.len() < width {
            self.spans.push(Span::plain(end, end));
        }
    }
}

fn out_of_order(row: u64) -> ListError {
    ListError::Sheet(format!("the cells of row {row} are out of order"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(cells: &[(u32, u32, &str)]) -> Result<Vec<(u64, Vec<String>)>, ListError> {
        let mut rows = SheetRows::default();
        for &(row, column, value) in cells {
            rows.push(row, column, value)?;
        }
        let mut found = Vec::new();
        while let Some(row) = rows.next_row() {
            let values = row.cells.unwrap().values().map(|value| value.into_owned());
            found.push((row.line, values.collect()));
        }
        Ok(found)
    }

    #[test]
    fn gaps_are_empty_cells_and_empty_rows_are_passed() {
        let cells = [(1, 0, "a"), (1, 2, "c"), (2, 0, " "), (4, 0, "x")];
        let found = rows_of(&cells).unwrap();
        let row = |values: [&str; 3]| values.map(str::to_owned).to_vec();
        assert_eq!(found, [(2, row(["a", "", "c"])), (5, row(["x", "", ""]))]);
    }

    #[test]
    fn hostile_places_are_refused() {
        assert!(rows_of(&[(0, 16_383, "x")]).is_err());
        assert!(rows_of(&[(5, 0, "x"), (4, 0, "y")]).is_err());
        assert!(rows_of(&[(5, 1, "x"), (5, 0, "y")]).is_err());
        assert_eq!(
            rows_of(&[(0, 0, "x"), (1_048_575, 0, "y")]).unwrap().len(),
            2
        );
    }

    #[test]
    fn text_repeated_without_end_is_refused() {
        let value = "x".repeat(32_767);
        let mut rows = SheetRows::default();
        let found = (0..).find_map(|row| rows.push(row, 0, &value).err());
        assert!(matches!(found, Some(ListError::SheetTextTooLarge)));
    }
}
