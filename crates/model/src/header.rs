//! Text that is safe in a header line.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A header's value as people read it: no CR, LF, NUL or other control character, so it can never end its
/// line and start another header. Encoding it for the wire (RFC 2047) and folding are `compose`'s.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub struct HeaderText(Box<str>);

/// A text holds a character that no header value may hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("holds a line break or another control character (U+{:04X} at character {place})", *.character as u32)]
pub struct HeaderTextError {
    /// The character.
    pub character: char,
    /// Its place, counted in characters from 1.
    pub place: usize,
}

// === impl HeaderText ===

impl HeaderText {
    /// Takes a text as it is, or says which character stands in the way. A tab is allowed.
    pub fn parse(text: &str) -> Result<Self, HeaderTextError> {
        match text.chars().enumerate().find(|&(_, c)| is_forbidden(c)) {
            None => Ok(Self(text.into())),
            Some((index, character)) => Err(HeaderTextError {
                character,
                place: index + 1,
            }),
        }
    }

    /// Takes a text and puts a space for every run of characters that stand in the way: for values from a
    /// recipient's data, where a stray line break must cost nobody their mail.
    pub fn cleaned(text: &str) -> Self {
        if !text.chars().any(is_forbidden) {
            return Self(text.into());
        }
        let words: Vec<&str> = text
            .split(is_forbidden)
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect();
        Self(words.join(" ").into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, and the two separators that some readers take for a line break.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for HeaderText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_never_get_in() {
        for bad in [
            "a\r\nBcc: x",
            "a\nb",
            "a\rb",
            "a\0b",
            "a\u{2028}b",
            "a\u{1b}[31m",
        ] {
            assert!(HeaderText::parse(bad).is_err(), "{bad:?}");
            let cleaned = HeaderText::cleaned(bad);
            assert!(!cleaned.as_str().chars().any(is_forbidden), "{bad:?}");
        }
        assert_eq!(HeaderText::cleaned("Hi \r\n there\n").as_str(), "Hi there");
        assert_eq!(
            HeaderText::parse("Grüße\tan alle").unwrap().as_str(),
            "Grüße\tan alle"
        );
    }
}
