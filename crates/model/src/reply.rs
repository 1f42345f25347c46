//! What a server answered, and what kind of answer it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A whole SMTP reply (RFC 5321 §4.2): the lines of a multi-line reply joined by a line feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The three digits, 200 to 599.
    pub code: u16,
    /// The enhanced code, when the text began with one (RFC 3463).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub enhanced: Option<EnhancedCode>,
    /// The text, without the codes.
    pub text: Box<str>,
}

/// An enhanced mail system status code such as `5.1.1` (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnhancedCode(pub u8, pub u16, pub u16);

/// What an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The server took responsibility: 2xx to the final dot.
    Delivered,
    /// It may work later.
    Deferred,
    /// It will never work.
    Bounced,
}

/// Why an attempt did not deliver, in the few words that people sort failures by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// There is no such mailbox or domain.
    UnknownRecipient,
    /// The mailbox is there but full.
    MailboxFull,
    /// The mailbox is there but closed or disabled.
    MailboxDisabled,
    /// Too fast or too much.
    RateLimited,
    /// The server does not want mail from this sender or address.
    Policy,
    /// What is in the message was not liked.
    Content,
    /// The message is too large.
    TooLarge,
    /// The credentials were refused or are missing.
    Authentication,
    /// TLS could not be agreed on.
    Tls,
    /// No connection, or it broke.
    Connection,
    /// No answer in time.
    Timeout,
    /// The answer was no SMTP.
    Protocol,
    /// The message could not be made: its template or data.
    Composition,
    /// The server has trouble of its own.
    Server,
    /// None of these.
    Other,
}

impl Reply {
    /// Whether it is a 2xx.
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it is a 5xx: never tried again.
    pub fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        match self.text.is_empty() {
            true => Ok(()),
            false => write!(f, " {}", self.text.replace('\n', " / ")),
        }
    }
}

// === impl EnhancedCode ===

impl EnhancedCode {
    /// Reads a code from the start of a reply's text; gives it and the rest of the text.
    pub fn split_from(text: &str) -> Option<(Self, &str)> {
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut parts = code.split('.');
        let class = number(parts.next()?, 1)? as u8;
        let subject = number(parts.next()?, 3)?;
        let detail = number(parts.next()?, 3)?;
        let known_class = matches!(class, 2 | 4 | 5);
        (known_class && parts.next().is_none()).then_some((Self(class, subject, detail), rest))
    }
}

/// A run of one to `digits_max` digits.
fn number(text: &str, digits_max: usize) -> Option<u16> {
    let fits = (1..=digits_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

// === impl Category ===

impl Category {
    /// Every category, in the order of their declaration.
    pub const ALL: [Self; 15] = [
        Self::UnknownRecipient,
        Self::MailboxFull,
        Self::MailboxDisabled,
        Self::RateLimited,
        Self::Policy,
        Self::Content,
        Self::TooLarge,
        Self::Authentication,
        Self::Tls,
        Self::Connection,
        Self::Timeout,
        Self::Protocol,
        Self::Composition,
        Self::Server,
        Self::Other,
    ];

    /// The word as it stands in the store, labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownRecipient => "unknown_recipient",
            Self::MailboxFull => "mailbox_full",
            Self::MailboxDisabled => "mailbox_disabled",
            Self::RateLimited => "rate_limited",
            Self::Policy => "policy",
            Self::Content => "content",
            Self::TooLarge => "too_large",
            Self::Authentication => "authentication",
            Self::Tls => "tls",
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Composition => "composition",
            Self::Server => "server",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_split_from_the_text() {
        let (code, rest) = EnhancedCode::split_from("5.1.1 no such user").unwrap();
        assert_eq!((code.to_string().as_str(), rest), ("5.1.1", "no such user"));
        for other in [
            "",
            "hello",
            "5.1",
            "9.1.1 x",
            "5.1.1.1 x",
            "5.1.x y",
            "5..1 y",
            "5.1000.1 y",
        ] {
            assert!(EnhancedCode::split_from(other).is_none(), "{other}");
        }
    }
}
