//! The one writer of a process: a task that commits for everybody in groups.
//!
//! Operations queue up while a commit is under way and share the next one, so the cost of a sync, and of the
//! others' waiting, is shared by as many as wait for it. Each operation of a larger group stands in a savepoint (`transaction`): one
//! that fails takes back only itself.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::Seq;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::fault::lost;
use super::session::Sessions;
use super::transaction::WriteTx;
use crate::log::Origin;
use crate::{LogBatch, Result, StoreError, Tail};

/// Operations that may wait for the writer; beyond it, callers wait to hand theirs over.
const QUEUE_MAX: usize = 64;
/// Operations in one commit.
const GROUP_MAX: usize = 64;
/// Commits a follower may lag behind before it has to read from the database.
const TAIL_BATCHES_MAX: usize = 64;
/// How long a caller waits for an answer: it is refused within five seconds. What it asked for may still happen when that
/// was begun; what was not is left out.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// How long a group may take before its session counts as broken.
const GROUP_TIME_MAX: Duration = Duration::from_secs(10);

/// The way to the writer's task. The task ends when this is dropped.
pub(super) struct Writer {
    operations: mpsc::Sender<Operation>,
    commits: broadcast::Sender<Arc<LogBatch>>,
}

/// Does its work in the transaction, or learns why there is none; gives what is to be done once the commit's
/// fate is known.
type Operation = Box<dyn for<'t> FnOnce(Offer<'t>) -> BoxFuture<'t, Answer> + Send>;
type Answer = Box<dyn FnOnce(&Result<()>) + Send>;

/// A transaction to work in, and whether nobody else does; or why there is none.
type Offer<'t> = Result<(&'t mut WriteTx, bool)>;

// === impl Writer ===

impl Writer {
    /// Starts the task. Other processes are told of commits as `node`.
    pub(super) fn start(sessions: Sessions, node: &str) -> Self {
        let (operations, queue) = mpsc::channel(QUEUE_MAX);
        let (commits, _) = broadcast::channel(TAIL_BATCHES_MAX);
        let desk = Desk {
            sessions,
            node: node.into(),
            commits: commits.clone(),
            ended: Some(Seq::START),
        };
        tokio::spawn(desk.run(queue));
        Self {
            operations,
            commits,
        }
    }

    /// Runs `work` in the next group and answers after its commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl for<'t> FnOnce(&'t mut WriteTx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let operation: Operation = Box::new(move |offer| {
            async move {
                // The caller may have been refused while it waited.
                let result = match offer {
                    Ok(_) if answer.is_closed() => Err(lost()),
                    Ok((tx, is_alone)) => tx.run(is_alone, work).await,
                    Err(error) => Err(error),
                };
                let answer: Answer = Box::new(move |fate| {
                    let outcome = result.and_then(|value| fate.clone().map(|()| value));
                    // The caller may have gone away; what was committed stays committed.
                    let _ = answer.send(outcome);
                });
                answer
            }
            .boxed()
        });
        let asked = async {
            self.operations
                .send(operation)
                .await
                .map_err(|_| StoreError::Closed)?;
            answered.await.map_err(|_| lost())?
        };
        tokio::time::timeout(ANSWER_MAX, asked)
            .await
            .unwrap_or_else(|_| Err(lost()))
    }

    pub(super) fn tail(&self) -> Tail {
        Tail::new(self.commits.subscribe())
    }

    /// Where what others committed is told as well. It keeps nobody waiting for the store's end.
    pub(super) fn publisher(&self) -> broadcast::WeakSender<Arc<LogBatch>> {
        self.commits.downgrade()
    }
}

/// What the task works with.
struct Desk {
    sessions: Sessions,
    node: Box<str>,
    commits: broadcast::Sender<Arc<LogBatch>>,
    /// Where this process's own last commit ended; `None` when the fate of one is not known.
    ended: Option<Seq>,
}

impl Desk {
    async fn run(mut self, mut queue: mpsc::Receiver<Operation>) {
        while let Some(first) = queue.recv().await {
            let mut group = vec![first];
            while group.len() < GROUP_MAX {
                match queue.try_recv() {
                    Ok(operation) => group.push(operation),
                    Err(_) => break,
                }
            }
            // Whoever is not answered learns it from the end of their channel.
            if tokio::time::timeout(GROUP_TIME_MAX, self.commit_group(group))
                .await
                .is_err()
            {
                self.ended = None;
            }
        }
    }

    /// Runs a group in one transaction, publishes what it appended, then answers everybody.
    async fn commit_group(&mut self, group: Vec<Operation>) {
        let is_alone = group.len() == 1;
        let is_followed = self.commits.receiver_count() > 0;
        let mut answers = Vec::with_capacity(group.len());
        let fate = match self.begin(is_followed).await {
            Ok(mut tx) => {
                for operation in group {
                    answers.push(operation(Ok((&mut tx, is_alone))).await);
                }
                let committed = tx.commit(&self.node, self.ended).await;
                if committed.is_err() {
                    self.ended = None;
                }
                committed.map(|batch| self.publish(batch, is_followed))
            }
            Err(error) => {
                for operation in group {
                    answers.push(operation(Err(error.clone())).await);
                }
                Err(error)
            }
        };
        for answer in answers {
            answer(&fate);
        }
    }

    async fn begin(&self, is_followed: bool) -> Result<WriteTx> {
        WriteTx::begin(self.sessions.session().await?, is_followed).await
    }

    /// Shows a commit to the followers. One that came while the commit was under way may find its events not
    /// gathered; it is told where the log ends now, and sees by that what to read from the database.
    fn publish(&mut self, batch: LogBatch, is_gathered: bool) {
        if batch.last == batch.previous {
            return;
        }
        self.ended = Some(batch.last);
        let shown = match is_gathered {
            true => batch,
            false => LogBatch {
                previous: batch.last,
                origin: Origin::Here { after: batch.last },
                ..batch
            },
        };
        // No follower is no failure.
        let _ = self.commits.send(Arc::new(shown));
    }
}
