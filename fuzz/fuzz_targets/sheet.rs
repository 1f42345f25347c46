//! Spreadsheets: any file becomes rows or an error, in bounded time and memory, however its parts lie.
#![no_main]

use std::io::Cursor;
use std::panic;

use campaign::recipients::{ListSummary, RecipientList};
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8]) {
    let Ok(list) = RecipientList::from_spreadsheet(Cursor::new(bytes)) else {
        return;
    };
    let mut summary = ListSummary::default();
    for row in list {
        summary.record(&row.expect("a sheet is held whole and cannot break off"));
    }
    assert_eq!(summary.recipients() + summary.skipped(), summary.rows());
}

fuzz_target!(
    // A panic of the foreign reader is caught in the room, so here only one that leaves the room is a failure.
    init: panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| {
        if let Err(payload) = panic::catch_unwind(|| read(bytes)) {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            eprintln!("panicked: {}", text.or(payload.downcast_ref().copied()).unwrap_or_default());
            std::process::abort();
        }
    }
);
