//! What went wrong in the store, by what the caller does next.

use std::path::PathBuf;
use std::time::Duration;

use model::FieldError;

use crate::copy::CopyError;
use crate::vault::KeyError;

/// Why an operation did not happen. Nothing of it was written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the lane: wait, or let it do the work.
    #[error("held by process {holder}")]
    LaneHeld {
        /// Its process id, as the system knows it.
        holder: u32,
        /// How long it holds it when nothing more is heard of it; `None` where it is known to live.
        expires_in: Option<Duration>,
    },
    /// The lease is not ours any more: stop delivering from the lane.
    #[error("the lease on lane {lane} was lost")]
    LeaseLost {
        /// The lane.
        lane: String,
    },
    /// No room, another process wrote for too long, or the database is away: wait and try again.
    #[error("the store cannot be used at the moment: {0}")]
    Unavailable(String),
    /// The data folder cannot be used: tell the person.
    #[error("cannot use the data folder {path}: {reason}", path = path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The directory's secrets cannot be used: tell the person.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store was not copied: tell the person.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// What was asked for may not be: tell who asked.
    #[error("{0}")]
    Refused(FieldError),
    /// The store was written by a newer version: use that one.
    #[error(
        "the store has schema version {found}, this program knows up to {known}: use a newer glasspost"
    )]
    Newer {
        /// The store's version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The database's schema is older than the program: it is to be brought up to date first.
    #[error(
        "the database has schema version {found}, this program needs {known}: run `glasspost migrate` with the same --store"
    )]
    Older {
        /// The database's version; 0 for an empty one.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The database cannot be used: tell the person.
    #[error("cannot use the database {address}: {reason}")]
    Database {
        /// Where it is, without its password.
        address: String,
        /// Why.
        reason: String,
    },
    /// What was asked for is not there.
    #[error("{0} is not in the store")]
    Missing(String),
    /// The caller asked for what makes no sense: a fault of the program.
    #[error("the store was asked for what cannot be: {0}")]
    Invalid(String),
    /// A row does not hold what it must: it was changed by another hand, or is damaged.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The writer has stopped; the process is ending.
    #[error("the store is closed")]
    Closed,
    /// Anything else the backend says.
    #[error("the store failed: {0}")]
    Backend(String),
}

impl StoreError {
    /// Whether waiting can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
