//! What a submission says, in the database: a text as it is, or one that the vault sealed, and which of the two.

use std::sync::Arc;

use model::SubmissionId;
use tokio_postgres::Row;

use crate::Result;
use crate::payload::{Kept, unseal};
use crate::vault::Vault;

/// The columns [`open`] reads, from `payloads p`.
pub(super) const COLUMNS: &str = "p.is_sealed, p.payload";

/// The values of the columns.
pub(super) fn columns(kept: Kept<'_>) -> (bool, String) {
    match kept {
        Kept::Open(text) => (false, text.to_owned()),
        Kept::Sealed(text) => (true, text),
    }
}

/// What a submission says, read back from the columns that begin at `first`.
pub(super) fn open(
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
    row: &Row,
    first: usize,
) -> Result<Box<str>> {
    let text: &str = row.try_get(first + 1)?;
    match row.try_get(first)? {
        true => unseal(vault, id, text),
        false => Ok(text.into()),
    }
}
