//! An empty database that is filled in one transaction: whole, or not at all.

use std::error::Error;
use std::pin::pin;

use bytes::BytesMut;
use model::Seq;
use tokio::sync::mpsc::Receiver;
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::address::Address;
use super::{connect, fault, migrate};
use crate::copy::{Batch, Cell, Column, CopyError, Kind, Numbered, TABLES, Table};
use crate::{Result, StoreError};

/// As long as it takes. Nobody else reads or writes meanwhile, who could take what is there for all.
const BEGIN: &str =
    "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
/// Other sessions of ours.
const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
     AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()";
/// Whether anybody opened the database before: its log has a place, or its secrets a key.
const USED: &str = "SELECT EXISTS (SELECT FROM log WHERE last <> 0) \
     OR EXISTS (SELECT FROM meta WHERE key <> 'tag')";

/// The transaction. When this is dropped before its commit, the connection ends and nothing was written.
pub(crate) struct Filling(Client);

impl Filling {
    /// Begins to fill a database that has the schema and nothing else.
    pub(crate) async fn begin(address: &Address) -> Result<Self> {
        let unusable = |error| fault::unusable(address, error);
        let (mut client, _task) = connect::open(address).await.map_err(unusable)?;
        migrate::check(&mut client)
            .await
            .map_err(|error| match error {
                StoreError::Older { found, known } => {
                    CopyError::NotMigrated { found, known }.into()
                }
                other => unusable(other),
            })?;
        let filling = Self(client);
        let others: i64 = filling.0.query_one(OTHERS, &[]).await?.try_get(0)?;
        if others > 0 {
            return Err(CopyError::InUse(others).into());
        }
        filling.begin_alone().await?;
        filling.check_is_empty().await?;
        // The file's own takes its place.
        filling.0.batch_execute("DELETE FROM meta").await?;
        Ok(filling)
    }

    async fn begin_alone(&self) -> Result<()> {
        let tables = names();
        let begin = format!("{BEGIN}; LOCK TABLE log, {tables} IN ACCESS EXCLUSIVE MODE");
        Ok(self.0.batch_execute(&begin).await?)
    }

    async fn check_is_empty(&self) -> Result<()> {
        if self.0.query_one(USED, &[]).await?.try_get(0)? {
            return Err(CopyError::NotEmpty("its log or its keys").into());
        }
        for table in TABLES.iter().filter(|table| table.name != "meta") {
            let query = format!("SELECT EXISTS (SELECT FROM {})", table.name);
            if self.0.query_one(&query, &[]).await?.try_get(0)? {
                return Err(CopyError::NotEmpty(table.name).into());
            }
        }
        Ok(())
    }

    /// The columns of a table that are to be filled.
    pub(crate) async fn columns(&self, table: &Table) -> Result<Vec<Column>> {
        let all = self
            .0
            .prepare(&format!("SELECT * FROM {}", table.name))
            .await?;
        let filled = all
            .columns()
            .iter()
            .filter(|column| table.fills(column.name()));
        filled
            .map(|column| {
                Ok(Column {
                    name: column.name().to_owned(),
                    kind: kind(column.type_())?,
                })
            })
            .collect()
    }

    /// Fills a table with all that comes; tells how many rows it were, again and again.
    pub(crate) async fn fill(
        &self,
        table: &str,
        columns: &[Column],
        mut batches: Receiver<Batch>,
        mut filled: impl FnMut(u64),
    ) -> Result<()> {
        let names: Vec<String> = columns
            .iter()
            .map(|column| format!("\"{}\"", column.name))
            .collect();
        let types: Vec<Type> = columns.iter().map(|column| of_kind(column.kind)).collect();
        let statement = format!(
            "COPY {table} ({}) FROM STDIN (FORMAT binary)",
            names.join(", ")
        );
        let sink = self.0.copy_in(&statement).await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        while let Some(batch) = batches.recv().await {
            for row in &batch.rows {
                writer.as_mut().write_raw(row).await?;
            }
            filled(batch.rows.len() as u64);
        }
        writer.finish().await?;
        Ok(())
    }

    /// Makes parts for the events of these months, where they are not there yet: year and month as one number, and from
    /// when until when it goes.
    pub(crate) async fn make_parts(&self, months: &[Vec<i64>]) -> Result<()> {
        for month in months {
            let &[number, since, until] = month.as_slice() else {
                continue;
            };
            let (year, month) = (number / 100, number % 100);
            let part = format!(
                "CREATE TABLE IF NOT EXISTS events_{year:04}_{month:02} PARTITION OF events \
                 FOR VALUES FROM ({since}) TO ({until})"
            );
            self.0.batch_execute(&part).await?;
        }
        Ok(())
    }

    /// Lets the log go on after this place.
    pub(crate) async fn end_log_at(&self, last: Seq) -> Result<()> {
        self.0
            .execute(
                "INSERT INTO log (last) VALUES ($1) ON CONFLICT DO NOTHING",
                &[&last.get()],
            )
            .await?;
        Ok(())
    }

    /// Lets a table's numbers go on with this one.
    pub(crate) async fn number_from(&self, numbered: &Numbered, next: i64) -> Result<()> {
        let Numbered { table, column } = numbered;
        // Unlike `setval`, it is undone with the transaction.
        let restart = format!("ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH {next}");
        Ok(self.0.batch_execute(&restart).await?)
    }

    /// The rows of a query that gives numbers.
    pub(crate) async fn numbers(&self, query: &str) -> Result<Vec<Vec<i64>>> {
        let rows = self.0.query(query, &[]).await?;
        rows.iter()
            .map(|row| {
                (0..row.len())
                    .map(|place| Ok(row.try_get(place)?))
                    .collect()
            })
            .collect()
    }

    /// Makes it durable, with what the planner needs to know of so many new rows.
    pub(crate) async fn commit(self) -> Result<()> {
        let commit = format!("ANALYZE {}; COMMIT", names());
        Ok(self.0.batch_execute(&commit).await?)
    }
}

fn names() -> String {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    names.join(", ")
}

fn kind(of: &Type) -> Result<Kind> {
    match *of {
        Type::INT8 => Ok(Kind::Number),
        Type::BOOL => Ok(Kind::Flag),
        Type::TEXT => Ok(Kind::Text),
        Type::BYTEA => Ok(Kind::Bytes),
        _ => Err(StoreError::Invalid(format!(
            "a copy of a column of type {of}"
        ))),
    }
}

fn of_kind(kind: Kind) -> Type {
    match kind {
        Kind::Number => Type::INT8,
        Kind::Flag => Type::BOOL,
        Kind::Text => Type::TEXT,
        Kind::Bytes => Type::BYTEA,
    }
}

impl ToSql for Cell {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Nothing => Ok(IsNull::Yes),
            Self::Number(number) => number.to_sql(of, out),
            Self::Flag(flag) => flag.to_sql(of, out),
            Self::Text(text) => text.to_sql(of, out),
            Self::Bytes(bytes) => bytes.to_sql(of, out),
        }
    }

    fn accepts(of: &Type) -> bool {
        kind(of).is_ok()
    }

    to_sql_checked!();
}
