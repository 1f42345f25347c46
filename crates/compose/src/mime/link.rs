//! A link that can stand in a header, such as where to unsubscribe.

use std::fmt::Write;

/// Longest link in bytes, so that its line stays within 998.
const LINK_BYTES_MAX: usize = 900;
const SCHEMES: [&str; 3] = ["https:", "http:", "mailto:"];

/// An absolute `https`, `http` or `mailto` URI, written in ASCII and without anything that could
/// end its angle brackets (RFC 3986 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link(String);

/// A text is not such a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It begins with something else.
    #[error("the link has to begin with https:, http: or mailto:")]
    Scheme,
    /// It would not fit into its line.
    #[error("the link is longer than {LINK_BYTES_MAX} bytes")]
    TooLong,
}

// === impl Link ===

impl Link {
    /// Reads a link. White space around it is ignored; bytes that no URI has (spaces, line breaks,
    /// quotes, other languages) are percent-encoded.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if !SCHEMES.iter().any(|scheme| begins_with(text, scheme)) {
            return Err(LinkError::Scheme);
        }
        if text.len() > LINK_BYTES_MAX {
            return Err(LinkError::TooLong);
        }
        let mut link = String::with_capacity(text.len());
        for (index, byte) in text.bytes().enumerate() {
            // Some readers decode what looks like an encoded word even here, where RFC 2047 §5
            // allows none.
            let opens_word = text.as_bytes()[index..].starts_with(b"=?");
            match is_uri(byte) && !opens_word {
                true => link.push(char::from(byte)),
                false => {
                    // Writing to a String cannot fail.
                    let _ = write!(link, "%{byte:02X}");
                }
            }
        }
        match link.len() <= LINK_BYTES_MAX {
            true => Ok(Self(link)),
            false => Err(LinkError::TooLong),
        }
    }

    /// The link.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `https`, as unsubscribing by one click needs it (RFC 8058 §3.1).
    pub fn is_https(&self) -> bool {
        begins_with(&self.0, "https:")
    }
}

fn begins_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// What may stand in a URI as it is (RFC 3986 §2), the percent sign included: a part may be encoded
/// already.
fn is_uri(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_to_their_brackets() {
        let cases = [
            ("https://x.org/u?e=a%40b", "https://x.org/u?e=a%40b"),
            (
                " mailto:out@x.org?subject=a b ",
                "mailto:out@x.org?subject=a%20b",
            ),
            (
                "HTTPS://x.org/>\r\nBcc: y@z",
                "HTTPS://x.org/%3E%0D%0ABcc:%20y@z",
            ),
            (
                "https://x.org/?a==?utf-8?q?b?=",
                "https://x.org/?a=%3D?utf-8?q?b?=",
            ),
            ("http://x.org/ü\u{2028}#", "http://x.org/%C3%BC%E2%80%A8#"),
        ];
        for (given, expected) in cases {
            assert_eq!(Link::parse(given).unwrap().as_str(), expected);
        }
        assert!(Link::parse("HTTPS://x.org").unwrap().is_https());
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "javascript:alert(1)",
            "example.org",
            "<https://x.org>",
            "ü",
        ] {
            assert_eq!(Link::parse(bad), Err(LinkError::Scheme), "{bad}");
        }
        let long = format!("https://x.org/{}", "ü".repeat(300));
        assert_eq!(Link::parse(&long), Err(LinkError::TooLong));
    }
}
