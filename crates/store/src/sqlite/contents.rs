//! What many messages share, stored once under its hash.

use model::ContentHash;
use rusqlite::{Connection, OptionalExtension, params};

use super::transaction::WriteTx;
use crate::Result;
use crate::contents::{hash_of, missing};

pub(super) fn put(tx: &WriteTx<'_>, bytes: &[u8]) -> Result<ContentHash> {
    let hash = hash_of(bytes);
    tx.connection
        .prepare_cached(
            "INSERT INTO contents (hash, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(params![hash.0, bytes])?;
    Ok(hash)
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
