//! Adds up how large the sheets of an XLS file would be, before its reader asks for that much memory.
//!
//! The reader holds a sheet as one rectangle that spans all of its cells: a single cell in a far corner, or a
//! damaged byte, could make it ask for gigabytes.

use std::io::{Cursor, Read};

use cfb::CompoundFile;

use super::problem::ListError;
use super::spreadsheet::{SHEET_FILE_BYTES_MAX, damaged};

/// Most cells in the rectangles of all sheets together, which are held at once: as of one with all its 65,536
/// rows and a hundred columns.
const CELLS_MAX: u64 = 65_536 * 100;
/// The last column that a sheet can have.
const COLUMN_MAX: u32 = 0xff;
/// Most sheets in a file.
const SHEETS_MAX: usize = 1_000;
/// The stream with the records, by its newer and its older name.
const STREAMS: [&str; 2] = ["/Workbook", "/Book"];

/// The records that matter here (MS-XLS 2.3).
mod record {
    pub const FORMULA: u16 = 0x0006;
    pub const EOF: u16 = 0x000a;
    pub const BOUND_SHEET: u16 = 0x0085;
    pub const MUL_RK: u16 = 0x00bd;
    pub const R_STRING: u16 = 0x00d6;
    pub const LABEL_SST: u16 = 0x00fd;
    pub const DIMENSIONS: u16 = 0x0200;
    pub const NUMBER: u16 = 0x0203;
    pub const LABEL: u16 = 0x0204;
    pub const BOOL_ERR: u16 = 0x0205;
    pub const STRING: u16 = 0x0207;
    pub const RK: u16 = 0x027e;
    pub const BOF: u16 = 0x0809;
}

/// Refuses a file whose sheets would fill the memory.
pub(super) fn check(bytes: &[u8]) -> Result<(), ListError> {
    let stream = read_stream(bytes)?;
    let sheets: Vec<_> = Records(&stream).filter_map(sheet_start).collect();
    if sheets.len() > SHEETS_MAX {
        return Err(damaged("it has too many sheets"));
    }
    let streams = sheets.iter().filter_map(|&start| stream.get(start..));
    let cells = streams.map(sheet_cells).fold(0, u64::saturating_add);
    match cells > CELLS_MAX {
        true => Err(damaged("its sheets span too many cells: save it as XLSX")),
        false => Ok(()),
    }
}

fn read_stream(bytes: &[u8]) -> Result<Vec<u8>, ListError> {
    let mut file = CompoundFile::open(Cursor::new(bytes)).map_err(damaged)?;
    let name = STREAMS.into_iter().find(|name| file.is_stream(name));
    let name = name.ok_or_else(|| damaged("it holds no workbook"))?;
    let mut content = Vec::new();
    file.open_stream(name)
        .map_err(damaged)?
        .take(SHEET_FILE_BYTES_MAX)
        .read_to_end(&mut content)
        .map_err(damaged)?;
    Ok(content)
}

/// Where the sheet begins that a record announces (MS-XLS 2.4.28).
fn sheet_start((kind, body): (u16, &[u8])) -> Option<usize> {
    let start = body.first_chunk().filter(|_| kind == record::BOUND_SHEET)?;
    usize::try_from(u32::from_le_bytes(*start)).ok()
}

/// How many cells the sheet spans that `stream` begins with, as stated or as held. A chart inside it is passed.
fn sheet_cells(stream: &[u8]) -> u64 {
    let mut depth = 0_u32;
    let mut stated = 0;
    let mut area = Area::default();
    for (kind, body) in Records(stream) {
        match kind {
            record::BOF => depth += 1,
            record::EOF if depth <= 1 => break,
            record::EOF => depth -= 1,
            _ if depth > 1 => {}
            record::DIMENSIONS => stated = stated_cells(body).max(stated),
            _ => area.extend(kind, body),
        }
    }
    area.cells().max(stated)
}

/// The size that a sheet states: rows and columns, from and to (MS-XLS 2.4.90; rows are 16 bits in older
/// files).
fn stated_cells(body: &[u8]) -> u64 {
    let long = |place| {
        body.get(place..)?
            .first_chunk()
            .copied()
            .map(u32::from_le_bytes)
    };
    let short = |place| number(body, place).map(u32::from);
    let bounds = match body.len() {
        ..12 => [short(0), short(2), short(4), short(6)],
        12.. => [long(0), long(4), short(8), short(10)],
    };
    let [Some(top), Some(bottom), Some(left), Some(right)] = bounds else {
        return 0;
    };
    // The reader counts from the first column where the left one cannot be true.
    let left = if left > COLUMN_MAX { 0 } else { left };
    // It subtracts in 32 bits; what comes after must not begin again at 0.
    let length = |from: u32, to: u32| u64::from(to.wrapping_sub(from)) + 1;
    length(top, bottom).saturating_mul(length(left, right))
}

/// The 16 bits at `place`, little-endian.
fn number(body: &[u8], place: usize) -> Option<u16> {
    body.get(place..)?
        .first_chunk()
        .copied()
        .map(u16::from_le_bytes)
}

/// The rectangle that spans all cells met so far.
#[derive(Default)]
struct Area {
    rows: Option<(u16, u16)>,
    columns: Option<(u16, u16)>,
    /// Row and column of the last formula, whose text comes after it.
    formula: (u16, u16),
}

