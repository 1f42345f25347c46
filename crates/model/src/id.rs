//! Time-ordered message ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::event::Seq;

/// Bits of an id that carry the sequence number: room for 17 trillion messages in one store.
const SEQ_BITS: u32 = 44;
/// Bits of an id that tell one store from another, shared by the two free fields of a UUIDv7.
const STORE_BITS: u32 = 30;

/// A message's id, a UUIDv7 (RFC 9562 §5.7): it sorts by time of acceptance.
///
/// Its free bits hold the store's own random tag and the message's sequence number, so the id is made from the
/// row, costs no column and no index, and leads back to the row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(u128);

/// A text is not a message id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message id: expected a UUID such as 0193526c-1d4e-7abc-9000-000000000001")]
pub struct MessageIdError;

impl MessageId {
    /// Makes the id of the message that was accepted as `seq` into the store tagged `store`.
    pub fn new(accepted_at: Timestamp, store: u32, seq: Seq) -> Self {
        let millis = (accepted_at.as_millis().max(0) as u128) & ((1 << 48) - 1);
        let store = u128::from(store) & ((1 << STORE_BITS) - 1);
        let (store_high, store_low) = (store >> 18, store & ((1 << 18) - 1));
        let seq = (seq.get() as u128) & ((1 << SEQ_BITS) - 1);
        let version = 0x7_u128;
        let variant = 0b10_u128;
        Self(
            millis << 80
                | version << 76
                | store_high << 64
                | variant << 62
                | store_low << SEQ_BITS
                | seq,
        )
    }

    /// The sequence number inside.
    pub fn seq(self) -> Seq {
        Seq::new((self.0 & ((1 << SEQ_BITS) - 1)) as i64)
    }

    /// The store's tag inside.
    pub fn store(self) -> u32 {
        let high = (self.0 >> 64) & 0xfff;
        let low = (self.0 >> SEQ_BITS) & ((1 << 18) - 1);
        (high << 18 | low) as u32
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, bits: u32| (self.0 >> shift) as u64 & ((1 << bits) - 1);
        let (time_high, time_low) = (part(96, 32), part(80, 16));
        write!(f, "{time_high:08x}-{time_low:04x}-{:04x}-", part(64, 16))?;
        write!(f, "{:04x}-{:012x}", part(48, 16), part(0, 48))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let dashes = [8, 13, 18, 23]
            .iter()
            .all(|&place| text.as_bytes().get(place) == Some(&b'-'));
        let hex: String = text.chars().filter(|&c| c != '-').collect();
        if text.len() != 36
            || !dashes
            || hex.len() != 32
            || !hex.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Err(MessageIdError);
        }
        u128::from_str_radix(&hex, 16)
            .map(Self)
            .map_err(|_| MessageIdError)
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_row_and_sorts_by_time() {
        let at = Timestamp::from_millis(1_795_355_000_123);
        let id = MessageId::new(at, 0x2abc_def1, Seq::new(987_654_321));
        assert_eq!(id.seq(), Seq::new(987_654_321));
        assert_eq!(id.store(), 0x2abc_def1);
        let text = id.to_string();
        assert_eq!(text.as_bytes()[14], b'7', "version 7: {text}");
        assert!(
            matches!(text.as_bytes()[19], b'8'..=b'b'),
            "variant: {text}"
        );
        assert_eq!(text.parse::<MessageId>().unwrap(), id);
        let later = MessageId::new(Timestamp::from_millis(1_795_355_000_124), 0, Seq::new(1));
        assert!(later > id);
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "x",
            "0193526c1d4e7abc9000000000000001",
            "0193526c-1d4e-7abc-9000-00000000000g",
        ] {
            assert!(bad.parse::<MessageId>().is_err(), "{bad}");
        }
    }
}
