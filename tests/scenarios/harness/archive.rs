//! The archive of events as a service leaves it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The variable that names its folder.
pub const ARCHIVE_FOLDER: &str = "GLASSPOST_EVENTS_ARCHIVE_FOLDER";

/// The files of months in a folder.
pub fn archive_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|is| is == "jsonl"))
        .collect()
}

/// The lines of all files; each is in the file of its month, and the last of a file may be half written.
#[track_caller]
pub fn archive_lines(folder: &Path) -> Vec<Value> {
    let mut lines = Vec::new();
    for path in archive_files(folder) {
        let text = fs::read_to_string(&path).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let month = line["at"].as_str().unwrap()[..7].to_owned();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(name, format!("events-{month}.jsonl"));
            lines.push(line);
        }
    }
    lines
}
