//! Fingerprints: MD5 as clients give it, SHA-256 for names of our own, and their hexadecimal form.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest};
use md5::{Digest, Md5 as Hasher};

/// The MD5 of some bytes. It finds bytes again and shows damage; it proves nothing against a tenant
/// who makes two files with the same one, which is why no cache is shared between tenants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Md5([u8; 16]);

impl Md5 {
    /// What `bytes` have.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hasher::digest(bytes).into())
    }

    /// Reads 32 hexadecimal digits, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Md5({self})")
    }
}

/// A SHA-256.
pub(crate) type Sha256 = [u8; 32];

/// The SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
    whole(digest(&SHA256, bytes).as_ref())
}

/// The SHA-256 of several parts, each with its length, so that no two lists of parts have the same.
pub(crate) fn sha256_of_parts<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Sha256 {
    let mut digest = PartsDigest::default();
    for part in parts {
        digest.begin(part.len());
        digest.update(part);
    }
    digest.finish()
}

/// The same while the parts come piece by piece.
pub(crate) struct PartsDigest(Context);

impl Default for PartsDigest {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl PartsDigest {
    /// A part of so many bytes follows.
    pub fn begin(&mut self, bytes: usize) {
        self.0.update(&(bytes as u64).to_be_bytes());
    }

    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub fn finish(self) -> Sha256 {
        whole(self.0.finish().as_ref())
    }
}

fn whole(digest: &[u8]) -> Sha256 {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest);
    bytes
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_is_read_as_it_is_written() {
        let empty = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(Md5::of(b"").to_string(), empty);
        assert_eq!(Md5::parse(&empty.to_uppercase()), Some(Md5::of(b"")));
        for bad in [
            "",
            "d41d",
            "../../../../etc/passwd0000000000",
            &"é".repeat(16),
        ] {
            assert_eq!(Md5::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of = |parts: &[&str]| sha256_of_parts(parts.iter().map(|part| part.as_bytes()));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
        assert!(hex(&sha256(b"")).starts_with("e3b0c44298fc1c14"));
    }
}
