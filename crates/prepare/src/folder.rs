//! One folder held open, and everything below it reached step by step without following a link.
//!
//! A path is walked from the handle of the folder, one part at a time, and each step refuses links
//! (`openat` with `O_NOFOLLOW`). So whatever others rename or link meanwhile, what is opened lies
//! below the folder: there is no moment between a check and its use.

use std::ffi::OsStr;
use std::fs::{File, FileTimes};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, open, openat, unlinkat};
use rustix::io::Errno;

/// The longest path below a folder, in bytes.
const PATH_BYTES_MAX: usize = 4096;
/// The most parts of a path.
const PARTS_MAX: usize = 64;

/// A path below some folder: its parts, none of which leads up or elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct InnerPath(Vec<Box<str>>);

/// Why something below a folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The path could lead out of the folder, or names nothing.
    #[error("the path {problem}")]
    BadPath {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No folder that an operator opened for this tenant holds the path.
    #[error("the path is in no folder that the operator opened for attachments")]
    Closed,
    /// There is nothing.
    #[error("there is no such file")]
    Missing,
    /// A link, a pipe, a folder, a device, or a way through one of them.
    #[error("not a regular file in regular folders; links are not followed")]
    NotAFile,
    /// More bytes than allowed.
    #[error("larger than the allowed {bytes_max} bytes")]
    TooLarge {
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// The system refused.
    #[error("the file system says: {0}")]
    Io(#[from] io::Error),
}

impl FolderError {
    /// Whether the same may succeed later: a full disk can be emptied, a missing file stays away.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::BadPath { .. } | Self::Closed | Self::Missing => false,
            Self::NotAFile | Self::TooLarge { .. } => false,
            Self::Io(error) => error.kind() != io::ErrorKind::PermissionDenied,
        }
    }
}

impl From<Errno> for FolderError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Self::Missing,
            // What `O_NOFOLLOW` and `O_DIRECTORY` answer to links and files in the way, and opening
            // to a socket.
            Errno::LOOP | Errno::NOTDIR | Errno::NXIO => Self::NotAFile,
            other => Self::Io(other.into()),
        }
    }
}

// === impl InnerPath ===

impl InnerPath {
    /// Reads a path with `/` between its parts. Empty parts and `.` are passed over.
    pub fn parse(text: &str) -> Result<Self, FolderError> {
        let bad = |problem| FolderError::BadPath { problem };
        if text.len() > PATH_BYTES_MAX {
            return Err(bad("is longer than 4096 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(bad("holds a control character"));
        }
        let parts: Vec<Box<str>> = text
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .map(Box::from)
            .collect();
        if parts.iter().any(|part| &**part == "..") {
            return Err(bad("leads upwards with .."));
        }
        if parts.len() > PARTS_MAX {
            return Err(bad("has more than 64 parts"));
        }
        Ok(Self(parts))
    }

    /// The rest of this path below `outer`, when it is below it.
    pub fn below(&self, outer: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(outer.0.as_slice())?;
        Some(Self(rest.to_vec()))
    }

    /// This path with `inner` behind it.
    pub fn join(&self, inner: &Self) -> Self {
        Self(self.0.iter().chain(&inner.0).cloned().collect())
    }

    /// The parts in their order.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|part| &**part)
    }

    /// How many parts there are: with none, it is the folder itself.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

// === impl Folder ===

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    const FLAGS: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::CLOEXEC);

