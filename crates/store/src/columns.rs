//! The columns of a row, whatever the driver, so that a row is read in one way.

use std::fmt::Display;

use crate::Result;

/// What a column holds.
pub(crate) trait Value:
    rusqlite::types::FromSql + for<'a> tokio_postgres::types::FromSql<'a>
{
}

impl<T> Value for T where T: rusqlite::types::FromSql + for<'a> tokio_postgres::types::FromSql<'a> {}

/// Which column: its name or its place.
pub(crate) trait Which:
    rusqlite::RowIndex + tokio_postgres::row::RowIndex + Display
{
}

impl<T> Which for T where T: rusqlite::RowIndex + tokio_postgres::row::RowIndex + Display {}

/// A row.
pub(crate) trait Columns {
    /// The value of a column. Numbers are `i64`, whatever they count.
    fn column<T: Value>(&self, which: impl Which) -> Result<T>;
}

impl Columns for rusqlite::Row<'_> {
    fn column<T: Value>(&self, which: impl Which) -> Result<T> {
        Ok(self.get(which)?)
    }
}

impl Columns for tokio_postgres::Row {
    fn column<T: Value>(&self, which: impl Which) -> Result<T> {
        Ok(self.try_get(which)?)
    }
}
