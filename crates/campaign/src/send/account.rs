//! `success.csv` and `failed.csv`: a reader of the log that ends up with each message once, also over crashes. A
//! recipient whose failed message was repeated is there for both.
//!
//! A line is written only after its outcome is durable. The place reached (log position and file lengths) is
//! remembered in the store after the files are synced. After a crash the files may hold lines beyond that
//! place: they are read back, and only what is missing is added. Lines of other runs in the same files are
//! left alone. While the disk is full, the lines wait.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use compose::letter::{Letter, Recipient as Reader};
use deliver::{Letters, Unmade};
use model::{ContentHash, MessageState, Seq};
use serde::{Deserialize, Serialize};
use store::{Logged, Store};
use tokio_util::sync::CancellationToken;

use super::ledger::Run;
use super::{Tools, patience};
use crate::csv_out;
use crate::error::CampaignError;

/// Bytes gathered before they are written; a batch's rest is written at its end.
const BUFFER_BYTES: usize = 64 * 1024;

/// Both files of a run.
pub(super) struct Account {
    store: Arc<dyn Store>,
    letters: Letters,
    reader: String,
    cursor: Seq,
    stop: CancellationToken,
    success: Sheet,
    failed: Sheet,
}

/// One file.
struct Sheet {
    path: PathBuf,
    file: File,
    /// Lines that are not in the file yet. While the disk is full, the first may be there in part.
    pending: Vec<u8>,
    /// Lines in the file beyond the remembered place, and how often each is there: what a process that died may have
    /// written last. A failed message and its failed repeat have the same line.
    left: HashMap<Vec<u8>, usize>,
}

/// The remembered place.
#[derive(Serialize, Deserialize)]
struct Place {
    seq: Seq,
    success: FilePlace,
    failed: FilePlace,
}

#[derive(Serialize, Deserialize)]
struct FilePlace {
    path: PathBuf,
    bytes: u64,
}

impl Account {
    /// Opens the files of a run where an earlier process left them.
    pub(super) async fn open(
        folder: &Path,
        run: &Run,
        tools: &Tools,
    ) -> Result<Self, CampaignError> {
        let reader = format!("account/{}", run.campaign.lane.0);
        let remembered = tools.store.cursor(&reader).await?;
        let place: Option<Place> = remembered.and_then(|json| serde_json::from_str(&json).ok());
        let folder = std::path::absolute(folder).map_err(|reason| account_error(folder, reason))?;
        let (success, failed) = (folder.join("success.csv"), folder.join("failed.csv"));
        // Files of another folder hold nothing of ours: this one gets the account of the whole run.
        let place = place.filter(|place| place.success.path == success);
        let cursor = match &place {
            Some(place) => place.seq,
            None if run.is_resumed => Seq::START,
            None => tools.store.end_of_log().await?,
        };
        let bytes = |of: fn(&Place) -> &FilePlace| place.as_ref().map(|place| of(place).bytes);
        Ok(Self {
            success: Sheet::open(success, bytes(|place| &place.success))?,
            failed: Sheet::open(failed, bytes(|place| &place.failed))?,
            cursor,
            letters: Letters::new(Arc::clone(&tools.store)),
            stop: tools.stop.clone(),
            store: Arc::clone(&tools.store),
            reader,
        })
    }

    /// The log's place up to which the files are complete.
    pub(super) fn cursor(&self) -> Seq {
        self.cursor
    }

    /// Adds the lines of events that are final.
    pub(super) async fn write(
        &mut self,
        events: impl Iterator<Item = &Logged>,
    ) -> Result<(), CampaignError> {
        for logged in events {
            // News of what was delivered adds no line, and neither does mail that is no campaign's.
            let (true, Some(content)) =
                (logged.event.news.is_none(), logged.message.content.letter())
            else {
                continue;
            };
            let (sheet, word) = match logged.event.kind.state() {
                MessageState::Delivered => (&mut self.success, "OK"),
                MessageState::Bounced | MessageState::Expired | MessageState::Dropped => {
                    (&mut self.failed, "Failed")
                }
                MessageState::Queued | MessageState::Cancelled => continue,
            };
            let letter = letter_of(&self.letters, content, &self.stop).await?;
            let subject = letter.render_subject(Reader::from(&*logged.message));
            let subject = subject.as_ref().map_or("", |subject| subject.as_str());
            sheet.add(&[logged.message.address.as_str(), subject, word])?;
            if sheet.pending.len() >= BUFFER_BYTES {
                sheet.patiently(&self.stop, Sheet::flush).await?;
            }
        }
        self.success.patiently(&self.stop, Sheet::flush).await?;
        self.failed.patiently(&self.stop, Sheet::flush).await
    }

