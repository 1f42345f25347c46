//! The one writer: a thread that commits for everybody in groups.
//!
//! Operations queue up while a commit is under way and share the next one, so the cost of a sync is shared by
//! as many as wait for it. Each operation stands in a savepoint: one that fails takes back only itself.

use std::sync::Arc;
use std::thread;

use model::Seq;
use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::{LogBatch, Logged, Result, StoreError, Tail};

/// Operations that may wait for the writer; beyond it, callers wait to hand theirs over.
const QUEUE_MAX: usize = 64;
/// Operations in one commit.
const GROUP_MAX: usize = 64;
/// Commits a follower may lag behind before it has to read from the file.
const TAIL_BATCHES_MAX: usize = 256;

/// The way to the writer's thread. The thread ends when this is dropped.
pub(super) struct Writer {
    operations: mpsc::Sender<Operation>,
    commits: broadcast::Sender<Arc<LogBatch>>,
}

/// What an operation may touch: the transaction, and the log it appends to.
pub(super) struct WriteTx<'c> {
    /// The connection, inside of the group's transaction.
    pub(super) connection: &'c Connection,
    last: Seq,
    appended: Vec<Logged>,
    followed: bool,
}

/// Does its work in the transaction; gives what is to be done once the commit's fate is known.
type Operation = Box<dyn FnOnce(&mut WriteTx<'_>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(std::result::Result<(), String>) + Send>;

// === impl Writer ===

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self> {
        let (operations, queue) = mpsc::channel(QUEUE_MAX);
        let (commits, _) = broadcast::channel(TAIL_BATCHES_MAX);
        let publisher = commits.clone();
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&connection, queue, &publisher))
            .map_err(|error| StoreError::Backend(error.to_string()))?;
        Ok(Self {
            operations,
            commits,
        })
    }

    /// Runs `work` in the next group and answers after its commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let operation: Operation = Box::new(move |tx| {
            let result = tx.in_savepoint(work);
            Box::new(move |commit| {
                let outcome = commit.map_err(StoreError::Unavailable).and(result);
                // The caller may have gone away; what was committed stays committed.
                let _ = answer.send(outcome);
            })
        });
        self.operations
            .send(operation)
            .await
            .map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) fn tail(&self) -> Tail {
        Tail::new(self.commits.subscribe())
    }
}

fn run(
    connection: &Connection,
    mut queue: mpsc::Receiver<Operation>,
    commits: &broadcast::Sender<Arc<LogBatch>>,
) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            match queue.try_recv() {
                Ok(operation) => group.push(operation),
                Err(_) => break,
            }
        }
        commit_group(connection, group, commits);
    }
    // Folds the log into the file, so that a copy of the file alone is whole.
    if let Err(error) = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
        tracing::debug!(%error, "the last checkpoint was left to the next start");
    }
}

/// Runs a group in one transaction, publishes what it appended, then answers everybody.
fn commit_group(
    connection: &Connection,
    group: Vec<Operation>,
    commits: &broadcast::Sender<Arc<LogBatch>>,
) {
    let mut answers = Vec::with_capacity(group.len());
    let followed = commits.receiver_count() > 0;
    let committed = transaction(connection, followed, |tx| {
        answers.extend(group.into_iter().map(|operation| operation(tx)));
    });
    let fate = match committed {
        Ok(batch) => {
            if !batch.events.is_empty() {
                // No follower is no failure.
                let _ = commits.send(Arc::new(batch));
            }
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    };
    for answer in answers {
        answer(fate.clone());
    }
}

fn transaction(
    connection: &Connection,
    followed: bool,
    work: impl FnOnce(&mut WriteTx<'_>),
) -> Result<LogBatch> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let outcome = end_of_log(connection).and_then(|previous| {
        let mut tx = WriteTx {
            connection,
            last: previous,
            appended: Vec::new(),
            followed,
        };
        work(&mut tx);
        let WriteTx { last, appended, .. } = tx;
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(LogBatch {
            previous,
            last,
            events: appended,
        })
    });
    if outcome.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    outcome
}

/// The log's last place. Read anew for each group, since another process may have written.
fn end_of_log(connection: &Connection) -> Result<Seq> {
    let mut statement = connection.prepare_cached(
        "SELECT max(ifnull((SELECT max(seq) FROM messages), 0), \
                    ifnull((SELECT max(seq) FROM events), 0))",
    )?;
    Ok(Seq::new(statement.query_row([], |row| row.get(0))?))
}

// === impl WriteTx ===

impl WriteTx<'_> {
    /// The next place in the log.
    pub(super) fn next_seq(&mut self) -> Seq {
        self.last = self.last.next();
        self.last
    }

    /// Whether anybody follows the log in this process; if not, [`WriteTx::publish`] is not worth its work.
    pub(super) fn is_followed(&self) -> bool {
        self.followed
    }

    /// Shows an appended event to followers, once it is committed.
    pub(super) fn publish(&mut self, logged: Logged) {
        self.appended.push(logged);
    }

    fn in_savepoint<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let (last, appended) = (self.last, self.appended.len());
        self.connection
            .prepare_cached("SAVEPOINT operation")?
            .execute([])?;
        let result = work(self);
        if result.is_err() {
            self.last = last;
            self.appended.truncate(appended);
            // Fails only when SQLite has rolled back the whole transaction; then the commit fails for all.
            let _ = self.connection.execute_batch("ROLLBACK TO operation");
        }
        self.connection
            .prepare_cached("RELEASE operation")?
            .execute([])?;
        result
    }
}
