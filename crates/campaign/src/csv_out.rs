//! Writes rows of the account files (`success.csv`, `failed.csv`) so that every program reads back what was
//! meant, and no spreadsheet takes a value for a formula.

use std::io::{self, Write};

/// What makes a spreadsheet take a cell for a formula, or begin one after it was trimmed.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// What makes it text.
const GUARD: &str = "'";
/// What can stand in a cell only between quotes (RFC 4180 §2.6).
const NEEDS_QUOTES: [char; 4] = [',', '"', '\r', '\n'];

/// Appends one row, ended by a line feed.
///
/// A cell that a spreadsheet would run as a formula gets a leading apostrophe, as people write it to mean text.
pub fn write_row(out: &mut impl Write, cells: &[&str]) -> io::Result<()> {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        write_cell(out, cell)?;
    }
    out.write_all(b"\n")
}

fn write_cell(out: &mut impl Write, cell: &str) -> io::Result<()> {
    let guard = match cell.starts_with(FORMULA_STARTS) {
        true => GUARD,
        false => "",
    };
    match cell.contains(NEEDS_QUOTES) || cell.trim().len() < cell.len() {
        true => write!(out, "\"{guard}{}\"", cell.replace('"', "\"\"")),
        false => write!(out, "{guard}{cell}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a cell of such a row meant, once a CSV reader has taken off its quotes.
    fn meant(cell: &str) -> &str {
        match cell.strip_prefix(GUARD) {
            Some(guarded) if guarded.starts_with(FORMULA_STARTS) => guarded,
            Some(_) | None => cell,
        }
    }

    fn written(cells: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        write_row(&mut out, cells).unwrap();
        out
    }

    #[test]
    fn rows_are_quoted_only_where_needed() {
        let cases: [(&[&str], &str); 5] = [
            (&["a@x.org", "Hello", "OK"], "a@x.org,Hello,OK\n"),
            (
                &["a@x.org", "Hi, \"Ada\"", "OK"],
                "a@x.org,\"Hi, \"\"Ada\"\"\",OK\n",
            ),
            (
                &["a@x.org", "two\nlines", "OK"],
                "a@x.org,\"two\nlines\",OK\n",
            ),
            (&["a@x.org", " spaces ", ""], "a@x.org,\" spaces \",\n"),
            (&["jörg@x.org"], "jörg@x.org\n"),
        ];
        for (cells, expected) in cases {
            assert_eq!(String::from_utf8(written(cells)).unwrap(), expected);
        }
    }

    #[test]
    fn formulas_are_made_text() {
        let cases = [
            ("=1+1", "'=1+1\n"),
            ("+49 170", "'+49 170\n"),
            ("-1", "'-1\n"),
            ("@SUM(A1)", "'@SUM(A1)\n"),
            ("\tx", "\"'\tx\"\n"),
            ("\rx", "\"'\rx\"\n"),
            (
                "=HYPERLINK(\"x\",\"y\")",
                "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"\n",
            ),
            ("a=b", "a=b\n"),
        ];
        for (cell, expected) in cases {
            assert_eq!(String::from_utf8(written(&[cell])).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_reader_reads_back_what_was_meant(cells in prop::collection::vec(any::<String>(), 1..6)) {
            // A reader takes a mark at the very start for an encoding's; no account begins with one.
            let row: Vec<&str> = ["a@x.org"].into_iter().chain(cells.iter().map(String::as_str)).collect();
            let bytes = written(&row);
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
            let record = reader.records().next().unwrap().unwrap();
            let read: Vec<&str> = record.iter().map(meant).collect();
            // What looks guarded already cannot be told from what we guard.
            prop_assume!(!cells.iter().any(|cell| meant(cell) != cell));
            prop_assert_eq!(read, row);
        }
    }
}