    /// Everything that a process before this one recorded has its line. Whatever else stands in the files is of
    /// other runs, which may well have written to the same people.
    pub(super) fn caught_up(&mut self) {
        self.success.left.clear();
        self.failed.left.clear();
    }

    /// Syncs the files and remembers the place.
    pub(super) async fn save(&mut self, seq: Seq) -> Result<(), CampaignError> {
        self.cursor = seq;
        let place = Place {
            seq,
            success: self.success.patiently(&self.stop, Sheet::sync).await?,
            failed: self.failed.patiently(&self.stop, Sheet::sync).await?,
        };
        let json = serde_json::to_string(&place)
            .map_err(|error| store::StoreError::Backend(error.to_string()))?;
        let remember = || self.store.save_cursor(&self.reader, &json);
        Ok(patience::ask(&self.stop, remember).await?)
    }
}

/// A message's letter, however long the store is away.
async fn letter_of(
    letters: &Letters,
    content: ContentHash,
    stop: &CancellationToken,
) -> Result<Arc<Letter>, CampaignError> {
    loop {
        match letters.get(content).await {
            Err(Unmade::Store(error)) if error.is_transient() && !stop.is_cancelled() => {
                tracing::warn!(%error, "the account waits for the store");
                patience::pause(stop).await;
            }
            letter => return Ok(letter?),
        }
    }
}

impl Sheet {
    /// Opens a file to append; what stands beyond `bytes` was written before a crash.
    fn open(path: PathBuf, bytes: Option<u64>) -> Result<Self, CampaignError> {
        let opened = || -> io::Result<(File, HashMap<Vec<u8>, usize>)> {
            let mut file = OpenOptions::new()
                .create(true)
                .read(true)
                .append(true)
                .open(&path)?;
            let left = match bytes {
                Some(bytes) => {
                    cut_torn_line(&mut file, bytes)?;
                    lines_from(&mut file, bytes)?
                }
                None => {
                    end_last_line(&mut file)?;
                    HashMap::new()
                }
            };
            Ok((file, left))
        };
        let (file, left) = opened().map_err(|reason| account_error(&path, reason))?;
        Ok(Self {
            path,
            file,
            pending: Vec::new(),
            left,
        })
    }

    /// Adds a line, unless it is one that was left there.
    fn add(&mut self, cells: &[&str]) -> Result<(), CampaignError> {
        let start = self.pending.len();
        csv_out::write_row(&mut self.pending, cells)
            .map_err(|reason| account_error(&self.path, reason))?;
        if self.was_left(start) {
            self.pending.truncate(start);
        }
        Ok(())
    }

