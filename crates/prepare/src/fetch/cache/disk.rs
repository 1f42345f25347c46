//! The larger ones: files in a folder, whose sizes and ages are known in memory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::Timestamp;

use super::Key;
use crate::digest::Md5;
use crate::recent::Recent;

/// What an unfinished file is called at its end.
const UNFINISHED: &str = ".part";

/// A folder of attachments. All calls block.
pub(super) struct Disk {
    folder: PathBuf,
    sizes: Mutex<Recent<Key, u64>>,
    writes: AtomicU64,
}

impl Disk {
    /// Takes a folder into use, makes it if needed, and removes what an earlier run left of ours.
    pub fn open(folder: &Path, bytes_max: u64, ttl: Duration) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(is_ours) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            sizes: Mutex::new(Recent::new(bytes_max, ttl)),
            writes: AtomicU64::new(0),
        })
    }

    /// The attachment, if it is there, young enough and as it was written.
    pub fn get(&self, key: &Key, now: Timestamp) -> Option<Bytes> {
        let size = self.sizes().get(key, now)?;
        let read = read(&self.path(key), size).ok();
        let whole = read.filter(|bytes| Md5::of(bytes) == key.md5);
        if whole.is_none() {
            self.forget(key);
        }
        whole.map(Bytes::from)
    }

    /// Keeps an attachment. After an error nothing of it stays.
    pub fn put(&self, key: Key, bytes: &[u8], now: Timestamp) -> io::Result<()> {
        let size = bytes.len() as u64;
        let Some(gone) = self.sizes().make_room(&key, size, now) else {
            return Ok(());
        };
        gone.iter().for_each(|key| self.unlink(key));
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let unfinished = self
            .folder
            .join(format!("{}-{number}{UNFINISHED}", key.file_name()));
        let kept =
            write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, self.path(&key)));
        if kept.is_err() {
            let _ = fs::remove_file(&unfinished);
            return kept;
        }
        // Others may have written meanwhile: what is too much by now goes.
        let mut sizes = self.sizes();
        let gone = sizes.make_room(&key, size, now).unwrap_or_default();
        gone.iter()
            .filter(|old| **old != key)
            .for_each(|key| self.unlink(key));
        sizes.insert(key, size, size, now);
        Ok(())
    }

    fn forget(&self, key: &Key) {
        self.sizes().remove(key);
        self.unlink(key);
    }

    /// A file that cannot be removed is not there any more, or is removed at the next start.
    fn unlink(&self, key: &Key) {
        let _ = fs::remove_file(self.path(key));
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(key.file_name())
    }

    fn sizes(&self) -> MutexGuard<'_, Recent<Key, u64>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)
}

/// Whether a file's name is one that this cache gives: two numbers of 32 digits, and maybe a third.
fn is_ours(name: &str) -> bool {
    let mut parts = name.trim_end_matches(UNFINISHED).split('-');
    let mut number = || parts.next().is_some_and(|part| Md5::parse(part).is_some());
    let numbers = number() && number();
    let rest = parts.next().unwrap_or("0");
    numbers && rest.bytes().all(|byte| byte.is_ascii_digit()) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(3600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn put(disk: &Disk, content: &[u8], now: Timestamp) -> Key {
        let key = Key::new("../../tenant", Md5::of(content));
        disk.put(key.clone(), content, now).unwrap();
        key
    }

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn attachments_come_back_until_they_are_too_old() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 10_000, TTL).unwrap();
        let key = put(&disk, &[1; 3000], at(0));
        assert_eq!(disk.get(&key, at(3599)).unwrap(), vec![1; 3000]);
        assert_eq!(disk.get(&key, at(3600)), None);
        put(&disk, &[2; 10], at(3601));
        assert_eq!(files(folder.path()), 1, "the old file is gone");
    }

    #[test]
    fn files_never_fill_more_than_their_room() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 10_000, TTL).unwrap();
        let keys: Vec<_> = (0..20).map(|n| put(&disk, &[n; 3000], at(0))).collect();
        assert_eq!(files(folder.path()), 3);
        let kept: Vec<_> = keys
            .iter()
            .map(|key| disk.get(key, at(1)).is_some())
            .collect();
        assert_eq!(kept.iter().filter(|kept| **kept).count(), 3);
        assert!(kept[19] && kept[18] && kept[17]);
        put(&disk, &[9; 20_000], at(0));
        assert_eq!(files(folder.path()), 3, "what never fits displaces nothing");
    }

    #[test]
    fn a_file_that_was_changed_or_removed_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 10_000, TTL).unwrap();
        let key = put(&disk, b"content", at(0));
        fs::write(disk.path(&key), b"CONTENT").unwrap();
        assert_eq!(disk.get(&key, at(1)), None);
        assert_eq!(files(folder.path()), 0);
        let key = put(&disk, b"content", at(1));
        fs::remove_file(disk.path(&key)).unwrap();
        assert_eq!(disk.get(&key, at(2)), None);
        let key = put(&disk, b"content", at(3));
        assert!(disk.get(&key, at(3)).is_some());
    }

    #[test]
    fn a_disk_that_takes_no_more_keeps_nothing_and_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("cache");
        let disk = Disk::open(&inner, 10_000, TTL).unwrap();
        fs::remove_dir(&inner).unwrap();
        let key = Key::new("t", Md5::of(b"x"));
        assert!(disk.put(key.clone(), b"x", at(0)).is_err());
        assert_eq!(disk.get(&key, at(0)), None);
        fs::create_dir(&inner).unwrap();
        disk.put(key.clone(), b"x", at(0)).unwrap();
        assert!(disk.get(&key, at(0)).is_some());
    }

    #[test]
    fn a_start_removes_what_is_ours_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 10_000, TTL).unwrap();
        let key = put(&disk, b"x", at(0));
        fs::write(
            folder.path().join(format!("{}-7.part", key.file_name())),
            "y",
        )
        .unwrap();
        fs::write(folder.path().join("letter.doc"), "z").unwrap();
        fs::write(folder.path().join("d41d8cd98f00b204e9800998ecf8427e"), "z").unwrap();
        let disk = Disk::open(folder.path(), 10_000, TTL).unwrap();
        assert_eq!(files(folder.path()), 2);
        assert_eq!(disk.get(&key, at(0)), None);
    }

    #[test]
    fn names_of_files_are_numbers_whatever_the_tenant_is_called() {
        let key = Key::new("../../etc", Md5::of(b"x"));
        assert!(is_ours(&key.file_name()));
        assert!(!key.file_name().contains(['/', '.']));
    }
}
