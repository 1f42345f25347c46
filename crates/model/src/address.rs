//! Who mail goes to and comes from: an address that can be put on the wire as it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::header::HeaderText;

/// Longest local part in octets (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_BYTES_MAX: usize = 64;
/// Longest domain in octets (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_BYTES_MAX: usize = 255;
/// Longest address in octets: a path of 256 without its angle brackets (RFC 5321 §4.5.3.1.3).
pub const ADDRESS_BYTES_MAX: usize = 254;

/// One mailbox address, `local@domain`, valid by construction.
///
/// The local part is kept as written (its case may matter to its owner); the domain is lower case and in
/// ASCII (IDNA A-labels). A local part may be UTF-8 (RFC 6531), which then needs SMTPUTF8 on the way.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    text: Box<str>,
    at: u16,
}

/// An address with the name to show beside it, as in `Ada Lovelace <ada@example.org>` (RFC 5322 §3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name to show, without its quotes.
    pub name: Option<HeaderText>,
    /// Where mail goes.
    pub address: Address,
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there at all.
    #[error("the address is empty")]
    Empty,
    /// No `@` outside of quotes.
    #[error("the address has no @")]
    NoAt,
    /// The part before the `@` breaks a rule.
    #[error("the part before the @ {0}")]
    Local(&'static str),
    /// The part after the `@` breaks a rule.
    #[error("the part after the @ {0}")]
    Domain(&'static str),
    /// The whole is longer than a path may be.
    #[error("the address is longer than {ADDRESS_BYTES_MAX} bytes")]
    TooLong,
    /// A display name without the brackets it needs, or brackets that do not close.
    #[error("the angle brackets around the address do not match")]
    Brackets,
    /// A display name that would end its header line.
    #[error("the name beside the address holds a line break or another control character")]
    Name,
}

// === impl Address ===

impl Address {
    /// Reads `local@domain`. White space around it is ignored.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let at = split_at_sign(text)?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        check_local_part(local)?;
        let domain = ascii_domain(domain)?;
        let whole = format!("{local}@{domain}");
        if whole.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        // `at` is at most LOCAL_PART_BYTES_MAX, so it fits.
        Ok(Self {
            text: whole.into_boxed_str(),
            at: at as u16,
        })
    }

    /// The whole address, `local@domain`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`, quotes included.
    pub fn local_part(&self) -> &str {
        &self.text[..usize::from(self.at)]
    }

    /// What stands after the `@`: lower case, ASCII.
    pub fn domain(&self) -> &str {
        &self.text[usize::from(self.at) + 1..]
    }

    /// Whether it is plain ASCII; if not, the way needs SMTPUTF8 (RFC 6531).
    pub fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }

    /// What makes two spellings one recipient: the address in lower case.
    pub fn key(&self) -> String {
        self.text.to_lowercase()
    }
}

/// The place of the `@` between local part and domain: the first outside of quotes.
fn split_at_sign(text: &str) -> Result<usize, AddressError> {
    if !text.starts_with('"') {
        return text.find('@').ok_or(AddressError::NoAt);
    }
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if text.as_bytes().get(place + 1) == Some(&b'@') => return Ok(place + 1),
            b'"' => return Err(AddressError::Local("has a quote in the middle")),
            _ => {}
        }
    }
    Err(AddressError::NoAt)
}

fn check_local_part(local: &str) -> Result<(), AddressError> {
    if local.is_empty() {
        return Err(AddressError::Local("is empty"));
    }
    if local.len() > LOCAL_PART_BYTES_MAX {
        return Err(AddressError::Local("is longer than 64 bytes"));
    }
    if let Some(inner) = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        return check_quoted(inner);
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(AddressError::Local("has a dot where none may be"));
    }
    if !local.chars().all(|c| c == '.' || is_atom(c)) {
        return Err(AddressError::Local(
            "holds a character that is not allowed there",
        ));
    }
    Ok(())
}

/// What may stand between quotes: printable ASCII, space and UTF-8, never a control character.
fn check_quoted(inner: &str) -> Result<(), AddressError> {
    if inner
        .chars()
        .any(|c| c.is_control() || is_direction_mark(c))
    {
        return Err(AddressError::Local("holds a control character"));
    }
    Ok(())
}

/// An `atext` character (RFC 5322 §3.2.3), or printable UTF-8 (RFC 6531 §3.3).
fn is_atom(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => true,
        '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^' | '_'
        | '`' => true,
        '{' | '|' | '}' | '~' => true,
        _ => !c.is_ascii() && !c.is_control() && !c.is_whitespace() && !is_direction_mark(c),
    }
}

/// Marks that only change how a line is shown: in an address they can only deceive.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The domain as it goes on the wire. The common case, already lower-case ASCII, costs one pass.
fn ascii_domain(domain: &str) -> Result<String, AddressError> {
    if domain.is_empty() {
        return Err(AddressError::Domain("is empty"));
    }
    if let Some(literal) = domain.strip_prefix('[') {
        return address_literal(literal);
    }
    let ascii = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(domain)
            .map_err(|_| AddressError::Domain("is not a valid international domain"))?
    };
    if ascii.len() > DOMAIN_BYTES_MAX {
        return Err(AddressError::Domain("is longer than 255 bytes"));
    }
    if ascii.split('.').all(is_label) {
        Ok(ascii)
    } else {
        Err(AddressError::Domain("is not a domain name"))
    }
}

