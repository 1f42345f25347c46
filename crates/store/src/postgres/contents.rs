//! What many messages share, stored once under its hash.

use model::ContentHash;

use super::session::Session;
use crate::Result;
use crate::contents::{hash_of, missing};

pub(super) async fn put(session: &Session, bytes: Vec<u8>) -> Result<ContentHash> {
    let hash = hash_of(&bytes);
    session
        .execute(
            "INSERT INTO contents (hash, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[&hash.0.as_slice(), &bytes],
        )
        .await?;
    Ok(hash)
}

pub(super) async fn get(session: &Session, hash: ContentHash) -> Result<Vec<u8>> {
    let row = session
        .row_if_any(
            "SELECT bytes FROM contents WHERE hash = $1",
            &[&hash.0.as_slice()],
        )
        .await?;
    Ok(row.ok_or_else(|| missing(hash))?.try_get(0)?)
}

/// The row of a content, for the tables that refer to it.
pub(super) async fn id(session: &Session, hash: ContentHash) -> Result<i64> {
    let row = session
        .row_if_any(
            "SELECT id FROM contents WHERE hash = $1",
            &[&hash.0.as_slice()],
        )
        .await?;
    Ok(row.ok_or_else(|| missing(hash))?.try_get(0)?)
}
