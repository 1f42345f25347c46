//! What is SQLite's own: the file, several processes on it, kills and a full disk.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says by a panic what failed, and what it measured on its output"
)]

#[path = "../support/canaries.rs"]
mod canaries;
mod child;
mod damaged;
mod disk;
mod file;
mod kill;
mod payloads;
mod processes;
mod secrets;
mod statistics;
#[path = "../support/mod.rs"]
mod support;

use support::runtime;

/// What SQLite says about the whole file.
fn assert_sound(folder: &std::path::Path) {
    let connection = rusqlite::Connection::open(folder.join(store::sqlite::FILE_NAME)).unwrap();
    let verdict: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}
