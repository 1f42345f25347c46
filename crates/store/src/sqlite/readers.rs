//! Connections for reading, beside the writer: a small pool on the runtime's blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{Result, StoreError};

/// Readers at once. Each is short: a long one would keep the log from being folded into the file.
const READERS_MAX: usize = 4;

/// The pool.
pub(super) struct Readers {
    file: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    seats: Semaphore,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        Self {
            file,
            idle: Arc::default(),
            seats: Semaphore::new(READERS_MAX),
        }
    }

    /// Runs `work` on an idle connection, opening one when there is none.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _seat = self.seats.acquire().await.map_err(|_| StoreError::Closed)?;
        let (idle, file) = (Arc::clone(&self.idle), self.file.clone());
        let task = tokio::task::spawn_blocking(move || {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match kept {
                Some(connection) => connection,
                None => open(&file)?,
            };
            let result = work(&connection);
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            result
        });
        task.await
            .map_err(|error| StoreError::Backend(error.to_string()))?
    }
}

fn open(file: &std::path::Path) -> Result<Connection> {
    let connection = super::connect(file)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
