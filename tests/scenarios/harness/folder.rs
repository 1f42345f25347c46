//! A temporary folder that other users' programs may enter.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::program;

/// A temporary folder, gone with the value.
pub struct Folder(TempDir);

impl Folder {
    /// An empty one. Services drop root's rights, so everybody may pass through it.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("glasspost-")
            .tempdir()
            .unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file or folder in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and the folders it is in.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Every file in it, however deep. Files may come and go meanwhile.
    pub fn files(&self) -> Vec<PathBuf> {
        files_below(self.path())
    }

    /// Makes a folder that belongs to a user of this machine.
    pub fn create_for(&self, user: &str, name: &str) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(&path).unwrap();
        let status = program("chown").arg(user).arg(&path).status().unwrap();
        assert!(status.success(), "chown {user}: these tests run as root");
        path
    }
}

/// Every file below a folder, which may be gone already.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