/// One label of a host name: letters, digits and inner hyphens, at most 63 (RFC 1123 §2.1). An underscore is
/// let through, since such domains exist and receive mail.
fn is_label(label: &str) -> bool {
    let fits = (1..=63).contains(&label.len());
    let edges = !label.starts_with('-') && !label.ends_with('-');
    fits && edges
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
fn address_literal(rest: &str) -> Result<String, AddressError> {
    let inner = rest
        .strip_suffix(']')
        .ok_or(AddressError::Domain("has an open bracket"))?;
    let is_v6 = inner
        .get(..5)
        .is_some_and(|tag| tag.eq_ignore_ascii_case("ipv6:"));
    let valid = if is_v6 {
        inner[5..].parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        inner.parse::<std::net::Ipv4Addr>().is_ok()
    };
    if valid {
        Ok(format!("[{inner}]"))
    } else {
        Err(AddressError::Domain("is not an IP address in its brackets"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

// === impl Mailbox ===

impl Mailbox {
    /// Reads `local@domain`, `<local@domain>`, `Name <local@domain>` or `"Name" <local@domain>`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let Some(inner) = text.strip_suffix('>') else {
            return Ok(Self {
                name: None,
                address: Address::parse(text)?,
            });
        };
        let open = opening_bracket(inner).ok_or(AddressError::Brackets)?;
        let address = Address::parse(&inner[open + 1..])?;
        let name = unquote(inner[..open].trim())?;
        let name = match name.is_empty() {
            true => None,
            false => Some(HeaderText::parse(&name).map_err(|_| AddressError::Name)?),
        };
        Ok(Self { name, address })
    }
}

/// The place of the first `<` outside of quotes: a quoted name may hold one, and so may a quoted local part.
fn opening_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' => return !quoted,
            _ => {}
        }
        false
    })
}

/// A display name without its quotes and escapes.
fn unquote(name: &str) -> Result<String, AddressError> {
    let Some(rest) = name.strip_prefix('"') else {
        return match name.contains(['<', '>', '"']) {
            true => Err(AddressError::Brackets),
            false => Ok(name.to_owned()),
        };
    };
    let inner = rest.strip_suffix('"').ok_or(AddressError::Brackets)?;
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            '"' => return Err(AddressError::Brackets),
            _ => plain.push(c),
        }
    }
    Ok(plain)
}

/// As it is read back by [`Mailbox::parse`]: the name in quotes.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => self.address.fmt(f),
            Some(name) => {
                let escaped = name.as_str().replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\" <{}>", self.address)
            }
        }
    }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl From<Address> for Mailbox {
    fn from(address: Address) -> Self {
        Self {
            name: None,
            address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses_keep_their_local_part_and_lower_their_domain() {
        let cases = [
            ("ada@example.org", "ada@example.org"),
            (" Ada.L+news@EXAMPLE.Org ", "Ada.L+news@example.org"),
            ("\"odd name\"@example.org", "\"odd name\"@example.org"),
            ("\"a@b\"@example.org", "\"a@b\"@example.org"),
            ("o'hara@sub.example.co.uk", "o'hara@sub.example.co.uk"),
            ("postmaster@[192.0.2.1]", "postmaster@[192.0.2.1]"),
            ("x@[IPv6:2001:db8::1]", "x@[IPv6:2001:db8::1]"),
            ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
            ("root@localhost", "root@localhost"),
        ];
        for (given, expected) in cases {
            assert_eq!(Address::parse(given).unwrap().as_str(), expected, "{given}");
        }
    }

    #[test]
    fn bad_addresses_are_refused() {
        let cases = [
            "",
            " ",
            "ada",
            "@example.org",
            "ada@",
            "a b@example.org",
            ".a@example.org",
            "a.@example.org",
            "a..b@example.org",
            "a@b@c.org",
            "a@exa mple.org",
            "a@-x.org",
            "a@x..org",
            "a@[300.1.1.1]",
            "a@[192.0.2.1",
            "a\r\nRCPT TO:<x@y.z>@example.org",
            "a@example.org\r\nX: y",
            "a\0@example.org",
            "a@example.org>",
            "<a@example.org",
            "\"a\"b@example.org",
            "\"a\nb\"@example.org",
            "a\u{202e}@example.org",
            "\"a\u{2028}b\"@example.org",
            "=?utf-8?q?a=40b.c,?=@example.org",
        ];
        for given in cases {
            assert!(Mailbox::parse(given).is_err(), "{given:?}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        assert!(Address::parse(&long).is_err());
    }

    #[test]
    fn mailboxes_have_names() {
        let plain = Mailbox::parse("Ada Lovelace <ada@example.org>").unwrap();
        assert_eq!(plain.name.unwrap().as_str(), "Ada Lovelace");
        let quoted = Mailbox::parse(r#""Lovelace, \"Ada\"" <ada@example.org>"#).unwrap();
        assert_eq!(Mailbox::parse(&quoted.to_string()).unwrap(), quoted);
        assert_eq!(quoted.name.unwrap().as_str(), "Lovelace, \"Ada\"");
        assert_eq!(Mailbox::parse("<ada@example.org>").unwrap().name, None);
        assert!(Mailbox::parse("Ada\r\nBcc: x@y.z <ada@example.org>").is_err());
    }

    #[test]
    fn brackets_inside_quotes_end_no_mailbox() {
        let name = HeaderText::parse("x <y@z>").ok();
        let address = Address::parse("\"a>b<c\"@example.org").unwrap();
        let mailbox = Mailbox { name, address };
        assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
        for bad in [
            "\"a\\\" <a@b.c>",
            "a\"b <a@b.c>",
            "<a <a@b.c>",
            "a> <a@b.c>",
        ] {
            assert!(Mailbox::parse(bad).is_err(), "{bad}");
        }
    }
}
