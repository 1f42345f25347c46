//! What a submission says, in the data file: a text as it is, or a blob that the vault sealed.

use std::sync::Arc;

use model::SubmissionId;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::Result;
use crate::payload::{Kept, Table, unseal};
use crate::submissions::row::damaged;
use crate::vault::Vault;

impl ToSql for Kept<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Open(text) => ValueRef::Text(text.as_bytes()),
            Self::Sealed(text) => ValueRef::Blob(text.as_bytes()),
        }))
    }
}

/// What a submission says, read back.
pub(super) fn open(
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
    kept: ValueRef<'_>,
) -> Result<Box<str>> {
    let ValueRef::Blob(sealed) = kept else {
        let text = kept.as_str().map_err(|error| damaged(id.0, &error))?;
        return Ok(text.into());
    };
    let sealed = std::str::from_utf8(sealed).map_err(|error| damaged(id.0, &error))?;
    unseal(Table::HandedOver, vault, id, sealed)
}
