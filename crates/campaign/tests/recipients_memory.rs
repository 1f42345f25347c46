//! A list of a million rows is read in the memory of a short one. The only test of its process, since it
//! measures the process.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

use std::fs;
use std::io::{self, Cursor, Read, Write};

use campaign::recipients::{ListSummary, RecipientList};

const ROWS: u64 = 1_000_000;
/// The bound that is promised for a list of any length.
const PEAK_KIB_MAX: u64 = 100 << 10;
/// What a longer list may cost more than a shorter one: nothing but the noise of the allocator.
const GROWTH_KIB_MAX: u64 = 2 << 10;

/// What the longest row may cost more: a buffer for it, and the smaller one that it replaces.
const BUFFER_KIB_MAX: u64 = 8 << 10;

/// Makes a list as it is read, so that it takes no place itself.
struct Generated {
    next: u64,
    rows: u64,
    chunk: Vec<u8>,
    given: usize,
}

impl Generated {
    fn new(rows: u64) -> Self {
        Self {
            next: 0,
            rows,
            chunk: b"email,name,plan,city,score\n".to_vec(),
            given: 0,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.chunk.clear();
        self.given = 0;
        while self.chunk.len() < 32 << 10 && self.next < self.rows {
            let row = self.next;
            writeln!(
                self.chunk,
                "person{row}@example{}.org,\"Person, {row}\",pro,Zürich,{}",
                row % 977,
                row % 100
            )?;
            self.next += 1;
        }
        Ok(())
    }
}

impl Read for Generated {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.chunk.len() {
            self.refill()?;
        }
        let count = (&self.chunk[self.given..]).read(out)?;
        self.given += count;
        Ok(count)
    }
}

/// The most memory that the process has had in use so far, in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn read_rows(rows: u64) {
    let mut summary = ListSummary::default();
    let mut json = String::new();
    for row in RecipientList::from_csv(Generated::new(rows)).unwrap() {
        let row = row.unwrap();
        summary.record(&row);
        json.clear();
        row.unwrap().write_json(&mut json);
    }
    assert_eq!((summary.recipients(), summary.skipped()), (rows, 0));
}

/// A line of 200 MiB, between two rows.
fn read_endless_line() {
    let line = io::repeat(b'x').take(200 << 20);
    let csv = Cursor::new("email\n")
        .chain(line)
        .chain(Cursor::new("\nada@example.org\n"));
    let mut list = RecipientList::from_csv(csv).unwrap();
    let problem = list.next().unwrap().unwrap().unwrap_err();
    assert_eq!(problem.to_string(), "line 2: cell 1 is longer than 1 MiB");
    assert_eq!(list.next().unwrap().unwrap().unwrap().line, 3);
}

#[test]
fn a_million_rows_and_an_endless_line_are_read_in_constant_memory() {
    read_rows(ROWS / 100);
    let short = peak_kib();
    read_rows(ROWS);
    let long = peak_kib();
    assert!(long < PEAK_KIB_MAX, "{long} KiB");
    assert!(
        long - short < GROWTH_KIB_MAX,
        "{short} KiB, then {long} KiB"
    );
    read_endless_line();
    let endless = peak_kib();
    assert!(
        endless - short < BUFFER_KIB_MAX,
        "{short} KiB, then {endless} KiB"
    );
}
