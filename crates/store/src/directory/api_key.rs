//! API keys: only their hashes are kept.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use model::{Secret, Timestamp};

/// Keys of one tenant.
pub const KEYS_MAX: u32 = 100;

/// The SHA-256 of a key. A key is random, so its hash leads back to nothing, and to look it up by its hash tells
/// by its timing nothing about the key.
#[derive(Clone)]
pub struct KeyHash([u8; SHA256_OUTPUT_LEN]);

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its number.
    pub id: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// From when on it does not count; `None` for never.
    pub expires_at: Option<Timestamp>,
}

impl KeyHash {
    /// The hash of a key.
    pub fn of(key: &Secret) -> Self {
        let mut hash = [0; SHA256_OUTPUT_LEN];
        hash.copy_from_slice(digest(&SHA256, key.expose().as_bytes()).as_ref());
        Self(hash)
    }

    /// The hash of stored bytes.
    pub(crate) fn from_bytes(hash: [u8; SHA256_OUTPUT_LEN]) -> Self {
        Self(hash)
    }

    /// Its bytes, for the store.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are of one key, in a time that does not depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_one_key_and_does_not_show() {
        let hash = |key: &str| KeyHash::of(&Secret::new(key));
        assert!(hash("a").matches(&hash("a")));
        assert!(!hash("a").matches(&hash("b")));
        assert_eq!(format!("{:?}", hash("a")), "KeyHash(…)");
        // FIPS 180-4's example of one block.
        assert_eq!(hash("abc").as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
