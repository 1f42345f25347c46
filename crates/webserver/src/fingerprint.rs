//! Secrets are compared by their hashes, in a time that tells nothing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

/// The SHA-256 of a secret. Comparing it takes the same time whatever and however long the other text is.
#[derive(Clone, Debug)]
pub struct Fingerprint([u8; Self::BYTES]);

impl Fingerprint {
    pub const BYTES: usize = SHA256_OUTPUT_LEN;

    pub fn of(text: &str) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    pub fn is_of(&self, text: &str) -> bool {
        verify_slices_are_equal(&self.0, &Self::of(text).0).is_ok()
    }

    /// The hash as the key of a table, where the time of a search tells of hashes at most, never of a secret.
    pub fn bytes(&self) -> [u8; Self::BYTES] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_has_the_same_fingerprint() {
        let one = Fingerprint::of("token");
        assert!(one.is_of("token"));
        for other in ["", "toke", "tokens", "Token", "uoken"] {
            assert!(!one.is_of(other), "{other}");
        }
    }
}
