//! One transaction's sender and recipients.

use crate::address::Address;

/// What goes on the wire around a message: MAIL FROM and the RCPT TOs (RFC 5321 §2.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Where bounces go; `None` is the null sender `<>`.
    pub sender: Option<Address>,
    /// Everyone who gets this copy. The first is whom the message is for; its reply decides the outcome.
    /// Never empty.
    pub recipients: Vec<Address>,
}

impl Envelope {
    /// An envelope to one recipient.
    pub fn new(sender: Option<Address>, recipient: Address) -> Self {
        Self {
            sender,
            recipients: vec![recipient],
        }
    }

    /// Whether any address needs SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self
            .sender
            .iter()
            .chain(&self.recipients)
            .all(Address::is_ascii)
    }
}
