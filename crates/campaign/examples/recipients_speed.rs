//! Measures what a row costs: CSV, address, JSON and a filter of three clauses, over a list of a million rows.
//!
//! `cargo run --release -p campaign --example recipients_speed [rows]`

#![expect(clippy::print_stdout, reason = "its purpose is to print a table")]

use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use campaign::filter::Filter;
use campaign::recipients::RecipientList;

const ROWS: u64 = 1_000_000;
const FILTER: &str = r#"plan == "pro" && score > 25 && email endsWith "example.org""#;

fn main() -> Result<(), Box<dyn Error>> {
    let rows = match std::env::args().nth(1) {
        Some(rows) => rows.parse()?,
        None => ROWS,
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("list.csv");
    write_list(&path, rows)?;

    let reading = time_of(|| read(&path, |_| {}))?;
    let mut json = String::new();
    let with_json = time_of(|| {
        read(&path, |recipient| {
            json.clear();
            recipient.write_json(&mut json);
            black_box(&json);
        })
    })?;
    let filtering = filter_time(&path, rows)?;

    println!(
        "{rows} rows of 5 columns, {} MB",
        fs::metadata(&path)?.len() / 1_000_000
    );
    println!(
        "read and checked        {:>6.0} ns a row",
        per_row(reading, rows)
    );
    println!(
        "read, checked, as JSON  {:>6.0} ns a row",
        per_row(with_json, rows)
    );
    println!(
        "filter of three clauses {:>6.0} ns a row",
        per_row(filtering, rows)
    );
    println!("peak memory             {:>6} KiB", peak_kib()?);
    Ok(())
}

fn write_list(path: &std::path::Path, rows: u64) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "email,name,plan,city,score")?;
    for row in 0..rows {
        let plan = if row % 3 == 0 { "pro" } else { "free" };
        writeln!(
            out,
            "person{row}@mail{}.example.org,\"Person, {row}\",{plan},Zürich,{}",
            row % 977,
            row % 100
        )?;
    }
    Ok(out.flush()?)
}

fn read(
    path: &std::path::Path,
    mut each: impl FnMut(campaign::recipients::Recipient),
) -> Result<(), Box<dyn Error>> {
    for row in RecipientList::open(path)? {
        each(row??);
    }
    Ok(())
}

fn time_of(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

/// The time for the filter alone: its own loop over some rows that are held, as often as there are rows.
fn filter_time(path: &std::path::Path, rows: u64) -> Result<Duration, Box<dyn Error>> {
    const HELD: usize = 1_000;
    let list = RecipientList::open(path)?;
    let filter = Filter::parse(FILTER)?.bind(list.columns());
    let held: Vec<_> = list.take(HELD).flatten().flatten().collect();
    time_of(|| {
        for recipient in held.iter().cycle().take(rows as usize) {
            black_box(filter.matches(black_box(&recipient.fields)));
        }
        Ok(())
    })
}

fn per_row(time: Duration, rows: u64) -> f64 {
    time.as_nanos() as f64 / rows as f64
}

/// The most memory that the process has had in use.
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmHWM in /proc/self/status")?.parse()?)
}
