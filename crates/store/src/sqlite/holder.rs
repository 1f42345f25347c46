//! The lock file by which a dead process is told from a living one.
//!
//! Every process that opens the store keeps an exclusive lock on a file of its own in `holders/`. The system
//! lets go of it when the process ends, however it ends; so whoever can lock another's file knows that its
//! lanes are free, at once and without a clock.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

/// The folder of lock files, beside the data file.
const FOLDER: &str = "holders";

/// This process as a holder of lanes. Its file goes when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Holder(Arc<LockFile>);

struct LockFile {
    folder: PathBuf,
    name: String,
    /// Held open for its lock.
    _lock: File,
}

impl Holder {
    /// Makes this process known, and clears away the files of dead ones.
    pub(super) fn register(data_folder: &Path) -> io::Result<Self> {
        let folder = data_folder.join(FOLDER);
        fs::create_dir_all(&folder)?;
        clear_dead(&folder);
        let pid = std::process::id();
        for attempt in 0..u32::MAX {
            let name = format!("{pid}-{attempt}");
            let path = folder.join(&name);
            let file = File::create(&path)?;
            let locked = file.try_lock().is_ok();
            // Between creation and lock another process may have taken the file for a dead one's.
            if locked && path.exists() {
                return Ok(Self(Arc::new(LockFile {
                    folder,
                    name,
                    _lock: file,
                })));
            }
        }
        Err(io::Error::other("no lock file could be made"))
    }

    /// The name under which this process holds lanes.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether the holder of that name lives.
    pub(super) fn is_alive(&self, name: &str) -> bool {
        name == self.name() || is_locked(&self.0.folder.join(name))
    }
}

/// The process id in a holder's name.
pub(super) fn process_id(name: &str) -> u32 {
    name.split('-')
        .next()
        .and_then(|pid| pid.parse().ok())
        .unwrap_or(0)
}

/// A random tag for a new store.
pub(super) fn random_tag(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("SELECT random() & 0x3fffffff", [], |row| row.get(0))
}

fn is_locked(path: &Path) -> bool {
    match File::open(path).map(|file| file.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => true,
        // No file, or a lock that could be had: nobody holds it.
        _ => false,
    }
}

fn clear_dead(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            // Its process is gone. A file that stays is only clutter.
            let _ = fs::remove_file(&path);
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(&self.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_lives_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (
            Holder::register(folder.path()).unwrap(),
            Holder::register(folder.path()).unwrap(),
        );
        let name = first.name().to_owned();
        assert_ne!(name, second.name());
        assert!(second.is_alive(&name));
        drop(first);
        assert!(!second.is_alive(&name));
        assert_eq!(process_id(second.name()), std::process::id());
    }
}
