//! The directory's rows, as every backend keeps them: what is sealed and for which place, and the words for what has no
//! column type of its own. The backends know the tables; the names of the columns are the same in all of them.

pub(crate) mod account;
pub(crate) mod api_key;
pub(crate) mod command;
pub(crate) mod instance;
pub(crate) mod storage;
pub(crate) mod tenant;

use std::fmt::Display;
use std::num::NonZeroU32;

use model::{FieldError, Timestamp};

use super::SETTINGS_BYTES_MAX;
use crate::columns::Columns;
use crate::{Result, StoreError};

/// The error of a row that does not hold what it must.
pub(crate) fn damaged(row: &dyn Display, error: &dyn Display) -> StoreError {
    StoreError::Damaged(format!("{row}: {error}"))
}

/// Refuses settings that are longer than they may be.
fn check_length(field: &'static str, text: &str) -> Result<()> {
    if text.len() <= SETTINGS_BYTES_MAX {
        return Ok(());
    }
    let problem = format!("is longer than {SETTINGS_BYTES_MAX} bytes");
    Err(StoreError::Refused(FieldError::new(field, problem)))
}

fn from_limit(limit: Option<NonZeroU32>) -> Option<i64> {
    limit.map(|limit| i64::from(limit.get()))
}

fn to_limit(row: &impl Columns, column: &str) -> Result<Option<NonZeroU32>> {
    let limit: Option<i64> = row.column(column)?;
    let limit = limit.map(u32::try_from).transpose();
    let limit = limit.map_err(|error| damaged(&column, &error))?;
    Ok(limit.and_then(NonZeroU32::new))
}

fn to_time(row: &impl Columns, column: &str) -> Result<Timestamp> {
    row.column(column).map(Timestamp::from_millis)
}
