//! The name of what many messages share: its hash.

use aws_lc_rs::digest::{SHA256, digest};
use model::ContentHash;

use crate::StoreError;

/// The hash that bytes are kept under.
pub(crate) fn hash_of(bytes: &[u8]) -> ContentHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    ContentHash(hash)
}

/// The error of content that is not there.
pub(crate) fn missing(hash: ContentHash) -> StoreError {
    let prefix: String = hash.0[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    StoreError::Missing(format!("content {prefix}…"))
}
