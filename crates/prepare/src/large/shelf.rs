//! The operator's folder where linked files lie, each in a folder of its own that nobody can guess.
//!
//! The time of a file is the moment from which it may be removed: it is set when the file is written, and
//! brought forward when it is first read. So the shelf needs no list of what is on it.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use model::{Clock, Timestamp};

use super::DAY;
use super::link::{LinkKey, Ticket};
use crate::folder::{Folder, FolderError, InnerPath};

/// The longest name of a file, in bytes; common file systems take 255.
const NAME_BYTES_MAX: usize = 200;
/// How deep below the shelf files are looked for.
const DEPTH_MAX: usize = 8;

/// The folder, its key and its clock. All calls block.
pub struct Shelf {
    folder: Folder,
    path: PathBuf,
    inner: InnerPath,
    key: LinkKey,
    clock: Clock,
}

/// A file that a link gives.
#[derive(Debug)]
pub struct Download {
    /// Its content.
    pub file: File,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// Its name.
    pub file_name: String,
}

/// Why a link gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// It was not made here, or was changed. 404.
    #[error("there is no such download")]
    Unknown,
    /// Its time is over. 410.
    #[error("this download has expired")]
    Expired,
    /// The folder did not give it. 503.
    #[error(transparent)]
    Folder(FolderError),
}

impl Shelf {
    /// Opens the folder at the absolute `path`.
    pub fn open(path: &Path, key: LinkKey, clock: Clock) -> io::Result<Self> {
        let invalid = || {
            let problem = "the folder for large files needs an absolute path in UTF-8";
            io::Error::new(io::ErrorKind::InvalidInput, problem)
        };
        let text = path
            .to_str()
            .filter(|text| text.starts_with('/'))
            .ok_or_else(invalid)?;
        Ok(Self {
            folder: Folder::open(path)?,
            path: path.to_owned(),
            inner: InnerPath::parse(text).map_err(|_| invalid())?,
            key,
            clock,
        })
    }

    pub(super) fn key(&self) -> &LinkKey {
        &self.key
    }

    /// What of the absolute `path` lies below the shelf.
    pub(super) fn place(&self, path: &InnerPath) -> Result<InnerPath, FolderError> {
        path.below(&self.inner).ok_or(FolderError::Closed)
    }

    /// Brings a file to the disk. Of one that cannot be finished nothing stays.
    pub(super) fn put(&self, ticket: &Ticket, bytes: &[u8]) -> Result<(), FolderError> {
        let outer = self.folder.enter_or_make(&ticket.place)?;
        let own = outer.enter_or_make(&InnerPath::parse(&ticket.id)?)?;
        let end = time(Timestamp::from_millis(ticket.expires.saturating_mul(1000)));
        let written = own.create(&ticket.name, bytes, end);
        if written.is_err() {
            outer.remove_empty(&ticket.id);
        }
        written
    }

    /// Opens what a link leads to: `path` is what follows `/download/`, decoded. The first reading
    /// may bring the end of the file forward.
    pub fn download(&self, path: &str) -> Result<Download, DownloadError> {
        let ticket = Ticket::open(path, &self.key).ok_or(DownloadError::Unknown)?;
        let now = self.clock.now();
        if ticket.expires <= now.as_secs() {
            return Err(DownloadError::Expired);
        }
        let inner = ticket.file().ok_or(DownloadError::Unknown)?;
        let file = self.folder.open_file(&inner).map_err(|error| match error {
            FolderError::Missing => DownloadError::Expired,
            other => DownloadError::Folder(other),
        })?;
        let folder = |error: io::Error| DownloadError::Folder(error.into());
        let about = file.metadata().map_err(folder)?;
        let end = about.modified().map_err(folder)?;
        if end <= time(now) {
            return Err(DownloadError::Expired);
        }
        if let Some(days) = ticket.days_after_reading {
            let sooner = end.min(time(now + DAY * days.max(1)));
            file.set_times(FileTimes::new().set_modified(sooner))
                .map_err(folder)?;
        }
        Ok(Download {
            size_bytes: about.len(),
            file_name: ticket.name,
            file,
        })
    }

    /// Removes files whose end has come, and returns how many. To be called now and then.
    pub fn sweep(&self) -> io::Result<usize> {
        sweep(&self.path, time(self.clock.now()), DEPTH_MAX)
    }
}

fn sweep(folder: &Path, now: SystemTime, depth: usize) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of a link, this is the link itself.
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let is_ours = entry.file_name().to_str().is_some_and(is_id);
        if is_ours {
            removed += sweep_one(&entry.path(), now)?;
        } else if depth > 0 {
            removed += sweep(&entry.path(), now, depth - 1)?;
        }
    }
    Ok(removed)
}

