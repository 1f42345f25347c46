//! What a submission says, in the data file: a text as it is, or a blob that the vault sealed.
//!
//! The two are told apart by their type, so that no text that a client chose is ever taken for a sealed one.

use std::sync::Arc;

use model::{Seq, SubmissionId};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::read::damaged;
use crate::sqlite::needed;
use crate::vault::{Place, Vault};
use crate::{Payload, Result};

/// A payload as it is written.
pub(super) enum Kept<'a> {
    Open(&'a str),
    Sealed(String),
}

impl<'a> Kept<'a> {
    pub(super) fn of(
        vault: Option<&Arc<Vault>>,
        id: SubmissionId,
        payload: &'a Payload,
    ) -> Result<Self> {
        match payload {
            Payload::Open(text) => Ok(Self::Open(text)),
            Payload::Secret(text) => {
                let sealed = needed(vault)?.seal(place(&row(id.0)), text)?;
                Ok(Self::Sealed(sealed))
            }
        }
    }
}

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
    let opened = needed(vault)?.open(place(&row(id.0)), sealed)?;
    Ok(opened.expose().into())
}

fn row(id: Seq) -> String {
    id.get().to_string()
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "payloads",
        row,
        column: "payload",
    }
}
