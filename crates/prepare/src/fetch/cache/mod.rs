//! Attachments that were fetched before, found again by their tenant and MD5.
//!
//! Small ones stay in memory, larger ones on the disk. Nothing depends on them: what cannot be kept or
//! read back is fetched again.

mod disk;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::Clock;

use crate::digest::{Md5, hex, sha256};
use crate::recent::Recent;
use disk::Disk;

/// How much is kept, and for how long.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// Smaller attachments are kept in memory, others on the disk, in bytes.
    pub small_bytes_max: usize,
    /// The most memory, in bytes.
    pub memory_bytes_max: u64,
    /// How long in memory.
    pub memory_ttl: Duration,
    /// The folder for larger ones. Without it they are not kept.
    pub disk_folder: Option<PathBuf>,
    /// The most disk, in bytes.
    pub disk_bytes_max: u64,
    /// How long on the disk.
    pub disk_ttl: Duration,
}

impl Default for CacheSettings {
    /// Below 100 KB in memory: 50 MB, 300 s. No folder; with one: 500 MB, 3600 s.
    fn default() -> Self {
        Self {
            small_bytes_max: 100 << 10,
            memory_bytes_max: 50 << 20,
            memory_ttl: Duration::from_secs(300),
            disk_folder: None,
            disk_bytes_max: 500 << 20,
            disk_ttl: Duration::from_secs(3600),
        }
    }
}

/// What is kept under: a tenant's attachment with this MD5. It is the name of a file as it is: two
/// hexadecimal numbers, whatever the tenant is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    tenant: String,
    md5: Md5,
}

impl Key {
    pub fn new(tenant: &str, md5: Md5) -> Self {
        let tenant = hex(&sha256(tenant.as_bytes())[..16]);
        Self { tenant, md5 }
    }

    fn file_name(&self) -> String {
        format!("{}-{}", self.tenant, self.md5)
    }
}

/// Both stores.
pub(crate) struct Cache {
    small_bytes_max: usize,
    clock: Clock,
    memory: Mutex<Recent<Key, Bytes>>,
    disk: Option<Arc<Disk>>,
}

impl Cache {
    /// Starts empty. What an earlier run left in the folder is removed.
    pub fn open(settings: &CacheSettings, clock: Clock) -> io::Result<Self> {
        let disk = match &settings.disk_folder {
            None => None,
            Some(folder) => Some(Arc::new(Disk::open(
                folder,
                settings.disk_bytes_max,
                settings.disk_ttl,
            )?)),
        };
        let memory = Recent::new(settings.memory_bytes_max, settings.memory_ttl);
        Ok(Self {
            small_bytes_max: settings.small_bytes_max,
            clock,
            memory: Mutex::new(memory),
            disk,
        })
    }

    /// What is kept for `key`.
    pub async fn get(&self, key: &Key) -> Option<Bytes> {
        let now = self.clock.now();
        if let Some(found) = self.memory().get(key, now) {
            return Some(found);
        }
        let (disk, key) = (Arc::clone(self.disk.as_ref()?), key.clone());
        // A reader that is aborted with the program is a miss.
        tokio::task::spawn_blocking(move || disk.get(&key, now))
            .await
            .ok()?
    }

    /// Keeps `bytes`, whose MD5 the caller has checked.
    pub async fn put(&self, key: Key, bytes: &Bytes) {
        let now = self.clock.now();
        if bytes.len() < self.small_bytes_max {
            let size = bytes.len() as u64;
            self.memory().put(key, bytes.clone(), size, now);
            return;
        }
        let Some(disk) = self.disk.clone() else {
            return;
        };
        let bytes = bytes.clone();
        let kept = tokio::task::spawn_blocking(move || disk.put(key, &bytes, now)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, "an attachment could not be cached on the disk and will be fetched again");
        }
    }

    fn memory(&self) -> MutexGuard<'_, Recent<Key, Bytes>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
