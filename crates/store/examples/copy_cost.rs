//! What a move up costs: time and memory, for a data file of a given size.
//!
//! `cargo run --release -p store --example copy_cost -- postgres://… 1000000`, with an empty database. Every message is a
//! submission of 2 KB that was put off once and then delivered, and half of the reports did not arrive yet. Linux only: it
//! reads `/proc/self`.

#![expect(
    clippy::print_stdout,
    reason = "a measuring tool's table is its output"
)]

#[expect(dead_code, reason = "one of the meters is enough here")]
#[path = "support/cost.rs"]
mod cost;
#[expect(dead_code, reason = "the other tools need more of it")]
mod support;

use std::env;
use std::path::Path;
use std::time::Instant;

use cost::{folder_bytes, peak_memory_kib};
use rusqlite::Connection;
use store::SqliteStore;
use store::copy::copy;
use store::postgres::{Address, migrate};
use store::sqlite::FILE_NAME;
use support::{Outcome, cpu_time};

/// The rows of `?1` submissions of one account, one message each. A message has three places in the log, as if nobody else
/// had been served at the time.
const ROWS: [&str; 8] = [
    "INSERT INTO lanes (id, key, account) VALUES (1, 'account/1', 1)",
    "INSERT INTO messages (seq, lane, content, state, attempts, last_event, code, accepted_at, address, data, submission, \
     priority) SELECT 3 * n + 1, 1, 0, 1, 2, 3 * n + 3, 250, 1795355000000 + n, 'user' || n || '@example.org', '', 3 * n + 1, \
     2 FROM numbers",
    "INSERT INTO events (seq, message, lane, kind, at, attempts, previous, detail) SELECT 3 * n + 1 + step, 3 * n + 1, 1, \
     3 - step, 1795355000000 + 60000 * step + n, step, iif(step = 2, 3 * n + 2, NULL), \
     '{\"remote\":\"smtp.example.org:587\",\"reply\":\"Ok: queued as ' || n || '\",\"times\":{\"transaction_us\":1812}}' \
     FROM numbers, (SELECT 1 AS step UNION ALL SELECT 2)",
    "INSERT INTO submissions (id, tenant, client_id, account, priority, messages, open, failed, reports, created_at, \
     updated_at, finished_at) SELECT 3 * n + 1, 'acme', printf('%016x', n * 40503), 1, 2, 1, 0, 0, n % 2, \
     1795355000000 + n, 1795355060000 + n, 1795355060000 + n FROM numbers",
    "INSERT INTO payloads (submission, digest, payload) SELECT 3 * n + 1, zeroblob(32), '{\"subject\":\"' || \
     hex(randomblob(1000)) || '\"}' FROM numbers",
    "INSERT INTO reports (tenant, channel, seq, submission, at) SELECT 'acme', 0, 3 * n + 3, 3 * n + 1, 1795355060000 + n \
     FROM numbers WHERE n % 2 = 1",
    "INSERT INTO books (lane, state, count) SELECT 1, state, ?1 FROM (SELECT -1 AS state UNION ALL SELECT 1)",
    "INSERT INTO account_counts (account, accepted, sent) VALUES (1, ?1, ?1)",
];

fn main() -> Outcome<()> {
    let mut words = env::args().skip(1);
    let address = Address::parse(&words.next().ok_or("the address of an empty database")?)?;
    let size: i64 = match words.next() {
        Some(word) => word.parse()?,
        None => 1_000_000,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&address, size))
}

async fn run(address: &Address, size: i64) -> Outcome<()> {
    // Beside the build, since /tmp may be in memory.
    let folder = tempfile::tempdir_in(env::current_dir()?)?;
    make(folder.path(), size)?;
    let megabytes = folder_bytes(folder.path())? / 1_000_000;
    migrate(address).await?;
    println!(
        "{size} messages, {megabytes} MB: {} KiB at most in memory before",
        peak_memory_kib()?
    );
    let (started, used) = (Instant::now(), cpu_time()?);
    let mut table = "";
    let copied = copy(folder.path(), address, |progress| {
        if progress.table != table {
            println!(
                "{:>8.1} s  {}",
                started.elapsed().as_secs_f64(),
                progress.table
            );
            table = progress.table;
        }
    });
    let copied = copied.await?;
    let rows: u64 = copied.tables.iter().map(|(_, rows)| rows).sum();
    let (seconds, cpu) = (
        started.elapsed().as_secs_f64(),
        cpu_time()?.saturating_sub(used),
    );
    println!(
        "{rows} rows in {seconds:.1} s, {:.1} s of them CPU time here; {} KiB at most in memory",
        cpu.as_secs_f64(),
        peak_memory_kib()?,
    );
    Ok(())
}

/// Makes a data file, and fills it by hand: through the store it would take a quarter of an hour.
fn make(folder: &Path, size: i64) -> Outcome<()> {
    drop(SqliteStore::open(folder)?);
    let mut file = Connection::open(folder.join(FILE_NAME))?;
    file.execute_batch(
        "PRAGMA synchronous = OFF; CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY)",
    )?;
    let tx = file.transaction()?;
    tx.execute(
        "WITH RECURSIVE up(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM up WHERE n + 1 < ?1) \
         INSERT INTO numbers SELECT n FROM up",
        [size],
    )?;
    for statement in ROWS {
        let mut statement = tx.prepare(statement)?;
        match statement.parameter_count() {
            0 => statement.execute([])?,
            _ => statement.execute([size])?,
        };
    }
    tx.commit()?;
    Ok(())
}
