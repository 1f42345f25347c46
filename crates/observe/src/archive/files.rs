//! Lines added to the files of their months, each once.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use model::Seq;
use serde::Deserialize;

use super::ArchiveError;
use super::entry::Line;

/// The longest line, in bytes: what is looked at of a file's end.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;
/// The file that is locked while somebody appends.
const LOCK: &str = "archive.lock";

/// The files of a folder.
#[derive(Clone)]
pub(super) struct Files {
    folder: PathBuf,
}

/// What the last line of a file says of itself.
#[derive(Deserialize)]
struct Last {
    seq: Seq,
    at: String,
    message_id: String,
}

impl Files {
    /// The files of a folder that can be written to; it is made where it is not there.
    pub(super) fn open(folder: &Path) -> Result<Self, ArchiveError> {
        let files = Self {
            folder: folder.to_owned(),
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.and_then(|()| open(&files.folder.join(LOCK)))
            .map_err(|reason| file_error(folder, reason))?;
        Ok(files)
    }

    /// Adds lines, in the log's order, those left out that are there already; `end` is a place that the log had reached. All
    /// of them are on disk when it answers.
    pub(super) async fn append(self, lines: Vec<Line>, end: Seq) -> Result<(), ArchiveError> {
        let folder = self.folder.clone();
        let appended = tokio::task::spawn_blocking(move || self.append_now(&lines, end)).await;
        appended.unwrap_or_else(|broken| Err(file_error(&folder, io::Error::other(broken))))
    }

    fn append_now(&self, lines: &[Line], end: Seq) -> Result<(), ArchiveError> {
        let path = self.folder.join(LOCK);
        let lock = open(&path).map_err(|reason| file_error(&path, reason))?;
        take(&lock).map_err(|reason| file_error(&path, reason))?;
        let mut months: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
        for line in lines {
            months.entry(line.month()).or_default().push(line);
        }
        for (month, lines) in months {
            let path = self.folder.join(format!("events-{month}.jsonl"));
            append(&path, &lines, end).map_err(|reason| file_error(&path, reason))?;
        }
        // That the files are there has to be on disk as well.
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|reason| file_error(&self.folder, reason))
    }
}

fn append(path: &Path, lines: &[&Line], end: Seq) -> io::Result<()> {
    let mut file = open(path)?;
    let known = match cut_to_last_line(&mut file)? {
        Some(last) => last.known_to(lines, end),
        None => Seq::START,
    };
    let new = lines.iter().filter(|line| line.seq > known);
    let text: String = new.map(|line| line.text.as_str()).collect();
    file.write_all(text.as_bytes())?;
    // Also where nothing was new: who wrote it may have been killed before.
    file.sync_all()
}

impl Last {
    /// Up to where a file has what is to be added: to this line. But a log can go back, when a database fails over and
    /// loses its last commits; its places belong to other events then, and what is added is new.
    fn known_to(&self, lines: &[&Line], end: Seq) -> Seq {
        let is_this = |line: &Line| self.at == line.at && self.message_id == line.message_id;
        let mut same = lines.iter().filter(|line| line.seq == self.seq);
        match self.seq <= end && same.all(|line| is_this(line)) {
            true => self.seq,
            false => Seq::START,
        }
    }
}

/// Keeps others from appending meanwhile. Where the file system knows no locks, the duty's lease does that alone.
fn take(lock: &File) -> io::Result<()> {
    match lock.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let text = "another process appends to the files of this folder";
            Err(io::Error::new(ErrorKind::WouldBlock, text))
        }
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Opens a file to append to it. It names people: only its owner may read it.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// Cuts off what stands behind the last whole line, which a crash tore; gives that line, where there is one.
fn cut_to_last_line(file: &mut File) -> io::Result<Option<Last>> {
    let length = file.metadata()?.len();
    // A whole line, the end of the one before it, and a torn one.
    let from = length.saturating_sub(2 * LINE_BYTES_MAX as u64 + 1);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n');
    let whole = whole.map_or(0, |end| end + 1);
    let mut lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
    let last = match lines.next_back() {
        Some(line) => Some(serde_json::from_slice(line).map_err(|_| strange())?),
        None if from > 0 => return Err(strange()),
        None => None,
    };
    if whole < bytes.len() {
        file.set_len(from + whole as u64)?;
    }
    Ok(last)
}

fn strange() -> io::Error {
    let text =
        "its last line is not one of the archive's: move the file away, and a new one is begun";
    io::Error::new(ErrorKind::InvalidData, text)
}

