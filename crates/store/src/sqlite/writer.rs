//! The one writer: a thread that commits for everybody in groups.
//!
//! Operations queue up while a commit is under way and share the next one, so the cost of a sync is shared by
//! as many as wait for it. Each operation stands in a savepoint (`transaction`): one that fails takes back only
//! itself.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use model::Seq;
use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::history;
use super::transaction::WriteTx;
use crate::log::Origin;
use crate::{LogBatch, Result, StoreError, Tail};

/// Operations that may wait for the writer; beyond it, callers wait to hand theirs over.
const QUEUE_MAX: usize = 64;
/// Operations in one commit.
const GROUP_MAX: usize = 64;
/// Commits a follower may lag behind before it has to read from the file.
const TAIL_BATCHES_MAX: usize = 64;

/// The way to the writer's thread. The thread ends when this is dropped.
pub(super) struct Writer {
    /// `None` only while it is dropped.
    operations: Option<mpsc::Sender<Operation>>,
    commits: broadcast::Sender<Arc<LogBatch>>,
    thread: Option<JoinHandle<()>>,
}

/// Does its work in the transaction, or learns why there is none; gives what is to be done once the commit's
/// fate is known.
type Operation = Box<dyn FnOnce(Result<&mut WriteTx<'_>>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(&Result<()>) + Send>;

// === impl Writer ===

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self> {
        let (operations, queue) = mpsc::channel(QUEUE_MAX);
        let (commits, _) = broadcast::channel(TAIL_BATCHES_MAX);
        let publisher = Publisher {
            commits: commits.clone(),
            log: history::end_of_log(&connection)?,
            own: Seq::START,
        };
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&connection, queue, publisher))
            .map_err(|error| StoreError::Backend(error.to_string()))?;
        Ok(Self {
            operations: Some(operations),
            commits,
            thread: Some(thread),
        })
    }

    /// Runs `work` in the next group and answers after its commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let operation: Operation = Box::new(move |tx| {
            let result = tx.and_then(|tx| tx.in_savepoint(work));
            Box::new(move |fate| {
                let outcome = result.and_then(|value| fate.clone().map(|()| value));
                // The caller may have gone away; what was committed stays committed.
                let _ = answer.send(outcome);
            })
        });
        let operations = self.operations.as_ref().ok_or(StoreError::Closed)?;
        operations
            .send(operation)
            .await
            .map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) fn tail(&self) -> Tail {
        Tail::new(self.commits.subscribe())
    }
}

impl Drop for Writer {
    /// Lets the thread commit what was handed over and fold the log, so that whoever copies the file next
    /// copies all of it.
    fn drop(&mut self) {
        self.operations = None;
        if let Some(thread) = self.thread.take() {
            // It catches panics of operations; a panic of its own was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, mut queue: mpsc::Receiver<Operation>, mut publisher: Publisher) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            match queue.try_recv() {
                Ok(operation) => group.push(operation),
                Err(_) => break,
            }
        }
        commit_group(connection, group, &mut publisher);
    }
    // Folds the log into the file, so that a copy of the file alone is whole.
    if let Err(error) = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
        tracing::debug!(%error, "the last checkpoint was left to the next start");
    }
}

/// Runs a group in one transaction, publishes what it appended, then answers everybody.
fn commit_group(connection: &Connection, group: Vec<Operation>, publisher: &mut Publisher) {
    let mut answers = Vec::with_capacity(group.len());
    let is_followed = publisher.commits.receiver_count() > 0;
    let fate = match WriteTx::begin(connection, is_followed) {
        Ok(mut tx) => {
            answers.extend(group.into_iter().map(|operation| operation(Ok(&mut tx))));
            tx.commit(publisher.own)
                .map(|batch| publisher.publish(batch, is_followed))
        }
        Err(error) => {
            let refused = group
                .into_iter()
                .map(|operation| operation(Err(error.clone())));
            answers.extend(refused);
            Err(error)
        }
    };
    for answer in answers {
        answer(&fate);
    }
}

/// Shows commits to the followers.
struct Publisher {
    commits: broadcast::Sender<Arc<LogBatch>>,
    /// Where the log ended when it was seen last.
    log: Seq,
    /// Where this process's own last commit ended.
    own: Seq,
}

impl Publisher {
    /// Shows a commit, and that others wrote before it. A follower that came while the commit was under way may find
    /// its events not gathered; it is told where the log ends now, and sees by that what to read from the file.
    fn publish(&mut self, batch: LogBatch, is_gathered: bool) {
        if batch.previous > self.log {
            self.show(LogBatch::untold(batch.previous));
        }
        self.log = batch.last;
        if batch.last == batch.previous {
            return;
        }
        self.own = batch.last;
        self.show(match is_gathered {
            true => batch,
            false => LogBatch {
                previous: batch.last,
                origin: Origin::Here { after: batch.last },
                ..batch
            },
        });
    }

    fn show(&self, batch: LogBatch) {
        // No follower is no failure.
        let _ = self.commits.send(Arc::new(batch));
    }
}

#[cfg(test)]
mod tests;
