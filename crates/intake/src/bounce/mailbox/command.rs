//! Commands as they go onto the wire: strings that cannot end their line, and the names of folders.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};

use model::Secret;

/// An argument that a person supplied.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// Quoted, with the quotes (RFC 3501 §4.3).
    Quoted(String),
    /// To be sent as a literal, when the server asks for it.
    Literal(String),
}

impl Argument {
    /// A text quoted if it can be.
    pub fn new(text: &str) -> Self {
        let is_quotable = text
            .bytes()
            .all(|byte| byte.is_ascii() && !byte.is_ascii_control());
        match is_quotable {
            true => Self::Quoted(format!(
                "\"{}\"",
                text.replace('\\', "\\\\").replace('"', "\\\"")
            )),
            false => Self::Literal(text.to_owned()),
        }
    }
}

/// What AUTHENTICATE PLAIN sends, in base64 (RFC 4616).
pub(super) fn plain_credentials(user: &str, password: &Secret) -> String {
    STANDARD.encode(format!("\0{user}\0{}", password.expose()))
}

/// A folder's name in the encoding of its own that IMAP has for it (RFC 3501 §5.1.3).
pub(super) fn folder_name(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut foreign = String::new();
    for c in name.chars() {
        if !matches!(c, ' '..='~') {
            foreign.push(c);
            continue;
        }
        flush(&mut foreign, &mut encoded);
        encoded.push(c);
        if c == '&' {
            encoded.push('-');
        }
    }
    flush(&mut foreign, &mut encoded);
    encoded
}

/// Appends what stands outside of ASCII: UTF-16 in a base64 of its own.
fn flush(foreign: &mut String, encoded: &mut String) {
    if foreign.is_empty() {
        return;
    }
    let bytes: Vec<u8> = foreign.encode_utf16().flat_map(u16::to_be_bytes).collect();
    encoded.push('&');
    GeneralPurpose::new(&IMAP_MUTF7, NO_PAD).encode_string(bytes, encoded);
    encoded.push('-');
    foreign.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_or_become_literals() {
        assert_eq!(
            Argument::new(r#"a "b\"#),
            Argument::Quoted(r#""a \"b\\""#.to_owned())
        );
        assert_eq!(Argument::new(""), Argument::Quoted("\"\"".to_owned()));
        assert_eq!(Argument::new("grün"), Argument::Literal("grün".to_owned()));
        assert_eq!(
            Argument::new("a\r\nb"),
            Argument::Literal("a\r\nb".to_owned())
        );
    }

    #[test]
    fn folders_are_named_in_their_own_encoding() {
        assert_eq!(folder_name("INBOX"), "INBOX");
        assert_eq!(folder_name("R&D"), "R&-D");
        assert_eq!(folder_name("Rückläufer"), "R&APw-ckl&AOQ-ufer");
        // The example of RFC 3501 §5.1.3.
        assert_eq!(
            folder_name("~peter/mail/台北/日本語"),
            "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
        );
    }

    #[test]
    fn plain_credentials_are_those_of_the_standard() {
        assert_eq!(
            plain_credentials("tim", &Secret::new("tanstaaftanstaaf")),
            "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"
        );
    }
}
