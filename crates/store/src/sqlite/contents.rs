//! What many messages share, stored once under its hash.

use model::ContentHash;
use rusqlite::{Connection, OptionalExtension, params};

use super::transaction::WriteTx;
use crate::{Result, StoreError};

pub(super) fn put(tx: &WriteTx<'_>, bytes: &[u8]) -> Result<ContentHash> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    tx.connection
        .prepare_cached(
            "INSERT INTO contents (hash, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(params![hash, bytes])?;
    Ok(ContentHash(hash))
}

pub(super) fn get(connection: &Connection, hash: ContentHash) -> Result<Vec<u8>> {
    connection
        .prepare_cached("SELECT bytes FROM contents WHERE hash = ?1")?
        .query_row([hash.0], |row| row.get(0))
        .optional()?
        .ok_or_else(|| missing(hash))
}

/// The row of a content, for the tables that refer to it.
pub(super) fn id(connection: &Connection, hash: ContentHash) -> Result<i64> {
    connection
        .prepare_cached("SELECT id FROM contents WHERE hash = ?1")?
        .query_row([hash.0], |row| row.get(0))
        .optional()?
        .ok_or_else(|| missing(hash))
}

fn missing(hash: ContentHash) -> StoreError {
    let prefix: String = hash.0[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    StoreError::Missing(format!("content {prefix}…"))
}
