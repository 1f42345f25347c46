//! Connections for reading, beside the writer: a few threads, each with a connection of its own.
//!
//! They are threads of their own rather than the runtime's blocking ones: of those there are as many as were ever
//! wanted in one moment, and each keeps megabytes of what it read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use crate::{Result, StoreError};

/// Readers at once for what a delivery needs. Each is short: a long one would keep the log from being folded into
/// the file.
pub(super) const DELIVERING: usize = 4;
/// Readers at once for what people look at: fewer, since each looks through thousands of rows, and whoever delivers
/// needs the processors as well.
pub(super) const LOOKING: usize = 2;
/// Readers at once for counting what happened: one for hours that are counted anew, and one beside it.
pub(super) const COUNTING: usize = 2;
/// Page cache of one reader, in KiB. It is emptied by every commit, so it serves only one read.
const CACHE_KIB: i64 = 2 * 1024;

/// One pool. Its threads end when this is dropped.
pub(super) struct Readers {
    seats: Arc<Semaphore>,
    /// `None` only while it is dropped. There is a place in it for each seat.
    questions: Option<mpsc::SyncSender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

/// Reads what somebody wants to know, and tells them.
type Question = Box<dyn FnOnce(&mut Reader) + Send>;

/// What one thread reads with.
struct Reader {
    file: PathBuf,
    /// Opened for the first question.
    connection: Option<Connection>,
}

// === impl Readers ===

impl Readers {
    pub(super) fn start(file: &Path, readers_max: usize) -> Result<Self> {
        let (questions, queue) = mpsc::sync_channel(readers_max);
        let queue = Arc::new(Mutex::new(queue));
        let start = |_| {
            let (reader, queue) = (Reader::new(file), Arc::clone(&queue));
            thread::Builder::new()
                .name("store-reader".to_owned())
                .spawn(move || run(reader, &queue))
        };
        let threads: std::io::Result<_> = (0..readers_max).map(start).collect();
        Ok(Self {
            seats: Arc::new(Semaphore::new(readers_max)),
            questions: Some(questions),
            threads: threads.map_err(|error| StoreError::Backend(error.to_string()))?,
        })
    }

    /// Runs `work` on a connection. All its statements see the file as it is at one moment.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let seat = Arc::clone(&self.seats)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |reader| {
            let result = reader.read(work);
            // It went with the work: a caller that gives up does not make room for one reader more.
            drop(seat);
            // The caller may have gone away.
            let _ = answer.send(result);
        });
        let questions = self.questions.as_ref().ok_or(StoreError::Closed)?;
        questions
            .try_send(question)
            .map_err(|_| StoreError::Closed)?;
        let broken_off = |_| StoreError::Backend("a reader broke off".to_owned());
        answered.await.map_err(broken_off)?
    }
}

impl Drop for Readers {
    /// Lets go of the file, so that whoever opens it next is alone with it.
    fn drop(&mut self) {
        self.questions = None;
        for thread in self.threads.drain(..) {
            // It catches panics of questions.
            let _ = thread.join();
        }
    }
}

fn run(mut reader: Reader, queue: &Mutex<mpsc::Receiver<Question>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(question) = next else {
            return;
        };
        // A panic was reported when it happened, and who asked is told that no answer comes.
        if catch_unwind(AssertUnwindSafe(|| question(&mut reader))).is_err() {
            reader.connection = None;
        }
    }
}

// === impl Reader ===

impl Reader {
    fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            connection: None,
        }
    }

    fn read<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open(&self.file)?,
        };
        let result = at_one_moment(&connection, work);
        // One that could not end its reading is not used again.
        self.connection = connection.is_autocommit().then_some(connection);
        result
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

fn open(file: &Path) -> Result<Connection> {
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

    #[tokio::test]
    async fn a_reader_that_breaks_off_leaves_its_seat_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        for _ in 0..2 * LOOKING {
            let broken = store.looking.read::<()>(|_| panic!("on purpose")).await;
            assert!(matches!(broken, Err(StoreError::Backend(_))), "{broken:?}");
        }
        let one =
            |connection: &Connection| Ok(connection.query_row("SELECT 1", [], |row| row.get(0))?);
        assert_eq!(store.looking.read::<i64>(one).await.unwrap(), 1);
    }
}
