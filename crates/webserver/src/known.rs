//! The tokens that were right lately, so that the guesses of others at its address do not bar a client.

use std::collections::HashMap;
use std::net::IpAddr;

use tokio::time::Instant;

use crate::fingerprint::Fingerprint;

/// Tokens that are remembered; beyond them, the one that was shown longest ago is forgotten.
const TOKENS_MAX: usize = 4_096;

/// Who showed what, by the token's hash: how long a search takes tells nothing of a token.
type Key = (IpAddr, [u8; Fingerprint::BYTES]);

#[derive(Debug, Default)]
pub struct Known {
    shown: HashMap<Key, Instant>,
}

impl Known {
    pub fn has(&self, client: IpAddr, token: &Fingerprint) -> bool {
        self.shown.contains_key(&(client, token.bytes()))
    }

    /// Remembers that the token was right.
    pub fn note(&mut self, client: IpAddr, token: &Fingerprint, now: Instant) {
        let key = (client, token.bytes());
        if self.shown.len() >= TOKENS_MAX && !self.shown.contains_key(&key) {
            self.forget_oldest();
        }
        self.shown.insert(key, now);
    }

    /// Forgets a token that is right no more.
    pub fn forget(&mut self, client: IpAddr, token: &Fingerprint) {
        self.shown.remove(&(client, token.bytes()));
    }

    fn forget_oldest(&mut self) {
        let oldest = self.shown.iter().min_by_key(|(_, last)| **last);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.shown.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn many_tokens_do_not_grow_the_table() {
        let (mut known, start) = (Known::default(), Instant::now());
        let (client, token) = (Ipv4Addr::LOCALHOST.into(), Fingerprint::of);
        for number in 0..TOKENS_MAX as u32 + 2 {
            let now = start + Duration::from_millis(number.into());
            known.note(client, &token(&number.to_string()), now);
        }
        assert_eq!(known.shown.len(), TOKENS_MAX);
        assert!(!known.has(client, &token("1")), "the oldest goes first");
        assert!(known.has(client, &token("2")));
        assert!(!known.has(Ipv4Addr::BROADCAST.into(), &token("2")));
        known.forget(client, &token("2"));
        assert!(!known.has(client, &token("2")));
    }
}
