//! What is kept of accepted messages: a line each, a file each, both before they are acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use model::{Address, Envelope, Timestamp};
use serde::Serialize;

/// Where accepted messages are kept, if anywhere.
#[derive(Default)]
pub struct Keeping {
    lines: Option<Mutex<File>>,
    folder: Option<PathBuf>,
    stored: AtomicU64,
}

/// One line of the record.
#[derive(Serialize)]
struct Line<'a> {
    time_ms: i64,
    sender: &'a str,
    recipients: &'a [Address],
    message_id: &'a str,
    bytes: usize,
}

impl Keeping {
    /// Opens the record to append, and makes the folder.
    pub fn open(record: Option<&Path>, folder: Option<&Path>) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.with_context(|| format!("cannot write {}", path.display()))
        };
        let lines = record.map(open).transpose()?.map(Mutex::new);
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(Self {
            lines,
            folder: folder.map(Path::to_owned),
            stored: AtomicU64::new(0),
        })
    }

    /// Keeps a message. It is with the system when this returns, so it survives us, not a loss of power.
    pub fn keep(&self, envelope: &Envelope, message: &[u8], now: Timestamp) -> io::Result<()> {
        if let Some(folder) = &self.folder {
            let number = self.stored.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{number:08}.eml", now.as_millis());
            std::fs::write(folder.join(name), message)?;
        }
        let Some(lines) = &self.lines else {
            return Ok(());
        };
        let line = Line {
            time_ms: now.as_millis(),
            sender: envelope.sender.as_ref().map_or("", Address::as_str),
            recipients: &envelope.recipients,
            message_id: message_id(message).unwrap_or_default(),
            bytes: message.len(),
        };
        let mut json = serde_json::to_vec(&line)?;
        json.push(b'\n');
        // One write for the whole line, so that lines of several processes never mix.
        lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(&json)
    }
}

/// The value of the Message-ID field.
fn message_id(message: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"message-id:";
    let line = message
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .take_while(|line| !line.is_empty())
        .find(|line| {
            line.get(..NAME.len())
                .is_some_and(|name| name.eq_ignore_ascii_case(NAME))
        })?;
    std::str::from_utf8(line[NAME.len()..].trim_ascii()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_a_line_and_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (record, store) = (folder.path().join("r.jsonl"), folder.path().join("mail"));
        let keeping = Keeping::open(Some(&record), Some(&store)).unwrap();
        let sender = Address::parse("from@x.org").unwrap();
        let envelope = Envelope::new(Some(sender), Address::parse("to@y.org").unwrap());
        let message = b"Subject: Hi\r\nMESSAGE-ID: <1@x.org>\r\n\r\nMessage-ID: <no>\r\n";
        keeping
            .keep(&envelope, message, Timestamp::from_millis(7))
            .unwrap();
        let bare = Envelope::new(None, envelope.recipients[0].clone());
        keeping
            .keep(&bare, b"\r\n", Timestamp::from_millis(8))
            .unwrap();
        let lines = std::fs::read_to_string(&record).unwrap();
        let expected = "{\"time_ms\":7,\"sender\":\"from@x.org\",\"recipients\":[\"to@y.org\"],\
                        \"message_id\":\"<1@x.org>\",\"bytes\":56}\n\
                        {\"time_ms\":8,\"sender\":\"\",\"recipients\":[\"to@y.org\"],\"message_id\":\"\",\"bytes\":2}\n";
        assert_eq!(lines, expected);
        assert_eq!(
            std::fs::read(store.join("7-00000000.eml")).unwrap(),
            message
        );
    }
}
