//! What a submission says, and whether it may lie in the data as it is.

use std::sync::Arc;

use model::{Secret, Seq, SubmissionId};

use crate::Result;
use crate::vault::{Place, Vault, needed};

/// What a submission says: a JSON object of the preparing room's.
#[derive(Clone, Debug)]
pub enum Payload {
    /// It holds no secret, and is kept as it is.
    Open(Box<str>),
    /// It holds a secret, and is sealed as a whole.
    Secret(Secret),
}

impl Payload {
    /// The JSON text.
    pub fn expose(&self) -> &str {
        match self {
            Self::Open(text) => text,
            Self::Secret(text) => text.expose(),
        }
    }
}

impl From<&str> for Payload {
    /// What holds no secret.
    fn from(text: &str) -> Self {
        Self::Open(text.into())
    }
}

impl From<String> for Payload {
    /// What holds no secret.
    fn from(text: String) -> Self {
        Self::Open(text.into())
    }
}

/// A payload as it is written. What is sealed is marked by the backend, so that no text that a client chose is ever taken
/// for a sealed one.
pub(crate) enum Kept<'a> {
    Open(&'a str),
    Sealed(String),
}

/// Where a payload is kept: each is sealed for its own place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Table {
    /// As its client handed it over.
    HandedOver,
    /// As it was prepared.
    Prepared,
}

impl<'a> Kept<'a> {
    pub(crate) fn of(
        vault: Option<&Arc<Vault>>,
        id: SubmissionId,
        payload: &'a Payload,
    ) -> Result<Self> {
        Self::in_table(Table::HandedOver, vault, id, payload)
    }

    pub(crate) fn in_table(
        table: Table,
        vault: Option<&Arc<Vault>>,
        id: SubmissionId,
        payload: &'a Payload,
    ) -> Result<Self> {
        match payload {
            Payload::Open(text) => Ok(Self::Open(text)),
            Payload::Secret(text) => {
                let sealed = needed(vault)?.seal(table.place(&row(id.0)), text)?;
                Ok(Self::Sealed(sealed))
            }
        }
    }
}

/// What the sealed text of a table says.
pub(crate) fn unseal(
    table: Table,
    vault: Option<&Arc<Vault>>,
    id: SubmissionId,
    sealed: &str,
) -> Result<Box<str>> {
    let opened = needed(vault)?.open(table.place(&row(id.0)), sealed)?;
    Ok(opened.expose().into())
}

fn row(id: Seq) -> String {
    id.get().to_string()
}

impl Table {
    fn place(self, row: &str) -> Place<'_> {
        Place {
            table: match self {
                Self::HandedOver => "payloads",
                Self::Prepared => "prepared",
            },
            row,
            column: "payload",
        }
    }
}