impl Area {
    /// Takes in a record, if it is a cell or, as `MUL_RK`, a run of cells of six bytes each.
    fn extend(&mut self, kind: u16, body: &[u8]) {
        let run = match kind {
            record::STRING => return self.widen(self.formula, 1),
            record::MUL_RK => body.len() / 6,
            record::FORMULA | record::R_STRING | record::LABEL_SST | record::NUMBER => 1,
            record::LABEL | record::BOOL_ERR | record::RK => 1,
            _ => return,
        };
        let (Some(row), Some(column)) = (number(body, 0), number(body, 2)) else {
            return;
        };
        if kind == record::FORMULA {
            self.formula = (row, column);
        }
        self.widen((row, column), run);
    }

    /// Takes in `run` cells of a row.
    fn widen(&mut self, (row, column): (u16, u16), run: usize) {
        // A record is shorter than 64 KiB, and so is its run.
        let last = column.saturating_add(run.saturating_sub(1) as u16);
        self.rows = Some(widened(self.rows, row));
        self.columns = Some(widened(Some(widened(self.columns, column)), last));
    }

    fn cells(&self) -> u64 {
        let length = |range: Option<(u16, u16)>| {
            range.map_or(0, |(from, to)| u64::from(to) - u64::from(from) + 1)
        };
        length(self.rows) * length(self.columns)
    }
}

fn widened(range: Option<(u16, u16)>, place: u16) -> (u16, u16) {
    range.map_or((place, place), |(from, to)| {
        (from.min(place), to.max(place))
    })
}

/// The records of a stream: type and length, 16 bits each, then the body (MS-XLS 2.1.4).
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = number(self.0, 0)?;
        let length = usize::from(number(self.0, 2)?);
        let (body, rest) = self.0[4..].split_at_checked(length)?;
        self.0 = rest;
        Some((kind, body))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = body.len() as u16;
        [&kind.to_le_bytes(), &length.to_le_bytes(), body].concat()
    }

    fn cell(kind: u16, row: u16, column: u16) -> Vec<u8> {
        record(
            kind,
            &[row.to_le_bytes(), column.to_le_bytes(), [0; 2]].concat(),
        )
    }

    /// A file whose only sheet holds `records`.
    fn file(records: &[Vec<u8>]) -> Vec<u8> {
        file_announcing(1, records)
    }

    /// A file that announces the sheet that holds `records` so many times.
    fn file_announcing(count: usize, records: &[Vec<u8>]) -> Vec<u8> {
        let bof = record(record::BOF, &[0; 4]);
        let start = (bof.len() + 12 * count + 4) as u32;
        let announced = record(
            record::BOUND_SHEET,
            &[&start.to_le_bytes()[..], &[0; 4]].concat(),
        )
        .repeat(count);
        let end = record(record::EOF, &[]);
        let stream = [
            bof.clone(),
            announced,
            end.clone(),
            bof,
            records.concat(),
            end,
        ]
        .concat();
        let mut file = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        file.create_stream("/Workbook")
            .unwrap()
            .write_all(&stream)
            .unwrap();
        file.into_inner().into_inner()
    }

    #[test]
    fn a_sheet_as_large_as_lists_get_is_read() {
        let corners = [cell(record::LABEL, 0, 0), cell(record::RK, u16::MAX, 99)];
        assert!(check(&file(&corners)).is_ok());
        assert!(check(&file(&[])).is_ok());
    }

    #[test]
    fn cells_in_far_corners_are_refused() {
        let corners = [cell(record::LABEL, 0, 0), cell(record::RK, u16::MAX, 255)];
        assert!(check(&file(&corners)).is_err());
        let run = record(record::MUL_RK, &[0; 6 * 200]);
        assert!(check(&file(&[run, cell(record::NUMBER, u16::MAX, 0)])).is_err());
    }

    #[test]
    fn sheets_that_are_large_together_are_refused() {
        let corners = [cell(record::LABEL, 0, 0), cell(record::RK, 59_999, 9)];
        assert!(check(&file_announcing(10, &corners)).is_ok());
        assert!(check(&file_announcing(11, &corners)).is_err());
    }

    #[test]
    fn a_text_without_its_formula_lies_in_the_first_cell() {
        let text = record(record::STRING, &[0; 4]);
        let corner = cell(record::RK, u16::MAX, u16::MAX);
        assert!(check(&file(&[text.clone(), corner.clone()])).is_err());
        let formula = cell(record::FORMULA, u16::MAX, u16::MAX);
        assert!(check(&file(&[formula, text, corner])).is_ok());
    }

    #[test]
    fn an_absurd_stated_size_is_refused() {
        let stated = |rows: u32, [left, right]: [u16; 2]| {
            let [left, right] = [left, right].map(u16::to_le_bytes);
            let body = [&[0; 4][..], &rows.to_le_bytes(), &left, &right, &[0; 2]];
            check(&file(&[record(record::DIMENSIONS, &body.concat())]))
        };
        assert!(stated(65_535, [0, 99]).is_ok());
        assert!(stated(65_535, [0, 256]).is_err());
        // The reader's count of rows wraps, and its first column is 0 where the stated one is absurd.
        for rows in [u32::MAX, u32::MAX - 1] {
            assert!(stated(rows, [0, 9]).is_err(), "{rows}");
        }
        assert!(stated(65_535, [u16::MAX, u16::MAX]).is_err());
    }

    #[test]
    fn cells_of_a_chart_inside_are_not_those_of_the_sheet() {
        let chart = [
            record(record::BOF, &[0; 4]),
            cell(record::NUMBER, u16::MAX, 255),
        ]
        .concat();
        let end = record(record::EOF, &[]);
        let sheet = [
            cell(record::LABEL, 0, 0),
            chart,
            end,
            cell(record::LABEL, 1, 0),
        ];
        assert!(check(&file(&sheet)).is_ok());
    }

    #[test]
    fn a_file_without_a_workbook_is_refused() {
        let empty = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        assert!(check(&empty.into_inner().into_inner()).is_err());
    }
}
