//! What the server or the way to it says is wrong, by what the caller does next.

use tokio_postgres::error::SqlState;

use super::address::{Address, source_of};
use crate::StoreError;

/// The error of a server that does not answer in time.
pub(super) fn lost() -> StoreError {
    StoreError::Unavailable("the database does not answer".to_owned())
}

/// The error of a database that cannot be opened, told with its address, unless it says by itself what to do.
pub(super) fn unusable(address: &Address, error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(reason) | StoreError::Backend(reason) => StoreError::Database {
            address: address.to_string(),
            reason,
        },
        other => other,
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            // Conversions of values are faults of ours or of the rows; the rest is the way to the server.
            return match error.is_closed() || is_of_the_way(&error) {
                true => Self::Unavailable(format!("the database is away: {}", source_of(&error))),
                false => Self::Backend(format!("{error}: {}", source_of(&error))),
            };
        };
        let text = said.message().to_owned();
        match said.code() {
            &SqlState::DISK_FULL => Self::Unavailable("the database's disk is full".to_owned()),
            &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::LOCK_NOT_AVAILABLE
            | &SqlState::QUERY_CANCELED
            | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            | &SqlState::READ_ONLY_SQL_TRANSACTION => Self::Unavailable(text),
            &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => Self::Damaged(text),
            code if is_passing(code.code()) => Self::Unavailable(text),
            code => Self::Backend(format!("{text} ({})", code.code())),
        }
    }
}

/// The classes of what passes: the connection (08), resources (53), the operator (57) and the system (58).
fn is_passing(code: &str) -> bool {
    ["08", "53", "57", "58"]
        .iter()
        .any(|class| code.starts_with(class))
}

fn is_of_the_way(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}
