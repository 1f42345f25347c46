//! What a submission says, in the database: a text as it is, or one that the vault sealed, and which of the two.

use std::sync::Arc;

use model::SubmissionId;
use tokio_postgres::Row;

use crate::Result;
use crate::payload::{Kept, Table, unseal};
use crate::vault::Vault;

/// The columns [`open`] reads, from `payloads p`.
pub(super) const COLUMNS: &str = "p.is_sealed, p.payload";

/// The values of the columns.
pub(in crate::postgres) fn columns(kept: Kept<'_>) -> (bool, String) {
    match kept {
        Kept::Open(text) => (false, text.to_owned()),
        Kept::Sealed(text) => (true, text),
    }
}

/// The columns [`open_source`] reads, from `payloads p LEFT JOIN prepared r`: of the two, only one text is read.
pub(super) const SOURCE_COLUMNS: &str = "r.submission IS NOT NULL, coalesce(r.is_sealed, p.is_sealed), \
     CASE WHEN r.submission IS NULL THEN p.payload ELSE r.payload END";

/// What a submission's messages are made from, read back from the columns that begin at `first`.
pub(super) fn open_source(
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
    row: &Row,
    first: usize,
) -> Result<Box<str>> {
    let table = match row.try_get(first)? {
        true => Table::Prepared,
        false => Table::HandedOver,
    };
    text(table, vault, id, row, first + 1)
}

/// What a submission says, read back from the columns that begin at `first`.
pub(super) fn open(
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
    row: &Row,
    first: usize,
) -> Result<Box<str>> {
    text(Table::HandedOver, vault, id, row, first)
}

/// A text of a table, read back from two columns: whether it is sealed, and itself.
fn text(
    table: Table,
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
    row: &Row,
    first: usize,
) -> Result<Box<str>> {
    let text: &str = row.try_get(first + 1)?;
    match row.try_get(first)? {
        true => unseal(table, vault, id, text),
        false => Ok(text.into()),
    }
}
