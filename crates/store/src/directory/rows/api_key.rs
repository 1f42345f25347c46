//! The row of an API key.

use model::{FieldError, TenantId, Timestamp};

use super::{damaged, to_time};
use crate::columns::Columns;
use crate::directory::{ApiKey, KEYS_MAX};
use crate::{Result, StoreError};

/// Refuses one more key for a tenant that has so many.
pub(crate) fn check_room(count: i64) -> Result<()> {
    if count < i64::from(KEYS_MAX) {
        return Ok(());
    }
    let problem = format!("the tenant has {KEYS_MAX} keys, which is the most: revoke one");
    Err(refused(problem))
}

/// The error of a key that somebody has.
pub(crate) fn taken() -> StoreError {
    refused("is in use already: make another one".to_owned())
}

fn refused(problem: String) -> StoreError {
    StoreError::Refused(FieldError::new("api_key", problem))
}

/// What is known of a key.
pub(crate) fn to_key(row: &impl Columns) -> Result<ApiKey> {
    let expires_at: Option<i64> = row.column("expires_at")?;
    Ok(ApiKey {
        id: row.column("id")?,
        created_at: to_time(row, "created_at")?,
        expires_at: expires_at.map(Timestamp::from_millis),
    })
}

/// Whose a key is.
pub(crate) fn to_owner(row: &impl Columns) -> Result<TenantId> {
    let tenant: String = row.column("tenant")?;
    TenantId::parse(&tenant).map_err(|error| damaged(&"an API key", &error))
}
