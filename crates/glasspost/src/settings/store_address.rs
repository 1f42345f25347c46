//! Where everything is kept.

use std::fmt;
use std::path::{Path, PathBuf};

use model::FieldError;
use store::postgres::Address;

/// What a file's address begins with.
const FILE: &str = "sqlite:";

/// Where a store is.
#[derive(Clone, Debug)]
pub enum StoreAddress {
    /// A data file in this folder; `None` for the data folder.
    File(Option<PathBuf>),
    /// A database.
    Database(Box<Address>),
}

impl StoreAddress {
    /// Reads `sqlite:`, `sqlite:/folder` or `postgres://…`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        if let Some(folder) = text.strip_prefix(FILE) {
            let folder = (!folder.is_empty()).then(|| PathBuf::from(folder));
            return Ok(Self::File(folder));
        }
        match text.contains("://") {
            true => Ok(Self::Database(Box::new(Address::parse(text)?))),
            false => Err(FieldError::new(
                "store",
                "must be sqlite:, sqlite:/folder or postgres://user:password@host/database",
            )),
        }
    }

    /// The folder of a data file, given the data folder.
    pub fn folder<'a>(&'a self, data: &'a Path) -> &'a Path {
        match self {
            Self::File(Some(folder)) => folder,
            Self::File(None) | Self::Database(_) => data,
        }
    }
}

impl fmt::Display for StoreAddress {
    /// Without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(None) => f.write_str(FILE),
            Self::File(Some(folder)) => write!(f, "{FILE}{}", folder.display()),
            Self::Database(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_file_or_a_database() {
        for (text, shown) in [
            ("sqlite:", "sqlite:"),
            ("sqlite:/var/lib/glasspost", "sqlite:/var/lib/glasspost"),
            (
                "postgres://gp:canary@db.example/mail",
                "postgres://gp@db.example/mail",
            ),
        ] {
            assert_eq!(StoreAddress::parse(text).unwrap().to_string(), shown);
        }
        for wrong in ["", "/var/lib/glasspost", "mysql://db.example/mail"] {
            let error = StoreAddress::parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("store"), "{error}");
        }
    }
}
