//! Lists that are made to exhaust or mislead the reader; too large to be kept, they are made here.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

use std::io::{self, Cursor, Read};

use campaign::recipients::{ListError, ListSummary, ROW_BYTES_MAX, RecipientList};

/// What became of the rows: the lines of recipients, and the problems.
fn rows_of(list: RecipientList) -> (Vec<u64>, Vec<String>) {
    let mut lines = Vec::new();
    let mut problems = Vec::new();
    for row in list {
        match row.unwrap() {
            Ok(recipient) => lines.push(recipient.line),
            Err(problem) => problems.push(problem.to_string()),
        }
    }
    (lines, problems)
}

fn read(csv: impl Into<Vec<u8>>) -> (Vec<u64>, Vec<String>) {
    rows_of(RecipientList::from_csv(Cursor::new(csv.into())).unwrap())
}

fn refused(csv: impl Into<Vec<u8>>) -> String {
    let list = RecipientList::from_csv(Cursor::new(csv.into()));
    list.err().unwrap().to_string()
}

#[test]
fn a_ten_mib_cell_costs_its_row_only() {
    let cell = "x".repeat(10 << 20);
    let csv = format!("email,name\na@x.org,{cell}\nb@x.org,B\n");
    let expected = vec!["line 2: cell 2 is longer than 1 MiB".to_owned()];
    assert_eq!(read(csv), (vec![3], expected));
}

#[test]
fn a_ten_mib_quoted_cell_costs_its_row_only() {
    let cell = "x".repeat(10 << 20);
    let csv = format!("email,name\na@x.org,\"{cell}\"\nb@x.org,B\n");
    let (lines, problems) = read(csv);
    assert_eq!(lines, [3]);
    assert!(problems[0].starts_with("line 2: the quote that opens cell 2 is not closed"));
}

#[test]
fn a_row_beyond_its_bound_costs_itself_only() {
    let cells = ["x".repeat(1 << 20), "y".repeat(1 << 20)].join(",");
    let csv = format!("email,a,b,c,d\na@x.org,{cells},{cells}\nb@x.org,1,2,3,4\n");
    assert!(csv.len() > ROW_BYTES_MAX);
    let expected = vec!["line 2: the row is longer than 4 MiB".to_owned()];
    assert_eq!(read(csv), (vec![3], expected));
}

#[test]
fn an_unclosed_quote_swallows_no_row_after_it() {
    let mut csv = String::from("email,name\n");
    for number in 2..=10_000 {
        let quote = if number == 5_000 { "\"" } else { "" };
        csv.push_str(&format!("r{number}@x.org,{quote}Name {number}\n"));
    }
    let (lines, problems) = read(csv);
    let expected: Vec<u64> = (2..=10_000).filter(|&line| line != 5_000).collect();
    assert_eq!(lines, expected);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("line 5000: the quote that opens cell 2 is not closed"));
}

#[test]
fn many_unclosed_quotes_do_not_make_reading_slow() {
    let row = format!("a@x.org,\"{}\n", "x".repeat(100));
    let filler = "b@x.org,plain\n".repeat(50);
    let csv = format!("email,name\n{}", format!("{row}{filler}").repeat(2_000));
    let mut summary = ListSummary::default();
    for row in RecipientList::from_csv(Cursor::new(csv)).unwrap() {
        summary.record(&row.unwrap());
    }
    // Each opening quote finds its partner in the next such row, where text follows: refused, and resumed.
    assert_eq!((summary.recipients(), summary.skipped()), (100_000, 2_000));
}

#[test]
fn a_million_columns_are_refused() {
    let found = refused(format!("email{}\n", ",".repeat(999_999)));
    assert_eq!(found, "the header has 1000000 columns, more than 4096");
    let names: Vec<String> = (0..1_000_000)
        .map(|number| format!("column{number}"))
        .collect();
    let found = refused(names.join(","));
    assert_eq!(
        found,
        "cannot read the header in line 1: the row is longer than 4 MiB"
    );
}

#[test]
fn a_row_of_a_million_cells_costs_itself_only() {
    let csv = format!("email,name\na@x.org{}\nb@x.org,B\n", ",".repeat(1_000_000));
    let expected = vec!["line 2: the row has 1000001 cells where the header has 2".to_owned()];
    assert_eq!(read(csv), (vec![3], expected));
}

#[test]
fn line_ends_at_the_edge_of_the_buffer_are_not_split() {
    // Rows of 61 to 67 bytes bring every byte of a line end to the edge of a 64 KiB buffer.
    for padding in 0..7 {
        let row = format!("a@x.org,\"{}\"\r\n", "é".repeat(24 + padding));
        let csv = format!("email,name\r\n{}", row.repeat(5_000));
        let (lines, problems) = read(csv);
        assert_eq!(lines, (2..=5_001).collect::<Vec<u64>>());
        assert_eq!(problems, Vec::<String>::new());
    }
}

#[test]
fn a_carriage_return_at_the_edge_of_a_skipped_line_counts_once() {
    for length in (4 << 20)..(4 << 20) + 8 {
        let csv = format!("email\n{}\r\nb@x.org\n", "x".repeat(length));
        assert_eq!(read(csv).0, [3]);
    }
}

/// Hands out one byte at a time, and is interrupted in between.
struct Trickle<R>(R, bool);

impl<R: Read> Read for Trickle<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        match self.1 {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => self.0.by_ref().take(1).read(out),
        }
    }
}

#[test]
fn a_slow_connection_makes_no_difference() {
    let csv = "\u{feff}email,name\na@x.org,\"A\nA\"\nb@x.org,B\n";
    let slow = RecipientList::from_csv(Trickle(Cursor::new(csv), false)).unwrap();
    assert_eq!(rows_of(slow), read(csv));
}

/// A connection that breaks.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

#[test]
fn a_list_that_breaks_off_is_an_error_and_not_a_short_list() {
    let rows = "a@x.org\n".repeat(20_000);
    let input = Cursor::new(format!("email\n{rows}")).chain(Broken);
    let mut list = RecipientList::from_csv(input).unwrap();
    let error = list.find_map(Result::err);
    assert!(matches!(error, Some(ListError::Read(_))));
    assert!(list.next().is_none());
}
