//! A header field's name.

/// Longest name in bytes.
pub const FIELD_NAME_BYTES_MAX: usize = 64;

/// Names that a message, its body or a server on the way sets. `Content-…` and `Resent-…` are among them too.
const RESERVED: [&str; 15] = [
    "Apparently-To",
    "Bcc",
    "Cc",
    "Date",
    "Delivered-To",
    "DKIM-Signature",
    "From",
    "Message-ID",
    "MIME-Version",
    "Received",
    "Reply-To",
    "Return-Path",
    "Sender",
    "Subject",
    "To",
];
const RESERVED_PREFIXES: [&str; 2] = ["Content-", "Resent-"];

/// A header field's name: printable ASCII without space and colon (`ftext`, RFC 5322 §3.6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldName<'a>(&'a str);

/// A text is not a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to {FIELD_NAME_BYTES_MAX} printable ASCII characters without space and colon")]
pub struct FieldNameError;

// === impl FieldName ===

impl FieldName<'static> {
    /// `Cc`
    pub const CC: Self = Self("Cc");
    /// `Content-Disposition`
    pub const CONTENT_DISPOSITION: Self = Self("Content-Disposition");
    /// `Content-Type`
    pub const CONTENT_TYPE: Self = Self("Content-Type");
    /// `From`
    pub const FROM: Self = Self("From");
    /// `List-Unsubscribe`
    pub const LIST_UNSUBSCRIBE: Self = Self("List-Unsubscribe");
    /// `Message-ID`
    pub const MESSAGE_ID: Self = Self("Message-ID");
    /// `Reply-To`
    pub const REPLY_TO: Self = Self("Reply-To");
    /// `Subject`
    pub const SUBJECT: Self = Self("Subject");
    /// `To`
    pub const TO: Self = Self("To");
}

impl<'a> FieldName<'a> {
    /// Reads a name.
    pub fn parse(text: &'a str) -> Result<Self, FieldNameError> {
        let fits = (1..=FIELD_NAME_BYTES_MAX).contains(&text.len());
        let allowed = |byte| matches!(byte, b'!'..=b'9' | b';'..=b'~');
        match fits && text.bytes().all(allowed) {
            true => Ok(Self(text)),
            false => Err(FieldNameError),
        }
    }

    /// The name.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether a message, its body or a server on the way sets it, so that who writes further fields may not.
    pub fn is_reserved(self) -> bool {
        let begins_with = |prefix: &&str| {
            let start = self.0.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        RESERVED
            .iter()
            .any(|name| name.eq_ignore_ascii_case(self.0))
            || RESERVED_PREFIXES.iter().any(begins_with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_meaning_of_their_own_are_reserved() {
        let is_reserved = |text| FieldName::parse(text).unwrap().is_reserved();
        for name in [
            "bcc",
            "FROM",
            "Message-Id",
            "content-type",
            "Resent-X",
            "mime-version",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["X-Bcc", "Contents", "Content", "List-Unsubscribe", "T"] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn names_cannot_end_or_begin_anything() {
        assert_eq!(FieldName::parse("X-A!").unwrap().as_str(), "X-A!");
        for bad in ["", "a b", "a:", ":", "a\r\nb", "a\0", "ä", "\u{7f}"] {
            assert_eq!(FieldName::parse(bad), Err(FieldNameError), "{bad:?}");
        }
        let longest = "x".repeat(FIELD_NAME_BYTES_MAX);
        assert!(FieldName::parse(&longest).is_ok());
        assert!(FieldName::parse(&(longest + "x")).is_err());
    }
}