    /// Opens a folder that an operator named. Here a link is followed: the operator chose it.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(open(path, Self::FLAGS, Mode::empty())?))
    }

    /// Reads a whole file below the folder, at most `bytes_max`.
    pub fn read(&self, path: &InnerPath, bytes_max: u64) -> Result<Vec<u8>, FolderError> {
        let file = self.open_file(path)?;
        let mut bytes = Vec::new();
        // The file may grow meanwhile, so the reading itself is bounded, not the size it told.
        file.take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes)?;
        match bytes.len() as u64 <= bytes_max {
            true => Ok(bytes),
            false => Err(FolderError::TooLarge { bytes_max }),
        }
    }

    /// Opens a regular file below the folder.
    pub fn open_file(&self, path: &InnerPath) -> Result<File, FolderError> {
        let Some((name, above)) = path.0.split_last() else {
            return Err(FolderError::NotAFile);
        };
        let folder = above.iter().try_fold(None, |at: Option<Self>, part| {
            at.as_ref().unwrap_or(self).enter(part).map(Some)
        })?;
        let at = &folder.as_ref().unwrap_or(self).0;
        // Without waiting, since to open a pipe would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(at, OsStr::new(&**name), flags, Mode::empty())?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(FolderError::NotAFile),
        }
    }

    /// The folder `name` in this one.
    fn enter(&self, name: &str) -> Result<Self, FolderError> {
        let flags = Self::FLAGS | OFlags::NOFOLLOW;
        Ok(Self(openat(
            &self.0,
            OsStr::new(name),
            flags,
            Mode::empty(),
        )?))
    }

    /// The folder at `path`, made where it is missing.
    pub fn enter_or_make(&self, path: &InnerPath) -> Result<Self, FolderError> {
        let here = Self(self.0.try_clone()?);
        path.parts().try_fold(here, |at, part| at.make(part))
    }

    fn make(&self, name: &str) -> Result<Self, FolderError> {
        match mkdirat(&self.0, OsStr::new(name), Mode::RWXU) {
            Ok(()) => rustix::fs::fsync(&self.0)?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        self.enter(name)
    }

    /// Writes a new file and brings it to the disk, with `modified` as its time. What was there is not
    /// touched, and of a file that cannot be finished nothing stays.
    pub fn create(
        &self,
        name: &str,
        bytes: &[u8],
        modified: SystemTime,
    ) -> Result<(), FolderError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = File::from(openat(&self.0, OsStr::new(name), flags, mode)?);
        let written = write(file, bytes, modified).and_then(|()| Ok(rustix::fs::fsync(&self.0)?));
        if written.is_err() {
            // The first failure is the one to report.
            let _ = unlinkat(&self.0, OsStr::new(name), AtFlags::empty());
        }
        Ok(written?)
    }

    /// Removes the empty folder `name`; one that is in use stays.
    pub fn remove_empty(&self, name: &str) {
        let _ = unlinkat(&self.0, OsStr::new(name), AtFlags::REMOVEDIR);
    }
}

fn write(mut file: File, bytes: &[u8], modified: SystemTime) -> io::Result<()> {
    file.write_all(bytes)?;
    file.set_times(FileTimes::new().set_modified(modified))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn read(folder: &Path, path: &str) -> Result<Vec<u8>, FolderError> {
        Folder::open(folder)?.read(&InnerPath::parse(path)?, 10)
    }

    #[test]
    fn files_below_are_read() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/b/c.pdf"), "content").unwrap();
        for path in ["a/b/c.pdf", "./a//b/c.pdf", "/a/b/c.pdf"] {
            assert_eq!(read(root.path(), path).unwrap(), b"content");
        }
    }

    #[test]
    fn no_path_leads_upwards() {
        for path in ["..", "../x", "a/../../x", "a/..", "a\0b", "a\nb"] {
            let error = InnerPath::parse(path).unwrap_err();
            assert!(matches!(error, FolderError::BadPath { .. }), "{path:?}");
        }
        assert!(InnerPath::parse(&"a/".repeat(65)).is_err());
        assert!(InnerPath::parse(&"a".repeat(4097)).is_err());
        assert_eq!(InnerPath::parse("..a/b..").unwrap().len(), 2);
    }

    #[test]
    fn links_are_not_followed_wherever_they_stand() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        let root = tempfile::tempdir().unwrap();
        symlink(outside.path().join("secret"), root.path().join("file")).unwrap();
        symlink(outside.path(), root.path().join("folder")).unwrap();
        symlink("/", root.path().join("slash")).unwrap();
        symlink("file", root.path().join("twice")).unwrap();
        for path in ["file", "folder/secret", "slash/etc/passwd", "twice"] {
            let error = read(root.path(), path).unwrap_err();
            assert!(matches!(error, FolderError::NotAFile), "{path}: {error}");
        }
    }

    #[test]
    fn only_regular_files_of_a_bearable_size_are_read() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(pipe).status();
        assert!(made.unwrap().success());
        fs::create_dir(root.path().join("folder")).unwrap();
        fs::write(root.path().join("eleven"), [0; 11]).unwrap();
        let problem = |path| read(root.path(), path).unwrap_err();
        assert!(matches!(problem("pipe"), FolderError::NotAFile));
        assert!(matches!(problem("folder"), FolderError::NotAFile));
        assert!(matches!(problem("/"), FolderError::NotAFile));
        assert!(matches!(problem("eleven/x"), FolderError::NotAFile));
        assert!(matches!(problem("missing"), FolderError::Missing));
        let too_large = FolderError::TooLarge { bytes_max: 10 };
        assert_eq!(problem("eleven").to_string(), too_large.to_string());
    }

    #[test]
    fn a_new_file_never_takes_the_place_of_another_or_goes_through_a_link() {
        let outside = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("link")).unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let time = SystemTime::UNIX_EPOCH;
        let made = folder.enter_or_make(&InnerPath::parse("a/b").unwrap());
        let made = made.unwrap();
        made.create("x", b"first", time).unwrap();
        assert!(made.create("x", b"second", time).is_err());
        assert_eq!(read(root.path(), "a/b/x").unwrap(), b"first");
        let through = folder.enter_or_make(&InnerPath::parse("link/b").unwrap());
        assert!(matches!(through.unwrap_err(), FolderError::NotAFile));
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
