//! Connections for reading, beside the writer: small pools on the runtime's blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{Result, StoreError};

/// Readers at once for what a delivery needs. Each is short: a long one would keep the log from being folded into
/// the file.
pub(super) const DELIVERING: usize = 4;
/// Readers at once for what people look at: fewer, since each looks through thousands of rows, and whoever delivers
/// needs the processors as well.
pub(super) const LOOKING: usize = 2;
/// Page cache of one reader, in KiB. It is emptied by every commit, so it serves only one read.
const CACHE_KIB: i64 = 2 * 1024;

/// One pool.
pub(super) struct Readers {
    file: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    seats: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(file: PathBuf, readers_max: usize) -> Self {
        Self {
            file,
            idle: Arc::default(),
            seats: Arc::new(Semaphore::new(readers_max)),
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
            // Goes with the work: a caller that gives up does not make room for one reader more.
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::mpsc;
    use std::time::Duration;

    use model::{Seq, Timestamp};

    use super::*;
    use crate::{LaneKey, SqliteStore, Store};

    /// Looks at once: many more than there are seats.
    const LOOKS: usize = 200;
    const DEADLINE: Duration = Duration::from_secs(30);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_delivery_never_waits_for_those_who_look() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        let lease = store.lease(LaneKey::campaign("a")).await.unwrap();
        let lane = lease.lane;
        let (begun, beginnings) = mpsc::sync_channel(LOOKS);
        let mut ends = Vec::new();
        let mut looks = tokio::task::JoinSet::new();
        for _ in 0..LOOKS {
            let (end, ended) = mpsc::sync_channel::<()>(1);
            ends.push(end);
            let (store, begun) = (Arc::clone(&store), begun.clone());
            looks.spawn(async move {
                let look = store.looking.read(move |_| {
                    begun.send(()).unwrap();
                    // It goes on until the test lets go of the other half.
                    let _ = ended.recv();
                    Ok(())
                });
                look.await
            });
        }
        for _ in 0..LOOKING {
            beginnings.recv_timeout(DEADLINE).unwrap();
        }
        let delivering = async {
            let now = Timestamp::from_millis(0);
            let due = store.due(&lease, now, 10, &HashSet::new()).await.unwrap();
            assert!(due.messages.is_empty());
            store.queued(lane, Seq::START, 10).await.unwrap();
            store.message(Seq::START).await.unwrap();
            store.books(lane).await.unwrap();
            let log = store.events_after(Seq::START, Some(lane), 10);
            assert!(log.await.unwrap().is_empty());
        };
        tokio::time::timeout(DEADLINE, delivering).await.unwrap();
        assert!(beginnings.try_recv().is_err(), "no more look than seats");
        drop(ends);
        for look in looks.join_all().await {
            look.unwrap();
        }
    }
}
