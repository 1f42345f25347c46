//! One try at delivery, where it got to and what was answered.

use serde::{Deserialize, Serialize};

use crate::reply::{Category, Reply};

/// One try at delivery of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The server spoken to, `host:port` as configured or as looked up.
    pub remote: Box<str>,
    /// TLS version and cipher, when the connection had them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<Box<str>>,
    /// The phase that decided the attempt: the final dot when it was delivered.
    pub phase: Phase,
    /// What the server said in that phase; `None` when it said nothing (no connection, no answer).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reply: Option<Reply>,
    /// Why it did not deliver; `None` when it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub category: Option<Category>,
    /// What went wrong in our own words, where there is no reply to tell it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Box<str>>,
    /// How long each phase took.
    pub times: PhaseTimes,
    /// Copies (cc, bcc) the server refused although it took the message: `address: reply`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub refused_copies: Vec<Box<str>>,
    /// The dialogue, one line a line, `C: ` and `S: ` in front, capped; kept for failures and a sample.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dialogue: Option<Box<str>>,
}

/// Where in a delivery something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Making the message's bytes; nothing was sent.
    Compose,
    /// Finding the host's address and opening a connection.
    Connect,
    /// The greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS, or the handshake.
    Tls,
    /// AUTH.
    Authenticate,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Recipient,
    /// DATA and the message's bytes.
    Data,
    /// The final dot, or the last chunk, and its reply.
    Final,
}

/// Time spent in an attempt, in microseconds. Phases of the connection are zero on a reused one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PhaseTimes {
    /// Name lookup and TCP connect.
    #[serde(skip_serializing_if = "is_zero")]
    pub connect_us: u32,
    /// Greeting and EHLO.
    #[serde(skip_serializing_if = "is_zero")]
    pub hello_us: u32,
    /// TLS handshake.
    #[serde(skip_serializing_if = "is_zero")]
    pub tls_us: u32,
    /// AUTH.
    #[serde(skip_serializing_if = "is_zero")]
    pub authenticate_us: u32,
    /// From the first byte of MAIL FROM to the last reply of the transaction.
    pub transaction_us: u32,
}

impl PhaseTimes {
    /// The whole attempt, in microseconds.
    pub fn total_us(&self) -> u64 {
        [
            self.connect_us,
            self.hello_us,
            self.tls_us,
            self.authenticate_us,
            self.transaction_us,
        ]
        .into_iter()
        .map(u64::from)
        .sum()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_delivery_is_a_short_record() {
        let attempt = Attempt {
            remote: "mx.example.org:25".into(),
            tls: None,
            phase: Phase::Final,
            reply: Some(Reply {
                code: 250,
                enhanced: None,
                text: "OK".into(),
            }),
            category: None,
            error: None,
            times: PhaseTimes {
                transaction_us: 812,
                ..PhaseTimes::default()
            },
            refused_copies: Vec::new(),
            dialogue: None,
        };
        let json = serde_json::to_string(&attempt).unwrap();
        assert!(json.len() < 130, "{} bytes: {json}", json.len());
        assert_eq!(serde_json::from_str::<Attempt>(&json).unwrap(), attempt);
    }
}
