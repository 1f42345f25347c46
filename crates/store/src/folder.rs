//! The data folder.

use std::fs::File;
use std::path::Path;

use crate::{Result, StoreError};

/// Makes the data folder where it is not there, to stay after a loss of power.
pub(crate) fn make(folder: &Path) -> Result<()> {
    make_durable(folder).map_err(|error| unusable(folder, &error))
}

/// The error of a data folder that cannot be used.
pub(crate) fn unusable(folder: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Folder {
        path: folder.to_owned(),
        reason: error.to_string(),
    }
}

fn make_durable(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    for parent in folder.ancestors().skip(1) {
        // Not every system lets a folder be synced; one that does not keeps its names by itself.
        if let Ok(parent) = File::open(parent) {
            let _ = parent.sync_all();
        }
    }
    Ok(())
}
