//! Statistics in SQLite: what happened in each hour, counted beside the log.
//!
//! The log is read by connections of their own, and the writer only adds what they found.
//!
//! - `tally`: events of the log, counted as they are read
//! - `count`: what the log has gained, and what is kept no longer
//! - `query`: the counts read back
//! - `rebuild`: hours counted anew
//! - `forgotten`: what whoever forgets mail notes of it

mod count;
pub(super) mod forgotten;
mod query;
mod rebuild;
mod tally;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use model::Timestamp;

use super::SqliteStore;
use super::readers::{self, Readers};
use crate::statistics::{
    CountedTo, Hours, Rebuilt, RolledUp, Statistics, StatisticsQuery, StatisticsRow, under_way,
};
use crate::{Result, StoreError};

/// The file by whose lock no two count anew at once, beside the data file.
const LOCK_FILE_NAME: &str = "statistics.lock";

/// What counting is done with.
pub(super) struct Counting {
    readers: Readers,
    lock_file: PathBuf,
}

/// While it is held, nobody else counts anew or forgets counts, in whichever process.
struct Turn(File);

impl Drop for Turn {
    /// A process that is just being started has the file too, for a moment: closing ours would not do.
    fn drop(&mut self) {
        // One that cannot be unlocked is closed.
        let _ = self.0.unlock();
    }
}

impl Counting {
    pub(super) fn start(folder: &Path, file: &Path) -> Result<Self> {
        Ok(Self {
            readers: Readers::start(file, readers::COUNTING)?,
            lock_file: folder.join(LOCK_FILE_NAME),
        })
    }

    /// Takes the turn to count anew, or to forget counts; `None` when somebody else has it.
    fn try_turn(&self) -> Result<Option<Turn>> {
        let unusable = |error: std::io::Error| {
            StoreError::Backend(format!("{}: {error}", self.lock_file.display()))
        };
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).write(true);
        let file = options.open(&self.lock_file).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Turn(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }
}

#[async_trait]
impl Statistics for SqliteStore {
    async fn roll_up(&self, limit: u32) -> Result<RolledUp> {
        let gain = self
            .counting
            .readers
            .read(move |connection| count::gain(connection, limit))
            .await?;
        match gain.is_empty() {
            true => Ok(gain.rolled_up()),
            false => self.writer.write(move |tx| count::add(tx, &gain)).await,
        }
    }

    async fn statistics(&self, query: StatisticsQuery) -> Result<Vec<StatisticsRow>> {
        self.looking
            .read(move |connection| query::rows(connection, &query))
            .await
    }

    async fn counted_to(&self) -> Result<CountedTo> {
        self.looking.read(query::counted_to).await
    }

    async fn rebuild(&self, from: Timestamp, until: Timestamp) -> Result<Rebuilt> {
        let turn = self.counting.try_turn()?.ok_or_else(under_way)?;
        let hours = Hours::that_begin(from, until);
        let (turn, compared) = self
            .counting
            .readers
            .read(move |connection| Ok((turn, rebuild::compare(connection, hours)?)))
            .await?;
        if compared.corrections.is_empty() {
            return Ok(compared.rebuilt());
        }
        let (_turn, rebuilt) = self
            .writer
            .write(move |tx| {
                rebuild::correct(tx, &compared.corrections)?;
                // With the answer, the turn goes on until the commit.
                Ok((turn, compared.rebuilt()))
            })
            .await?;
        Ok(rebuilt)
    }

    async fn expire_statistics(&self, before: Timestamp, limit: usize) -> Result<usize> {
        // What is corrected would be added to nothing.
        let Some(turn) = self.counting.try_turn()? else {
            return Ok(0);
        };
        let (_turn, expired) = self
            .writer
            .write(move |tx| Ok((turn, count::expire(tx, before, limit)?)))
            .await?;
        Ok(expired)
    }
}