fn file_error(path: &Path, reason: io::Error) -> ArchiveError {
    ArchiveError::File {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const END: Seq = Seq::new(99);

    fn line(seq: i64, at: &str) -> Line {
        let message_id = format!("m{seq}");
        let text = format!(r#"{{"at":"{at}","message_id":"{message_id}","seq":{seq}}}"#) + "\n";
        Line {
            seq: Seq::new(seq),
            message_id,
            at: at.to_owned(),
            text,
        }
    }

    fn november(seqs: impl IntoIterator<Item = i64>) -> Vec<Line> {
        let line = |seq| line(seq, "2026-11-22T13:43:20.120Z");
        seqs.into_iter().map(line).collect()
    }

    fn text(lines: &[Line]) -> String {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    struct Shelf {
        folder: tempfile::TempDir,
        files: Files,
    }

    impl Shelf {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let files = Files::open(&folder.path().join("deep/archive")).unwrap();
            Self { folder, files }
        }

        fn path(&self, month: &str) -> PathBuf {
            let name = format!("deep/archive/events-{month}.jsonl");
            self.folder.path().join(name)
        }

        fn read(&self, month: &str) -> String {
            std::fs::read_to_string(self.path(month)).unwrap()
        }

        fn append(&self, lines: &[Line]) {
            self.files.append_now(lines, END).unwrap();
        }
    }

    #[test]
    fn what_is_there_already_is_left_out_and_a_torn_line_is_written_anew() {
        let (shelf, all) = (Shelf::new(), november(1..=5));
        shelf.append(&all[..3]);
        assert_eq!(shelf.read("2026-11"), text(&all[..3]));
        for torn in 0..all[3].text.len() {
            let left = text(&all[..3]) + &all[3].text[..torn];
            std::fs::write(shelf.path("2026-11"), left).unwrap();
            shelf.append(&all[1..]);
            assert_eq!(shelf.read("2026-11"), text(&all), "torn after {torn} bytes");
        }
        shelf.append(&all);
        assert_eq!(shelf.read("2026-11"), text(&all));
    }

    #[test]
    fn each_month_has_its_file_that_only_its_owner_reads() {
        let shelf = Shelf::new();
        let old = line(2, "2026-10-31T23:59:59.999Z");
        let mut lines = november([1, 3]);
        lines.insert(1, old);
        shelf.append(&lines);
        assert_eq!(shelf.read("2026-11"), text(&november([1, 3])));
        assert_eq!(shelf.read("2026-10"), lines[1].text);
        for (path, expected) in [
            (shelf.path("2026-10"), 0o600),
            (shelf.files.folder.clone(), 0o700),
        ] {
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, expected);
        }
    }

    #[test]
    fn a_log_that_went_back_loses_nothing_of_what_comes_then() {
        let shelf = Shelf::new();
        let before = november(1..=5);
        shelf.append(&before);
        // The log ended at 3 and has come to 4, or to 6.
        let mut again = november(4..=6);
        again.iter_mut().for_each(|line| {
            line.message_id = format!("n{}", line.seq.get());
            line.text = line.text.replace(":\"m", ":\"n");
        });
        shelf.files.append_now(&again[..1], Seq::new(4)).unwrap();
        shelf.append(&again);
        assert_eq!(shelf.read("2026-11"), text(&before) + &text(&again));

        let shelf = Shelf::new();
        shelf.append(&before);
        shelf.append(&again);
        assert_eq!(shelf.read("2026-11"), text(&before) + &text(&again));
    }

    #[test]
    fn only_one_appends_at_a_time() {
        let shelf = Shelf::new();
        let other = open(&shelf.files.folder.join(LOCK)).unwrap();
        other.lock().unwrap();
        let refused = shelf.files.append_now(&november([1]), END).unwrap_err();
        assert!(refused.to_string().contains("another process"), "{refused}");
        drop(other);
        shelf.append(&november([1]));
    }

    #[test]
    fn a_file_of_others_is_neither_cut_nor_written_to() {
        let shelf = Shelf::new();
        for strange in ["a note\n", "{}\n", &"x".repeat(3 * LINE_BYTES_MAX)] {
            std::fs::write(shelf.path("2026-11"), strange).unwrap();
            let refused = shelf.files.append_now(&november([1]), END).unwrap_err();
            assert!(refused.to_string().contains("move the file away"));
            assert_eq!(shelf.read("2026-11"), strange);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_one_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        std::fs::write(&path, "").unwrap();
        let refused = Files::open(&path).err().unwrap().to_string();
        assert!(refused.contains("taken: "), "{refused}");
    }
}