/// The folder of one file.
fn sweep_one(folder: &Path, now: SystemTime) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_file() && about.modified()? <= now {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    // One that is still in use stays, and so does the one whose file is about to be written.
    if removed > 0 {
        let _ = fs::remove_dir(folder);
    }
    Ok(removed)
}

fn is_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn time(moment: Timestamp) -> SystemTime {
    let millis = u64::try_from(moment.as_millis()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// A name that every file system takes and that is no hidden file.
pub(super) fn file_name_on_disk(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '/' | '\\' | ':') {
                '_'
            } else {
                c
            }
        })
        .collect();
    let visible = plain.trim_start_matches('.').trim();
    let end = visible.floor_char_boundary(NAME_BYTES_MAX);
    match &visible[..end] {
        "" => "attachment".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Secret;

    const NOW: i64 = 1_800_000_000_000;

    struct Setup {
        folder: tempfile::TempDir,
        shelf: Shelf,
        clock: Clock,
    }

    fn setup() -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(NOW));
        let key = LinkKey::new(&Secret::new("k".repeat(32))).unwrap();
        let shelf = Shelf::open(folder.path(), key, clock.clone()).unwrap();
        Setup {
            folder,
            shelf,
            clock,
        }
    }

    impl Setup {
        fn put(&self, days_after_reading: Option<u32>) -> String {
            let end = self.clock.now() + DAY * 30;
            let ticket = Ticket::new("x.pdf", end, days_after_reading).unwrap();
            let ticket = ticket.on(InnerPath::parse("acme").unwrap());
            self.shelf.put(&ticket, b"content").unwrap();
            ticket.sealed(&self.shelf.key).join("/")
        }

        fn wait(&self, days: u32) {
            self.clock.set(self.clock.now() + DAY * days);
        }

        fn files(&self) -> usize {
            let acme = self.folder.path().join("acme");
            fs::read_dir(acme).unwrap().count()
        }
    }

    #[test]
    fn a_link_gives_its_file_until_it_ends() {
        let setup = setup();
        let path = setup.put(None);
        setup.wait(29);
        let mut download = setup.shelf.download(&path).unwrap();
        let content = io::read_to_string(&mut download.file).unwrap();
        assert_eq!((content.as_str(), download.size_bytes), ("content", 7));
        assert_eq!(setup.shelf.sweep().unwrap(), 0);
        setup.wait(1);
        let expired = setup.shelf.download(&path).unwrap_err();
        assert!(matches!(expired, DownloadError::Expired));
        assert_eq!(setup.shelf.sweep().unwrap(), 1);
        assert_eq!(setup.files(), 0);
    }

    #[test]
    fn reading_can_bring_the_end_forward_once() {
        let setup = setup();
        let path = setup.put(Some(3));
        setup.wait(10);
        setup.shelf.download(&path).unwrap();
        setup.wait(2);
        setup.shelf.download(&path).unwrap();
        setup.wait(1);
        let expired = setup.shelf.download(&path).unwrap_err();
        assert!(matches!(expired, DownloadError::Expired));
        assert_eq!(setup.shelf.sweep().unwrap(), 1);
    }

    #[test]
    fn a_sweep_leaves_what_is_not_ours() {
        let setup = setup();
        let other = setup.folder.path().join("letters");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("old.txt"), "x").unwrap();
        fs::write(setup.folder.path().join("old.txt"), "x").unwrap();
        setup.put(None);
        setup.wait(40);
        assert_eq!(setup.shelf.sweep().unwrap(), 1);
        assert!(other.join("old.txt").exists());
        assert!(setup.folder.path().join("old.txt").exists());
    }

    #[test]
    fn a_link_into_a_linked_folder_gives_nothing() {
        let setup = setup();
        let path = setup.put(None);
        let (acme, away) = (
            setup.folder.path().join("acme"),
            setup.folder.path().join("away"),
        );
        fs::rename(&acme, &away).unwrap();
        std::os::unix::fs::symlink(&away, &acme).unwrap();
        let error = setup.shelf.download(&path).unwrap_err();
        assert!(matches!(
            error,
            DownloadError::Folder(FolderError::NotAFile)
        ));
    }

    #[test]
    fn names_are_safe_on_the_disk() {
        assert_eq!(file_name_on_disk("..hidden/../x:y"), "hidden_.._x_y");
        assert_eq!(file_name_on_disk("..."), "attachment");
        assert!(file_name_on_disk(&"é".repeat(200)).len() <= NAME_BYTES_MAX);
        assert_eq!(file_name_on_disk("Grüße.pdf"), "Grüße.pdf");
    }
}
