//! What holds for the house as a whole: which room may depend on which, and that its files are tidy.
//!
//! It lives with the room of rank 0, which builds first, so that it answers within seconds.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

mod rooms;
mod tidy;
mod unused;

use std::path::{Path, PathBuf};

/// The folder that holds everything.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Fails with every complaint at once, since whoever mends one wants to see the others.
#[track_caller]
fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
