//! Secrets at rest: AES-256-GCM under one key, each value bound to its place in the store.
//!
//! A sealed value is the text `ENC:` and the base64 of nonce, ciphertext and tag. The place (table, row, column) is
//! authenticated with it, so that a value which somebody copies into another row or column does not open there.

mod key;
mod unlock;

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Secret;

use crate::{Result, StoreError};
pub(crate) use key::Key;
pub use key::{KEY_FILE_NAME, KeyError, KeySource};
pub(crate) use unlock::{Unlocked, unlock};

/// What begins every sealed value.
const PREFIX: &str = "ENC:";
/// What the key of digests is derived with.
const DIGESTS: &[u8] = b"glasspost digests of secrets";

/// Seals and opens the secrets of one store.
pub(crate) struct Vault {
    seals: RandomizedNonceKey,
    digests: hmac::Key,
}

/// Where a value stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a str,
    pub(crate) column: &'static str,
}

/// The vault, for what is or was sealed.
pub(crate) fn needed(vault: Option<&Arc<Vault>>) -> Result<&Arc<Vault>> {
    let without = || StoreError::Invalid("a secret, and was opened without its key".to_owned());
    vault.ok_or_else(without)
}

impl Vault {
    pub(crate) fn new(key: &Key) -> Result<Self> {
        let seals = RandomizedNonceKey::new(&AES_256_GCM, key.bytes());
        // A key of its own, so that the one of the seals is used for nothing else.
        let own = hmac::sign(&hmac::Key::new(HMAC_SHA256, key.bytes()), DIGESTS);
        Ok(Self {
            seals: seals.map_err(|_| failed())?,
            digests: hmac::Key::new(HMAC_SHA256, own.as_ref()),
        })
    }

    /// A digest that nobody can compute who has not the key.
    pub(crate) fn keyed(&self, digest: &[u8; 32]) -> [u8; 32] {
        let mut keyed = [0; 32];
        keyed.copy_from_slice(hmac::sign(&self.digests, digest).as_ref());
        keyed
    }

    /// The text that may be written to the disk.
    pub(crate) fn seal(&self, place: Place<'_>, secret: &Secret) -> Result<String> {
        let mut sealed = secret.expose().as_bytes().to_vec();
        let nonce = self
            .seals
            .seal_in_place_append_tag(place.bound(), &mut sealed)
            .map_err(|_| failed())?;
        let whole = [nonce.as_ref().as_slice(), &sealed].concat();
        Ok(format!("{PREFIX}{}", STANDARD.encode(whole)))
    }

    /// The secret of a sealed text; anything else than what was sealed for this very place is refused.
    pub(crate) fn open(&self, place: Place<'_>, text: &str) -> Result<Secret> {
        self.try_open(place, text).ok_or_else(|| {
            let Place { table, row, column } = place;
            StoreError::Damaged(format!(
                "{table} {row}: its {column} was not sealed for this place with this key"
            ))
        })
    }

    fn try_open(&self, place: Place<'_>, text: &str) -> Option<Secret> {
        let mut whole = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (nonce, sealed) = whole.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self
            .seals
            .open_in_place(nonce, place.bound(), sealed)
            .ok()?;
        Some(Secret::new(std::str::from_utf8(opened).ok()?))
    }
}

impl Place<'_> {
    /// What is authenticated with the value. No part holds a line break, so no two places are the same.
    fn bound(&self) -> Aad<Vec<u8>> {
        Aad::from(format!("{}\n{}\n{}", self.table, self.row, self.column).into_bytes())
    }
}

fn failed() -> StoreError {
    StoreError::Backend(
        "a secret cannot be encrypted: the system gives no random numbers".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        table: "accounts",
        row: "acme/7",
        column: "password",
    };

    fn vault(fill: u8) -> Vault {
        let text = Secret::new(STANDARD.encode([fill; 32]));
        Vault::new(&Key::parse(&text).unwrap()).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_at_its_place_only() {
        let vault = vault(1);
        let sealed = vault.seal(PLACE, &Secret::new("hunter2 ä")).unwrap();
        assert_eq!(vault.open(PLACE, &sealed).unwrap().expose(), "hunter2 ä");
        let elsewhere = [
            Place {
                table: "storages",
                ..PLACE
            },
            Place {
                row: "acme/8",
                ..PLACE
            },
            Place {
                column: "imap_password",
                ..PLACE
            },
        ];
        for place in elsewhere {
            let error = vault.open(place, &sealed).unwrap_err();
            assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
        }
        assert!(super::tests::vault(2).open(PLACE, &sealed).is_err());
    }

    #[test]
    fn a_keyed_digest_depends_on_the_key_and_on_what_it_is_of() {
        let keyed = vault(1).keyed(&[7; 32]);
        assert_eq!(keyed, vault(1).keyed(&[7; 32]));
        assert_ne!(keyed, vault(2).keyed(&[7; 32]));
        assert_ne!(keyed, vault(1).keyed(&[8; 32]));
    }

    #[test]
    fn the_text_is_the_documented_one_and_never_twice_the_same() {
        let (vault, secret) = (vault(1), Secret::new("hunter2"));
        let first = vault.seal(PLACE, &secret).unwrap();
        let bytes = STANDARD
            .decode(first.strip_prefix("ENC:").unwrap())
            .unwrap();
        assert_eq!(bytes.len(), 12 + "hunter2".len() + 16);
        assert_ne!(first, vault.seal(PLACE, &secret).unwrap());
    }

    #[test]
    fn a_text_that_was_changed_anywhere_is_refused_without_showing_it() {
        let vault = vault(1);
        let sealed = vault.seal(PLACE, &Secret::new("hunter2")).unwrap();
        let mut bytes = STANDARD.decode(&sealed[PREFIX.len()..]).unwrap();
        for place in 0..bytes.len() {
            bytes[place] ^= 1;
            let changed = format!("{PREFIX}{}", STANDARD.encode(&bytes));
            assert!(vault.open(PLACE, &changed).is_err(), "byte {place}");
            bytes[place] ^= 1;
        }
        for bad in ["", "ENC:", "hunter2", "ENC:!", "ENC:aHVudGVyMg=="] {
            let error = vault.open(PLACE, bad).unwrap_err().to_string();
            assert_eq!(
                error,
                "the store is damaged: accounts acme/7: its password was not sealed for this place with this key"
            );
        }
    }
}
