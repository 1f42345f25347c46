//! The data file as it stands at one moment, for a copy of all that is in it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use model::Seq;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row as FileRow};
use tokio::sync::mpsc::Sender;

use super::{FILE_NAME, connection, history, holder, in_folder, migrate};
use crate::copy::{Batch, Cell, Column, CopyError, Kind, Row};
use crate::{Result, StoreError};

/// Page cache, in KiB: of many rows, another is looked up. What is sorted takes no more before it goes to the disk.
const CACHE_KIB: i64 = 32 * 1024;

/// A data file that nobody works with, in one read transaction. It is not written to.
pub(crate) struct Snapshot {
    folder: PathBuf,
    connection: Arc<Mutex<Connection>>,
    /// It is another one after somebody else's commit.
    version: i64,
}

impl Snapshot {
    /// Begins to read a folder's data file.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE_NAME);
        if !file.is_file() {
            return Err(CopyError::NoFile(file).into());
        }
        check_is_free(folder)?;
        let (connection, version) = begin(&file).map_err(|error| in_folder(folder, error))?;
        migrate::check(&connection)?;
        Ok(Self {
            folder: folder.to_owned(),
            connection: Arc::new(Mutex::new(connection)),
            version,
        })
    }

    /// Sends all rows of a query on, in batches, until nobody takes them any more.
    pub(crate) async fn rows(
        &self,
        table: &'static str,
        query: String,
        columns: Vec<Column>,
        batches: Sender<Batch>,
    ) -> Result<()> {
        self.ask(move |connection| {
            let mut statement = connection.prepare(&query)?;
            let mut rows = statement.query([])?;
            let mut batch = Batch::default();
            while let Some(row) = rows.next()? {
                batch.add(read(table, &columns, row)?);
                if batch.is_full() && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
                    return Ok(());
                }
            }
            // Whoever takes no more knows why.
            let _ = batches.blocking_send(batch);
            Ok(())
        })
        .await
    }

    /// The rows of a query that gives numbers.
    pub(crate) async fn numbers(&self, query: String) -> Result<Vec<Vec<i64>>> {
        self.ask(move |connection| {
            let mut statement = connection.prepare(&query)?;
            let width = statement.column_count();
            let rows =
                statement.query_map([], |row| (0..width).map(|place| row.get(place)).collect())?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// The log's last place.
    pub(crate) async fn end_of_log(&self) -> Result<Seq> {
        self.ask(history::end_of_log).await
    }

    /// Ends it; refuses a file that is not any more as it was read.
    pub(crate) async fn close(self) -> Result<()> {
        let (folder, before) = (self.folder.clone(), self.version);
        self.ask(move |connection| {
            connection.execute_batch("COMMIT")?;
            if version(connection)? != before {
                return Err(CopyError::Changed.into());
            }
            check_is_free(&folder)
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = Arc::clone(&self.connection);
        let asking = tokio::task::spawn_blocking(move || {
            work(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let failed = |error: tokio::task::JoinError| StoreError::Backend(error.to_string());
        asking.await.map_err(failed)?
    }
}

fn begin(file: &Path) -> Result<(Connection, i64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_handler(Some(connection::wait_for_other))?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.execute_batch("BEGIN")?;
    let version = version(&connection)?;
    Ok((connection, version))
}

fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
}

fn check_is_free(folder: &Path) -> Result<()> {
    match holder::living(folder) {
        Some(process) => Err(CopyError::Held(process).into()),
        None => Ok(()),
    }
}

/// A row's values, each of what its column holds.
fn read(table: &str, columns: &[Column], row: &FileRow<'_>) -> Result<Row> {
    let mut cells = Row::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        let value = row.get_ref(place)?;
        match cell(column.kind, value) {
            Some(cell) => cells.push(cell),
            None => {
                let (key, name, found) = (key(&cells), &column.name, value.data_type());
                return Err(StoreError::Damaged(format!(
                    "{table} {key}: its {name} is not what it must be, but {found}"
                )));
            }
        }
    }
    Ok(cells)
}

/// What a row is known by, to find it.
fn key(cells: &[Cell]) -> String {
    match cells.first() {
        Some(Cell::Number(number)) => number.to_string(),
        Some(Cell::Text(text)) => text.clone(),
        _ => "of unknown number".to_owned(),
    }
}

fn cell(kind: Kind, value: ValueRef<'_>) -> Option<Cell> {
    match (kind, value) {
        (_, ValueRef::Null) => Some(Cell::Nothing),
        (Kind::Number, ValueRef::Integer(number)) => Some(Cell::Number(number)),
        (Kind::Flag, ValueRef::Integer(number)) => Some(Cell::Flag(number != 0)),
        (Kind::Bytes, ValueRef::Blob(bytes)) => Some(Cell::Bytes(bytes.to_owned())),
        (Kind::Text, ValueRef::Text(bytes)) => {
            let text = std::str::from_utf8(bytes).ok()?;
            // PostgreSQL's texts hold no such character.
            Some(Cell::Text(text.replace('\0', "\u{fffd}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_its_column_holds_or_refused() {
        let text = |bytes| cell(Kind::Text, ValueRef::Text(bytes));
        assert_eq!(text(b"ada"), Some(Cell::Text("ada".to_owned())));
        assert_eq!(text(b"a\0b"), Some(Cell::Text("a\u{fffd}b".to_owned())));
        assert_eq!(text(b"\xff"), None);
        assert_eq!(cell(Kind::Text, ValueRef::Blob(b"ada")), None);
        assert_eq!(cell(Kind::Number, ValueRef::Text(b"1")), None);
        assert_eq!(cell(Kind::Number, ValueRef::Real(1.0)), None);
        assert_eq!(
            cell(Kind::Flag, ValueRef::Integer(1)),
            Some(Cell::Flag(true))
        );
        assert_eq!(cell(Kind::Bytes, ValueRef::Null), Some(Cell::Nothing));
    }
}
