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
            // A statement that was prepared before somebody changed its table: whoever asks again has it prepared anew.
            | &SqlState::FEATURE_NOT_SUPPORTED
            | &SqlState::INVALID_SQL_STATEMENT_NAME => Self::Unavailable(text),
            &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => Self::Damaged(text),
            code if is_passing(code.code()) => Self::Unavailable(text),
            code => Self::Backend(format!("{text} ({})", code.code())),
        }
    }
}

/// The classes of what passes: the connection (08), the transaction's state (25), resources (53), limits, such as that of
/// what was said and not heard yet (54), the operator (57) and the system (58).
fn is_passing(code: &str) -> bool {
    ["08", "25", "53", "54", "57", "58"]
        .iter()
        .any(|class| code.starts_with(class))
}

/// Whether a session has statements prepared that the server does not take any more.
pub(super) fn is_outdated(error: &tokio_postgres::Error) -> bool {
    matches!(
        error.code(),
        Some(&SqlState::FEATURE_NOT_SUPPORTED | &SqlState::INVALID_SQL_STATEMENT_NAME)
    )
}

fn is_of_the_way(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_well_later_is_told_from_what_will_not() {
        // The queue of what is said is full; an operation went on after an error; too many sessions.
        for passing in ["54000", "25P02", "25006", "25P03", "53300", "57P01"] {
            assert!(is_passing(passing), "{passing}");
        }
        for lasting in ["42P01", "23505", "22021", "28P01"] {
            assert!(!is_passing(lasting), "{lasting}");
        }
    }
}