    /// Whether the line that begins there in `pending` is one of those that were left; it is so once for each.
    fn was_left(&mut self, start: usize) -> bool {
        match self.left.get_mut(&self.pending[start..]) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    /// Does something with the file, again and again while the disk is full.
    async fn patiently<T>(
        &mut self,
        stop: &CancellationToken,
        act: fn(&mut Self) -> io::Result<T>,
    ) -> Result<T, CampaignError> {
        loop {
            match act(self) {
                Err(reason) if patience::is_full(&reason) && !stop.is_cancelled() => {
                    let path = self.path.display();
                    tracing::error!("cannot write {path}: {reason}; its lines wait for room");
                    patience::pause(stop).await;
                }
                answer => return answer.map_err(|reason| account_error(&self.path, reason)),
            }
        }
    }

    /// Writes what is pending: whole lines at once, so that those of several processes never mix.
    fn flush(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            match self.file.write(&self.pending) {
                Ok(written) => drop(self.pending.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<FilePlace> {
        self.flush()?;
        self.file.sync_data()?;
        Ok(FilePlace {
            path: self.path.clone(),
            bytes: self.file.metadata()?.len(),
        })
    }
}

/// The longest line that is looked for at the end of a file.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Cuts off a last line without its end: a crash tore it. What was synced, the first `synced` bytes, stays.
fn cut_torn_line(file: &mut File, synced: u64) -> io::Result<()> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LINE_BYTES_MAX).max(synced);
    let end = bytes_from(file, from)?;
    if end.is_empty() || end.ends_with(b"\n") {
        return Ok(());
    }
    let whole = end.iter().rposition(|byte| *byte == b'\n');
    file.set_len(from + whole.map_or(0, |place| place as u64 + 1))
}

/// Gives a last line its end: it is not ours to cut, and ours are not to begin in its middle.
fn end_last_line(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    match bytes_from(file, length.saturating_sub(1))?.as_slice() {
        [] | [b'\n'] => Ok(()),
        _ => file.write_all(b"\n"),
    }
}

fn bytes_from(file: &mut File, from: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Each line from a place on, with its end.
fn lines_from(file: &mut File, from: u64) -> io::Result<HashMap<Vec<u8>, usize>> {
    file.seek(SeekFrom::Start(from))?;
    let (mut reader, mut lines) = (BufReader::new(file), HashMap::new());
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(lines);
        }
        *lines.entry(line).or_default() += 1;
    }
}

fn account_error(path: &Path, reason: io::Error) -> CampaignError {
    CampaignError::Account {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with that content, opened as after a crash; gives what was read back, and what is there now.
    fn opened(content: &str, synced: Option<u64>) -> (Sheet, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("success.csv");
        std::fs::write(&path, content).unwrap();
        let sheet = Sheet::open(path.clone(), synced).unwrap();
        (sheet, std::fs::read_to_string(&path).unwrap())
    }

    #[test]
    fn a_torn_line_is_cut_and_whole_ones_are_known_again() {
        let whole = "old@x.org,Hi,OK\na@x.org,Hi,OK\n'+b@x.org,Hi,OK\n";
        let (mut sheet, left) = opened(&format!("{whole}c@x.or"), Some(16));
        assert_eq!(left, whole);
        for address in ["+b@x.org", "c@x.org", "old@x.org", "a@x.org"] {
            sheet.add(&[address, "Hi", "OK"]).unwrap();
        }
        assert_eq!(sheet.pending, b"c@x.org,Hi,OK\nold@x.org,Hi,OK\n");
    }

    /// A failed message and its failed repeat have equal lines: none is to be left out, none to be added.
    #[test]
    fn equal_lines_are_known_again_as_often_as_they_were_left() {
        let twice = "a@x.org,Hi,Failed\na@x.org,Hi,Failed\n";
        let (mut sheet, _) = opened(twice, Some(0));
        for _ in 0..3 {
            sheet.add(&["a@x.org", "Hi", "Failed"]).unwrap();
        }
        assert_eq!(sheet.pending, b"a@x.org,Hi,Failed\n");
    }

    #[test]
    fn the_only_line_is_cut_when_it_is_torn_and_kept_when_it_was_synced() {
        assert_eq!(opened("a@x.o", Some(0)).1, "");
        assert_eq!(opened("kept", Some(4)).1, "kept");
    }

    #[test]
    fn a_line_of_others_without_its_end_is_not_cut_by_a_new_run() {
        assert_eq!(opened("a note", None).1, "a note\n");
        assert_eq!(opened("a note\n", None).1, "a note\n");
        assert_eq!(opened("", None).1, "");
    }

    #[test]
    fn the_same_person_in_another_run_is_another_line() {
        let (mut sheet, _) = opened("a@x.org,Summer,OK\n", Some(0));
        sheet.add(&["a@x.org", "Spring", "OK"]).unwrap();
        assert_eq!(sheet.pending, b"a@x.org,Spring,OK\n");
    }
}
