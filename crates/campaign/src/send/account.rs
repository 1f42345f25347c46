//! `success.csv` and `failed.csv`: a reader of the log that ends up with each recipient once, also over crashes.
//!
//! A line is written only after its outcome is durable. The place reached (log position and file lengths) is
//! remembered in the store after the files are synced. After a crash the files may hold lines beyond that
//! place: they are read back, and only what is missing is added. Lines of other runs in the same files are
//! left alone.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use compose::letter::Recipient as Reader;
use deliver::Letters;
use model::{MessageState, Seq};
use serde::{Deserialize, Serialize};
use store::{Logged, Store};

use super::Tools;
use super::ledger::Run;
use crate::csv_out;
use crate::error::CampaignError;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

/// Both files of a run.
pub(super) struct Account {
    store: Arc<dyn Store>,
    letters: Letters,
    reader: String,
    cursor: Seq,
    success: Sheet,
    failed: Sheet,
}

/// One file.
struct Sheet {
    path: PathBuf,
    file: BufWriter<File>,
    /// Who stands in the file beyond the remembered place: written before a crash.
    written: HashSet<String>,
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
        let reader = format!("account/{}", run.campaign.id.0);
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
            let (sheet, word) = match logged.event.kind.state() {
                MessageState::Delivered => (&mut self.success, "OK"),
                MessageState::Bounced | MessageState::Expired | MessageState::Dropped => {
                    (&mut self.failed, "Failed")
                }
                MessageState::Queued | MessageState::Cancelled => continue,
            };
            let address = logged.message.address.as_str();
            if !sheet.written.is_empty() && sheet.written.remove(address) {
                continue;
            }
            let letter = self.letters.get(logged.message.content).await?;
            let subject = letter.render_subject(Reader::from(&*logged.message));
            let subject = subject.as_ref().map_or("", |subject| subject.as_str());
            sheet.add(&[address, subject, word])?;
        }
        self.success.flush()?;
        self.failed.flush()
    }

    /// Syncs the files and remembers the place.
    pub(super) async fn save(&mut self, seq: Seq) -> Result<(), CampaignError> {
        self.cursor = seq;
        let place = Place {
            seq,
            success: self.success.sync()?,
            failed: self.failed.sync()?,
        };
        let json = serde_json::to_string(&place)
            .map_err(|error| store::StoreError::Backend(error.to_string()))?;
        Ok(self.store.save_cursor(&self.reader, &json).await?)
    }
}

impl Sheet {
    /// Opens a file to append; what stands beyond `bytes` was written before a crash.
    fn open(path: PathBuf, bytes: Option<u64>) -> Result<Self, CampaignError> {
        let opened = || -> io::Result<(File, HashSet<String>)> {
            let mut file = OpenOptions::new()
                .create(true)
                .read(true)
                .append(true)
                .open(&path)?;
            let length = file.metadata()?.len();
            let whole = end_torn_line(&mut file, length)?;
            let from = bytes.unwrap_or(whole).min(whole);
            let written = addresses_from(&mut file, from)?;
            Ok((file, written))
        };
        let (file, written) = opened().map_err(|reason| account_error(&path, reason))?;
        Ok(Self {
            path,
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            written,
        })
    }

    fn add(&mut self, cells: &[&str]) -> Result<(), CampaignError> {
        csv_out::write_row(&mut self.file, cells)
            .map_err(|reason| account_error(&self.path, reason))
    }

    fn flush(&mut self) -> Result<(), CampaignError> {
        self.file
            .flush()
            .map_err(|reason| account_error(&self.path, reason))
    }

    fn sync(&mut self) -> Result<FilePlace, CampaignError> {
        self.flush()?;
        let file = self.file.get_ref();
        let bytes = file
            .sync_data()
            .and_then(|()| file.metadata())
            .map_err(|reason| account_error(&self.path, reason))?
            .len();
        Ok(FilePlace {
            path: self.path.clone(),
            bytes,
        })
    }
}

/// Cuts off a last line without its end: a crash tore it. Gives the file's length then.
fn end_torn_line(file: &mut File, length: u64) -> io::Result<u64> {
    const TORN_BYTES_MAX: u64 = 1 << 20;
    let from = length.saturating_sub(TORN_BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    if end.is_empty() || end.ends_with(b"\n") {
        return Ok(length);
    }
    let Some(last) = end.iter().rposition(|byte| *byte == b'\n') else {
        return Ok(length);
    };
    let whole = from + last as u64 + 1;
    file.set_len(whole)?;
    Ok(whole)
}

/// The first cell of each row from a place on.
fn addresses_from(file: &mut File, from: u64) -> io::Result<HashSet<String>> {
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file);
    if reader.fill_buf()?.is_empty() {
        return Ok(HashSet::new());
    }
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(reader);
    let addresses = rows
        .records()
        .flatten()
        .filter_map(|row| row.get(0).map(|cell| csv_out::meant(cell).to_owned()));
    Ok(addresses.collect())
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

    #[test]
    fn a_torn_line_is_cut_and_whole_ones_are_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("success.csv");
        std::fs::write(
            &path,
            "old@x.org,Hi,OK\na@x.org,Hi,OK\n'+b@x.org,Hi,OK\nc@x.or",
        )
        .unwrap();
        let sheet = Sheet::open(path.clone(), Some(16)).unwrap();
        let expected: HashSet<String> = ["a@x.org", "+b@x.org"].map(str::to_owned).into();
        assert_eq!(sheet.written, expected);
        assert!(
            std::fs::read_to_string(&path)
                .unwrap()
                .ends_with("'+b@x.org,Hi,OK\n")
        );
    }
}
