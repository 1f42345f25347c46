//! Reads every list of `corpus/` and compares what it came to with the account that lies beside it.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use campaign::recipients::{ListSummary, RecipientList};

/// What a list came to: one line for each row, then the summary.
fn account(path: &Path) -> String {
    let mut out = String::new();
    let list = match RecipientList::open(path) {
        Ok(list) => list,
        Err(error) => return format!("error: {error}\n"),
    };
    let mut summary = ListSummary::default();
    for row in list {
        let row = row.unwrap();
        summary.record(&row);
        match row {
            Ok(recipient) => {
                write!(out, "line {}: ", recipient.line).unwrap();
                recipient.write_json(&mut out);
                out.push('\n');
            }
            Err(problem) => writeln!(out, "{problem}").unwrap(),
        }
    }
    writeln!(out, "{summary}").unwrap();
    out
}

fn lists_in(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder);
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut lists: Vec<_> = files
        .filter(|path| path.extension().unwrap() != "account")
        .collect();
    lists.sort();
    lists
}

fn compare_all(folder: &str) {
    let lists = lists_in(folder);
    assert!(!lists.is_empty());
    let mut wrong = String::new();
    for list in lists {
        let mut beside = list.clone().into_os_string();
        beside.push(".account");
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        let found = account(&list);
        if found != expected {
            let name = list.file_name().unwrap().display();
            writeln!(wrong, "--- {name}: expected\n{expected}--- found\n{found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_csv_comes_to_its_account() {
    compare_all("csv");
}

#[test]
fn every_spreadsheet_comes_to_its_account() {
    compare_all("sheets");
}
