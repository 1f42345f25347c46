//! Delivered messages as an independent parser reads them: Python's `email`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{Process, program};

/// A message in a mailbox. All text is decoded, with `\n` at the ends of lines.
#[derive(Clone, Debug, Deserialize)]
pub struct Letter {
    /// The envelope's sender; empty for one from a sink.
    pub return_path: String,
    /// Whose mailbox it was delivered into; empty for one from a sink.
    pub delivered_to: String,
    /// Every field by its name in lower case, in order.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Authors: display name and address.
    pub from: Vec<(String, String)>,
    /// Recipients.
    pub to: Vec<(String, String)>,
    /// Recipients of copies.
    pub cc: Vec<(String, String)>,
    /// Seconds from its Date to its arrival in the mailbox. A Date has whole seconds.
    pub age_s: f64,
    /// How its parts are nested: `multipart/alternative(text/plain text/html)`.
    pub shape: String,
    /// The bodies by type.
    pub bodies: BTreeMap<String, String>,
    /// The attached files.
    pub attachments: Vec<Attached>,
    /// What the parser found wrong.
    pub defects: Vec<String>,
}

/// An attached file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// Its media type.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Its bytes in hexadecimal.
    pub hex: String,
}

impl Letter {
    /// A field that must be there exactly once.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        match self.headers.get(name).map(Vec::as_slice) {
            Some([only]) => only,
            other => panic!("{name} of the letter to {}: {other:?}", self.delivered_to),
        }
    }
}

impl Attached {
    /// What a file is to arrive as.
    pub fn of(name: &str, media_type: &str, bytes: &[u8]) -> Self {
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            hex,
        }
    }
}

/// Every message in the Maildirs below a folder, or in its files.
pub fn read_letters(folder: &Path) -> Vec<Letter> {
    const SCRIPT: &str = include_str!("read_mail.py");
    let mut command = program("python3");
    command.arg("-c").arg(SCRIPT).arg(folder);
    let read = Process::start("read_mail.py", &mut command)
        .wait()
        .expect_code(0);
    read.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
