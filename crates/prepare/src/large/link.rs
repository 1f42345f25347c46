//! Links to files on the shelf: who has one may read one file for some time, and nobody can make one.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use model::{Secret, Timestamp};
use uuid::{Builder, Uuid};

use crate::digest::hex;
use crate::folder::InnerPath;

/// The shortest key, in bytes: as long as what it makes (RFC 2104 section 3).
const KEY_BYTES_MIN: usize = 32;
/// What is signed begins with this, so that no signature made for something else fits.
const PURPOSE: &str = "glasspost download 1";

/// The operator's key for links.
pub struct LinkKey(Key);

/// The key is too short to resist guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key for download links is shorter than 32 bytes: make one with `openssl rand -hex 32`"
)]
pub struct ShortKey;

/// The right to read one file until some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The place below the shelf.
    pub place: InnerPath,
    /// The folder of the file, of which nobody can guess another.
    pub id: String,
    /// The file's name in it.
    pub name: String,
    /// The end, in seconds since 1970.
    pub expires: i64,
    /// How long the file stays after it was read, in days.
    pub days_after_reading: Option<u32>,
}

impl LinkKey {
    /// Takes the operator's key, at least 32 bytes of text.
    pub fn new(secret: &Secret) -> Result<Self, ShortKey> {
        let bytes = secret.expose().as_bytes();
        match bytes.len() >= KEY_BYTES_MIN {
            true => Ok(Self(Key::new(HMAC_SHA256, bytes))),
            false => Err(ShortKey),
        }
    }
}

impl Ticket {
    /// A ticket for a file that is not there yet. `None` when the system has no random numbers.
    pub fn new(name: &str, expires: Timestamp, days_after_reading: Option<u32>) -> Option<Self> {
        Some(Self {
            place: InnerPath::default(),
            id: random_id()?,
            name: name.to_owned(),
            expires: expires.as_secs(),
            days_after_reading,
        })
    }

    /// The same at another place of the shelf.
    pub fn on(self, place: InnerPath) -> Self {
        Self { place, ..self }
    }

    /// The path of the file below the shelf.
    pub fn file(&self) -> Option<InnerPath> {
        let inner = InnerPath::parse(&format!("{}/{}", self.id, self.name)).ok()?;
        Some(self.place.join(&inner))
    }

    /// The parts of the link's path: the place, a token, the name.
    pub fn sealed(&self, key: &LinkKey) -> Vec<String> {
        let seal = hex(sign(&key.0, self.text().as_bytes()).as_ref());
        let token = format!("{}-{}-{}", self.id, self.times(), seal);
        let place = self.place.parts().map(str::to_owned);
        place.chain([token, self.name.clone()]).collect()
    }

    /// Reads the decoded path of a link. `None` when our key did not make it.
    pub fn open(path: &str, key: &LinkKey) -> Option<Self> {
        let (outer, name) = path.rsplit_once('/')?;
        let (place, token) = outer.rsplit_once('/').unwrap_or(("", outer));
        let (claims, seal) = token.rsplit_once('-')?;
        let (id, times) = claims.split_once('-')?;
        let (expires, days) = match times.split_once('-') {
            None => (times, None),
            Some((expires, days)) => (expires, Some(days.parse().ok()?)),
        };
        let ticket = Self {
            place: InnerPath::parse(place).ok()?,
            id: id.to_owned(),
            name: name.to_owned(),
            expires: expires.parse().ok()?,
            days_after_reading: days,
        };
        // Compared in constant time.
        let seal = bytes(seal)?;
        verify(&key.0, ticket.text().as_bytes(), &seal).ok()?;
        Some(ticket)
    }

    fn times(&self) -> String {
        match self.days_after_reading {
            None => self.expires.to_string(),
            Some(days) => format!("{}-{days}", self.expires),
        }
    }

    /// What is signed. No part holds a line break, so no two tickets have the same text.
    fn text(&self) -> String {
        let place: Vec<&str> = self.place.parts().collect();
        let (id, times, name) = (&self.id, self.times(), &self.name);
        format!("{PURPOSE}\n{}\n{id}\n{times}\n{name}", place.join("/"))
    }
}

/// 122 random bits as a UUID without dashes (RFC 9562 section 5.4).
pub(crate) fn random_id() -> Option<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    let id: Uuid = Builder::from_random_bytes(bytes).into_uuid();
    Some(id.simple().to_string())
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(hexadecimal.get(at..at + 2)?, 16).ok();
    (0..64).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> LinkKey {
        LinkKey::new(&Secret::new(text.repeat(8))).unwrap()
    }

    fn ticket(days: Option<u32>) -> Ticket {
        let expires = Timestamp::from_millis(1_800_000_000_000);
        let place = InnerPath::parse("acme/2026").unwrap();
        Ticket::new("report 1.pdf", expires, days)
            .unwrap()
            .on(place)
    }

    #[test]
    fn a_sealed_ticket_opens_with_its_key_only() {
        for ticket in [ticket(None), ticket(Some(3))] {
            let path = ticket.sealed(&key("word")).join("/");
            assert!(path.starts_with("acme/2026/") && path.ends_with("/report 1.pdf"));
            assert_eq!(Ticket::open(&path, &key("word")), Some(ticket));
            assert_eq!(Ticket::open(&path, &key("lord")), None);
        }
    }

    #[test]
    fn no_character_of_a_link_can_be_changed() {
        let key = key("word");
        let path = ticket(Some(3)).sealed(&key).join("/");
        for at in 0..path.len() {
            for other in ['0', '1', 'f', '-', '/', 'Z'] {
                let mut forged: Vec<char> = path.chars().collect();
                // Digits of the seal may be written in capitals; there is no `F` in this list.
                if forged[at] != other {
                    forged[at] = other;
                    let forged: String = forged.into_iter().collect();
                    assert_eq!(Ticket::open(&forged, &key), None, "{forged}");
                }
            }
            let mut cut = path.clone();
            cut.remove(at);
            assert_eq!(Ticket::open(&cut, &key), None, "{cut}");
        }
    }

    #[test]
    fn nonsense_opens_nothing() {
        for path in [
            "",
            "/",
            "a",
            "a/b",
            "a-b-c/d",
            "../../etc/passwd",
            "é-1-é/x",
        ] {
            assert_eq!(Ticket::open(path, &key("word")), None, "{path}");
        }
        let seal = "0".repeat(64);
        assert_eq!(
            Ticket::open(&format!("id-99999999999999999999-{seal}/x"), &key("word")),
            None
        );
        assert_eq!(Ticket::open(&format!("id--1-{seal}/x"), &key("word")), None);
    }

    #[test]
    fn keys_are_long_and_ids_differ() {
        assert!(LinkKey::new(&Secret::new("x".repeat(31))).is_err());
        assert_ne!(random_id(), random_id());
    }
}
