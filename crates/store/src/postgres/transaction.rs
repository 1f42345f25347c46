//! A group's transaction: what an operation may touch, and what happens to it when it fails.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{Control, LaneId, Priority, Seq};

use super::history::{END_OF_LOG, no_end};
use super::session::{Engaged, Session};
use crate::log::Origin;
use crate::{LogBatch, Logged, Result, StoreError};

/// The lanes that a notification names at most; beyond them, it says that it is any.
const LANES_TOLD_MAX: usize = 200;

/// How full the server's queue of notifications may be for a commit to add to it. It fills up while any session of the server
/// listens and does not read, and a commit fails that adds to a full one.
const QUEUE_USAGE_MAX: f64 = 0.5;

/// Waits until no other is in a transaction that writes, and keeps others from it until this one's end. What is read by
/// later statements of it is what the others committed: each sees what was committed before it, at this isolation.
pub(super) const TAKE_TURN: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SELECT pg_advisory_xact_lock('log'::regclass::bigint)";

/// What an operation may touch: the session, and the log it appends to. Only one of all processes is in such a
/// transaction at a time.
pub(super) struct WriteTx {
    /// The session, inside of the group's transaction.
    pub(super) session: Engaged,
    previous: Seq,
    last: Seq,
    appended: Vec<Logged>,
    controls: Vec<Control>,
    /// Lanes that mail was added to, and how urgent the most urgent is.
    mail: Vec<(LaneId, Priority)>,
    is_followed: bool,
    /// Whether nothing of it can be committed any more.
    is_lost: bool,
}

impl WriteTx {
    /// Begins a transaction that may write, when no other is in one. `is_followed`: whether to gather what is published.
    pub(super) async fn begin(session: Session, is_followed: bool) -> Result<Self> {
        let session = Engaged::new(session);
        let end = session
            .simply(&format!("BEGIN; {TAKE_TURN}; {END_OF_LOG}"))
            .await?;
        let end = end.and_then(|text| text.parse().ok()).map(Seq::new);
        let end = end.ok_or_else(no_end)?;
        Ok(Self {
            session,
            previous: end,
            last: end,
            appended: Vec::new(),
            controls: Vec::new(),
            mail: Vec::new(),
            is_followed,
            is_lost: false,
        })
    }

    /// Makes it durable, all or nothing, and tells the other processes as `node`. `after`: where this process's commit
    /// before it ended; `None` when that is not known, and it is that no later one did than where this one begins.
    pub(super) async fn commit(self, node: &str, after: Option<Seq>) -> Result<LogBatch> {
        if self.is_lost {
            return Err(of_lost());
        }
        // It is only a hint, which no commit may fail for.
        let told = format!(
            "SELECT CASE WHEN pg_notification_queue_usage() < {QUEUE_USAGE_MAX} \
             THEN pg_notify('glasspost', '{}') END; COMMIT",
            self.told(node)
        );
        let ending = match (self.last > self.previous, self.mail.is_empty()) {
            (true, _) => format!(
                "INSERT INTO log (last) VALUES ({}); {told}",
                self.last.get()
            ),
            // Mail that waited may be due earlier than it was.
            (false, false) => told,
            // By itself, a commit takes back in silence what an error had ended.
            (false, true) => "SELECT 1; COMMIT".to_owned(),
        };
        self.session.simply(&ending).await?;
        self.session.give_back();
        Ok(LogBatch {
            previous: self.previous,
            last: self.last,
            events: self.appended,
            controls: self.controls,
            origin: Origin::Here {
                after: after.unwrap_or(self.previous),
            },
        })
    }

    /// What other processes are told: who, the log's end, and `lane:priority` of each lane with new mail, or `*`.
    fn told(&self, node: &str) -> String {
        let mut text = format!("{node} {} {}", self.previous.get(), self.last.get());
        if self.mail.len() > LANES_TOLD_MAX {
            return text + " *";
        }
        for (lane, priority) in &self.mail {
            text += &format!(" {}:{}", lane.0, priority.code());
        }
        text
    }

    /// Runs the one operation of its group, or one of several. When it fails or panics, nothing of it stays.
    pub(super) async fn run<T>(
        &mut self,
        is_alone: bool,
        work: impl for<'t> FnOnce(&'t mut Self) -> BoxFuture<'t, Result<T>> + Send,
    ) -> Result<T> {
        if self.is_lost {
            return Err(of_lost());
        }
        if !is_alone {
            self.mark("SAVEPOINT operation").await?;
        }
        let (last, appended) = (self.last, self.appended.len());
        let (controls, mail) = (self.controls.len(), self.mail.clone());
        let result = AssertUnwindSafe(async { work(self).await })
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(StoreError::Backend("an operation panicked".to_owned())));
        if result.is_err() {
            self.last = last;
            self.appended.truncate(appended);
            self.controls.truncate(controls);
            self.mail = mail;
            self.undo_operation(is_alone).await;
        } else if !is_alone {
            // It fails after an operation that went on as if an error was none.
            self.mark("RELEASE operation").await?;
        }
        result
    }

    /// Marks where an operation begins or ends. Without that, what belongs to whom is not known any more.
    async fn mark(&mut self, statement: &str) -> Result<()> {
        let marked = self.session.simply(statement).await;
        self.is_lost = marked.is_err();
        marked.map(drop)
    }

    async fn undo_operation(&mut self, is_alone: bool) {
        let undoing = match is_alone {
            // Nothing but the operation was in it.
            true => "ROLLBACK; BEGIN",
            false => "ROLLBACK TO operation; RELEASE operation",
        };
        self.is_lost = self.session.simply(undoing).await.is_err();
    }

    /// The next place in the log; it stays the next until it is taken by [`WriteTx::append`] or
    /// [`WriteTx::append_control`].
    pub(super) fn next_seq(&self) -> Seq {
        self.last.next()
    }

    /// Takes the next place in the log, for a row that is written with it. Followers are shown what `logged`
    /// gives once it is committed; it is not called when nobody follows.
    pub(super) fn append(&mut self, logged: impl FnOnce() -> Logged) {
        self.last = self.last.next();
        if self.is_followed {
            self.appended.push(logged());
        }
    }

    /// Notes that mail was added to a lane, so that whoever delivers it is told.
    pub(super) fn has_mail(&mut self, lane: LaneId, priority: Priority) {
        match self.mail.iter_mut().find(|(known, _)| *known == lane) {
            Some((_, urgency)) => *urgency = priority.min(*urgency),
            None => self.mail.push((lane, priority)),
        }
    }

    /// Takes the next place in the log, for an intervention that is written with it.
    pub(super) fn append_control(&mut self, control: &Control) {
        self.last = self.last.next();
        if self.is_followed {
            self.controls.push(control.clone());
        }
    }
}

/// The error of all who were in a transaction that was lost. None of it has happened: whoever asks again gets another one.
fn of_lost() -> StoreError {
    StoreError::Unavailable("the transaction was taken back as a whole".to_owned())
}

#[cfg(test)]
mod tests;
