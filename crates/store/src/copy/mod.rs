//! Moving an installation up: all that a data file holds, into an empty database.
//!
//! The file is read as it stands at one moment, and the database filled in one transaction, which is committed only when
//! both hold the same: a copy that is killed or fails leaves the database as empty as it was. What changes its form on the
//! way is said in `tables`.

mod cell;
mod tables;

use std::path::{Path, PathBuf};

use model::MessageState;
use tokio::sync::mpsc;

use crate::books::ACCEPTED;
use crate::postgres::{Address, Filling};
use crate::sqlite::Snapshot;
use crate::{Books, Result};

pub(crate) use cell::{Batch, Cell, Column, Kind, Row};
use tables::{BOOKS, MONTHS, SUMS};
pub(crate) use tables::{NUMBERED, Numbered, TABLES, Table};

/// Batches that were read and not written yet.
const BATCHES_WAITING: usize = 4;

/// Why nothing was copied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// There is nothing to copy.
    #[error("there is no data file {path}", path = .0.display())]
    NoFile(PathBuf),
    /// A process works with the data file.
    #[error(
        "process {0} works with the data file: stop it first, so that nothing is added while it is copied"
    )]
    Held(u32),
    /// The data file has an older schema.
    #[error(
        "the data file has schema version {found}, this program copies version {known}: run `glasspost migrate` with \
         --store sqlite: and its folder first"
    )]
    OldFile {
        /// The file's version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The database has no schema, or an older one.
    #[error(
        "the database has schema version {found}, this program fills version {known}: run `glasspost migrate` with its \
         address as --store first"
    )]
    NotMigrated {
        /// The database's version; 0 for one without a schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Other processes are connected to the database.
    #[error(
        "the database is used by other glasspost processes (sessions: {0}): stop them first, and start them anew on what \
         was copied"
    )]
    InUse(i64),
    /// The database was used before.
    #[error(
        "the database is not empty, there is something in {0}: make a new one, run `glasspost migrate` with its address \
         and copy into that"
    )]
    NotEmpty(&'static str),
    /// The data file did not stay as it was.
    #[error(
        "the data file was written to while it was copied: stop whatever works with it, and copy again"
    )]
    Changed,
    /// What was written is not what was read.
    #[error(
        "nothing was copied, since the two differ in {what}: {file} in the file, {database} in the database"
    )]
    Differs {
        /// In what.
        what: String,
        /// What the file says.
        file: String,
        /// What the database says.
        database: String,
    },
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table that is copied now.
    pub table: &'static str,
    /// Rows that were written, of all tables.
    pub rows: u64,
    /// Rows that there are to write, of all tables.
    pub total: u64,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// How many rows of which table, in the order in which they were copied.
    pub tables: Vec<(&'static str, u64)>,
    /// The books of all lanes in the file.
    pub file: Books,
    /// The books of all lanes in the database.
    pub database: Books,
}

/// Copies the data file of the folder `from`, which nobody works with, into the migrated and empty database `to`. The
/// encryption key belongs to no store, and has to be brought to wherever the copy is used.
pub async fn copy(from: &Path, to: &Address, mut progress: impl FnMut(Progress)) -> Result<Copied> {
    let snapshot = Snapshot::open(from)?;
    let filling = Filling::begin(to).await?;
    let tables = count(&snapshot).await?;
    let total = tables.iter().map(|(_, rows)| rows).sum();
    filling
        .make_parts(&snapshot.numbers(MONTHS.to_owned()).await?)
        .await?;
    let mut rows = 0;
    for table in TABLES {
        copy_table(&snapshot, &filling, table, |more| {
            rows += more;
            progress(Progress {
                table: table.name,
                rows,
                total,
            });
        })
        .await?;
    }
    filling.end_log_at(snapshot.end_of_log().await?).await?;
    for numbered in NUMBERED {
        let next = first_of(&snapshot.numbers(numbered.next()).await?);
        filling.number_from(numbered, next).await?;
    }
    check(&snapshot, &filling, &tables).await?;
    let copied = Copied {
        tables,
        file: books(&snapshot.numbers(BOOKS.to_owned()).await?),
        database: books(&filling.numbers(BOOKS).await?),
    };
    snapshot.close().await?;
    filling.commit().await?;
    Ok(copied)
}

/// How many rows of which table there are to copy.
async fn count(snapshot: &Snapshot) -> Result<Vec<(&'static str, u64)>> {
    let mut counts = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let rows = first_of(&snapshot.numbers(table.count()).await?);
        counts.push((table.name, rows.unsigned_abs()));
    }
    Ok(counts)
}

async fn copy_table(
    snapshot: &Snapshot,
    filling: &Filling,
    table: &'static Table,
    copied: impl FnMut(u64),
) -> Result<()> {
    let columns = filling.columns(table).await?;
    let query = table.query(&columns);
    let (sender, batches) = mpsc::channel(BATCHES_WAITING);
    tokio::try_join!(
        snapshot.rows(table.name, query, columns.clone(), sender),
        filling.fill(table.name, &columns, batches, copied),
    )?;
    Ok(())
}

/// Refuses what is not the same on both sides.
async fn check(
    snapshot: &Snapshot,
    filling: &Filling,
    counts: &[(&'static str, u64)],
) -> Result<()> {
    for &(table, expected) in counts {
        let query = format!("SELECT count(*) FROM {table}");
        let found = first_of(&filling.numbers(&query).await?).unsigned_abs();
        compare(&format!("the rows of {table}"), &expected, &found)?;
    }
    for (what, query) in SUMS {
        let expected = snapshot.numbers((*query).to_owned()).await?;
        compare(what, &expected, &filling.numbers(query).await?)?;
    }
    Ok(())
}

fn compare<T: PartialEq + std::fmt::Debug>(what: &str, file: &T, database: &T) -> Result<()> {
    match file == database {
        true => Ok(()),
        false => Err(CopyError::Differs {
            what: what.to_owned(),
            file: format!("{file:?}"),
            database: format!("{database:?}"),
        }
        .into()),
    }
}

fn first_of(numbers: &[Vec<i64>]) -> i64 {
    numbers
        .first()
        .and_then(|row| row.first())
        .copied()
        .unwrap_or(0)
}

/// Books from rows of a state and its count.
fn books(rows: &[Vec<i64>]) -> Books {
    let mut books = Books::default();
    for row in rows {
        let &[state, count] = row.as_slice() else {
            continue;
        };
        match MessageState::from_code(state) {
            Some(state) => *books.count_mut(state) = count.unsigned_abs(),
            None if state == ACCEPTED => books.accepted = count.unsigned_abs(),
            None => {}
        }
    }
    books
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreError;

    #[test]
    fn what_differs_is_told_with_both_sides() {
        assert!(compare("the books", &[1, 2], &[1, 2]).is_ok());
        let error = compare("the books", &[1, 2], &[1, 3]).unwrap_err();
        assert!(matches!(error, StoreError::Copy(CopyError::Differs { .. })));
        assert_eq!(
            error.to_string(),
            "nothing was copied, since the two differ in the books: [1, 2] in the file, [1, 3] in the database"
        );
    }

    #[test]
    fn the_books_of_all_lanes_are_read_from_their_codes() {
        let rows = [vec![ACCEPTED, 7], vec![0, 3], vec![1, 4]];
        let books = books(&rows);
        assert_eq!((books.accepted, books.queued, books.delivered), (7, 3, 4));
        assert!(books.balance());
    }
}
