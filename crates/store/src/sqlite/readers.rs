//! Connections for reading, beside the writer: a small pool on the runtime's blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{Result, StoreError};

/// Readers at once. Each is short: a long one would keep the log from being folded into the file.
const READERS_MAX: usize = 4;
/// Page cache of one reader, in KiB. It is emptied by every commit, so it serves only one read.
const CACHE_KIB: i64 = 2 * 1024;

/// The pool.
pub(super) struct Readers {
    file: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    seats: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        Self {
            file,
            idle: Arc::default(),
            seats: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    /// Runs `work` on an idle connection, opening one when there is none. All its statements see the file as
    /// it is at one moment.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let seat = Arc::clone(&self.seats)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let (idle, file) = (Arc::clone(&self.idle), self.file.clone());
        let task = tokio::task::spawn_blocking(move || {
            // Goes with the work: a caller that gives up does not make room for a fifth reader.
            let _seat = seat;
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match kept {
                Some(connection) => connection,
                None => open(&file)?,
            };
            let result = at_one_moment(&connection, work);
            if connection.is_autocommit() {
                idle.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(connection);
            }
            result
        });
        task.await
            .map_err(|error| StoreError::Backend(error.to_string()))?
    }
}

fn at_one_moment<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let result = work(connection);
    connection.prepare_cached("COMMIT")?.execute([])?;
    result
}

fn open(file: &std::path::Path) -> Result<Connection> {
    let connection = super::connection::connect(file)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
