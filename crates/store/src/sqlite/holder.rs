//! The lock file by which a dead process is told from a living one.
//!
//! Every process that opens the store keeps an exclusive lock on a file of its own in `holders/`. The system
//! lets go of it when the process ends, however it ends; so whoever can lock another's file knows that its
//! lanes are free, at once and without a clock. Looking takes a shared lock, so that two who look at one dead
//! holder do not take each other for it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of lock files, beside the data file.
const FOLDER: &str = "holders";
/// Files made before giving up: one is lost only when another process clears up in the moment between its
/// making and its lock.
const ATTEMPTS_MAX: usize = 16;

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
        for _ in 0..ATTEMPTS_MAX {
            if let Some(lock_file) = LockFile::make(&folder)? {
                return Ok(Self(Arc::new(lock_file)));
            }
        }
        Err(io::Error::other("no lock file could be kept"))
    }

    /// The name under which this process holds lanes.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether the holder of that name lives. In doubt it does: a lane that waits is better than one that two
    /// deliver from.
    pub(super) fn is_alive(&self, name: &str) -> bool {
        name == self.name() || is_locked(&self.0.folder.join(name))
    }
}

/// A process that has the store of a data folder open.
pub(super) fn living(data_folder: &Path) -> Option<u32> {
    // Nobody ever opened it where there is no such folder.
    let entries = fs::read_dir(data_folder.join(FOLDER)).ok()?;
    let mut held = entries.flatten().filter(|entry| is_locked(&entry.path()));
    held.next()
        .map(|entry| process_id(&entry.file_name().to_string_lossy()))
}

/// The process id in a holder's name.
pub(super) fn process_id(name: &str) -> u32 {
    name.split('-')
        .next()
        .and_then(|pid| pid.parse().ok())
        .unwrap_or(0)
}

impl LockFile {
    /// Makes and locks a file; `None` when another process took it for a dead one's before it was locked.
    fn make(folder: &Path) -> io::Result<Option<Self>> {
        let name = format!("{}-{:016x}", std::process::id(), random()?);
        let path = folder.join(&name);
        // Never a name that was used before, so no one can mean another's file by it.
        let lock = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        match lock.try_lock() {
            Ok(()) if path.exists() => Ok(Some(Self {
                folder: folder.to_owned(),
                name,
                _lock: lock,
            })),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(u64::from_ne_bytes(bytes))
}

fn is_locked(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => file.try_lock_shared().is_err(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn clear_dead(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if let Ok(file) = File::open(&path)
            && file.try_lock_shared().is_ok()
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
        assert_eq!(living(folder.path()), Some(std::process::id()));
        drop(second);
        assert_eq!(living(folder.path()), None);
    }

    #[test]
    fn two_who_look_at_a_dead_holder_do_not_see_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let holder = Holder::register(folder.path()).unwrap();
        let dead = folder.path().join(FOLDER).join("1-00");
        File::create(&dead).unwrap();
        let looking = File::open(&dead).unwrap();
        looking.lock_shared().unwrap();
        assert!(!holder.is_alive("1-00"));
        clear_dead(&folder.path().join(FOLDER));
        assert!(!dead.exists());
        assert!(holder.is_alive(holder.name()));
    }

    #[test]
    fn many_who_come_at_once_have_a_file_each() {
        let folder = tempfile::tempdir().unwrap();
        let register = || {
            (0..20)
                .map(|_| Holder::register(folder.path()).unwrap())
                .collect()
        };
        let holders: Vec<Holder> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(register)).collect();
            threads
                .into_iter()
                .flat_map(|thread| -> Vec<Holder> { thread.join().unwrap() })
                .collect()
        });
        let watcher = Holder::register(folder.path()).unwrap();
        assert!(holders.iter().all(|holder| watcher.is_alive(holder.name())));
        assert_eq!(holders.len(), 80);
    }
}
