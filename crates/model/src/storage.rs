//! Storages: where a tenant's attachments lie, under names.

use std::fmt;

use crate::clock::Timestamp;
use crate::field::{self, FieldError};
use crate::secret::Secret;
use crate::tenant::TenantId;

/// A storage's name, unique in its tenant: 1 to 64 letters, digits, `.`, `_` or `-`. It stands before the colon of
/// `name:path`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorageName(Box<str>);

/// A place where a tenant's attachments lie.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name.
    pub name: StorageName,
    /// What kind of place it is.
    pub protocol: StorageProtocol,
    /// How to reach it; a JSON object of the attachments' room, with its keys.
    pub config: Secret,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What kind of place a storage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageProtocol {
    /// A folder.
    Local,
    /// Amazon S3, and what speaks like it.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl StorageName {
    /// Takes a name, or says what it may be.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        field::id("name", text).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StorageProtocol {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Local, Self::S3, Self::Gcs, Self::Azure];

    /// The word as it stands in requests and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
        }
    }

    /// Takes the word.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.as_str() == text)
            .ok_or_else(|| FieldError::new("protocol", "must be local, s3, gcs or azure"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_their_protocols() {
        for protocol in StorageProtocol::ALL {
            assert_eq!(StorageProtocol::parse(protocol.as_str()), Ok(protocol));
        }
        assert_eq!(StorageProtocol::parse("ftp").unwrap_err().field, "protocol");
        assert_eq!(StorageName::parse("a:b").unwrap_err().field, "name");
    }
}
