//! A group's transaction: what an operation may touch, and what happens to it when it fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use model::{Control, Seq};
use rusqlite::Connection;

use super::history;
use crate::log::Origin;
use crate::{LogBatch, Logged, Result, StoreError};

/// What an operation may touch: the connection, and the log it appends to.
pub(super) struct WriteTx<'c> {
    /// The connection, inside of the group's transaction.
    pub(super) connection: &'c Connection,
    previous: Seq,
    last: Seq,
    appended: Vec<Logged>,
    controls: Vec<Control>,
    is_followed: bool,
    /// Why the transaction cannot be committed any more. SQLite rolls the whole of it back by itself when the
    /// disk is full or fails; what ran after that would be outside of any transaction.
    lost: Option<StoreError>,
}

impl<'c> WriteTx<'c> {
    /// Begins a transaction that may write. `is_followed`: whether to gather what is published.
    pub(super) fn begin(connection: &'c Connection, is_followed: bool) -> Result<Self> {
        run(connection, "BEGIN IMMEDIATE")?;
        let mut tx = Self {
            connection,
            previous: Seq::START,
            last: Seq::START,
            appended: Vec::new(),
            controls: Vec::new(),
            is_followed,
            lost: None,
        };
        // Read anew for each group, since another process may have written.
        match history::end_of_log(connection) {
            Ok(end) => {
                (tx.previous, tx.last) = (end, end);
                Ok(tx)
            }
            Err(error) => {
                tx.roll_back();
                Err(error)
            }
        }
    }

    /// Makes it durable, all or nothing. `after`: where this process's commit before it ended.
    pub(super) fn commit(mut self, after: Seq) -> Result<LogBatch> {
        let outcome = match self.lost.take() {
            Some(error) => Err(error),
            None => run(self.connection, "COMMIT"),
        };
        if let Err(error) = outcome {
            self.roll_back();
            return Err(error);
        }
        Ok(LogBatch {
            previous: self.previous,
            last: self.last,
            events: self.appended,
            controls: self.controls,
            origin: Origin::Here { after },
        })
    }

    /// Runs one operation of the group. When it fails or panics, nothing of it stays.
    pub(super) fn in_savepoint<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if let Some(error) = &self.lost {
            return Err(error.clone());
        }
        let (last, appended) = (self.last, self.appended.len());
        let controls = self.controls.len();
        run(self.connection, "SAVEPOINT operation")?;
        let result = catch_unwind(AssertUnwindSafe(|| work(self)))
            .unwrap_or_else(|_| Err(StoreError::Backend("an operation panicked".to_owned())))
            .and_then(|value| {
                run(self.connection, "RELEASE operation")?;
                Ok(value)
            });
        if let Err(error) = &result {
            self.last = last;
            self.appended.truncate(appended);
            self.controls.truncate(controls);
            self.undo_operation(error);
        }
        result
    }

    fn undo_operation(&mut self, cause: &StoreError) {
        let undone = run(self.connection, "ROLLBACK TO operation")
            .and_then(|()| run(self.connection, "RELEASE operation"));
        if undone.is_err() {
            self.lost = Some(cause.clone());
        }
    }

    fn roll_back(&self) {
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = run(self.connection, "ROLLBACK") {
            tracing::error!(%error, "a failed transaction could not be rolled back");
        }
    }

    /// The next place in the log; it stays the next until it is taken by [`WriteTx::append`] or
    /// [`WriteTx::append_control`].
    pub(super) fn next_seq(&self) -> Seq {
        self.last.next()
    }

    /// Takes the next place in the log, for a row that was written with it. Followers are shown what `logged`
    /// gives once it is committed; it is not called when nobody follows.
    pub(super) fn append(&mut self, logged: impl FnOnce() -> Logged) {
        self.last = self.last.next();
        if self.is_followed {
            self.appended.push(logged());
        }
    }

    /// Keeps the log's end where rows may have gone from it: their places are never given again.
    pub(super) fn keep_end_of_log(&self) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO meta (key, value) VALUES ('end_of_log', ?1) \
                 ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute([self.last.get()])?;
        Ok(())
    }

    /// Takes the next place in the log, for an intervention that was written with it.
    pub(super) fn append_control(&mut self, control: &Control) {
        self.last = self.last.next();
        if self.is_followed {
            self.controls.push(control.clone());
        }
    }
}

fn run(connection: &Connection, statement: &str) -> Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
