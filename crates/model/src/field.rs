//! Fields of settings that people fill in: the error that names one, and text with its limits.

use std::borrow::Cow;
use std::fmt;

use crate::header::HeaderText;
use crate::secret::Secret;

/// The longest id of a tenant, an account or a storage, in characters.
pub const ID_CHARS_MAX: usize = 64;
/// The longest password or token, in bytes.
pub const SECRET_BYTES_MAX: usize = 4096;

/// What a field was given cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// The field, as it is called in requests.
    pub field: &'static str,
    /// What is wrong, and what would be right. It never repeats the value.
    pub problem: Cow<'static, str>,
}

/// Text of one line: 1 to `CHARS_MAX` characters, no line break and no other control character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line<const CHARS_MAX: usize>(Box<str>);

// === impl FieldError ===

impl FieldError {
    /// The error of a field.
    pub fn new(field: &'static str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field,
            problem: problem.into(),
        }
    }
}

// === impl Line ===

impl<const CHARS_MAX: usize> Line<CHARS_MAX> {
    /// Takes a text as it is, or says why the field cannot have it.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        if text.is_empty() {
            return Err(FieldError::new(field, "is empty"));
        }
        if text.chars().nth(CHARS_MAX).is_some() {
            let problem = format!("is longer than {CHARS_MAX} characters");
            return Err(FieldError::new(field, problem));
        }
        HeaderText::parse(text).map_err(|error| FieldError::new(field, error.to_string()))?;
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const CHARS_MAX: usize> fmt::Display for Line<CHARS_MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const CHARS_MAX: usize> fmt::Debug for Line<CHARS_MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Takes a password or token that fits into a header or an AUTH command, or says why not without repeating it.
pub fn secret(field: &'static str, text: &str) -> Result<Secret, FieldError> {
    if text.is_empty() {
        return Err(FieldError::new(field, "is empty"));
    }
    if text.len() > SECRET_BYTES_MAX {
        let problem = format!("is longer than {SECRET_BYTES_MAX} bytes");
        return Err(FieldError::new(field, problem));
    }
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(field, "holds a control character"));
    }
    Ok(Secret::new(text))
}

/// Takes an id: it stands in paths, labels and logs as it is.
pub(crate) fn id(field: &'static str, text: &str) -> Result<Box<str>, FieldError> {
    let is_allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    match (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_allowed) {
        true => Ok(text.into()),
        false => {
            let problem = format!("must be 1 to {ID_CHARS_MAX} letters, digits, '.', '_' or '-'");
            Err(FieldError::new(field, problem))
        }
    }
}

/// Takes a host's name or address, as it stands in a connection and in a certificate's check.
pub(crate) fn host(field: &'static str, text: &str) -> Result<Box<str>, FieldError> {
    let line = Line::<255>::parse(field, text)?;
    match text.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#')) {
        true => Err(FieldError::new(
            field,
            "must be a host's name or address alone, without a scheme, user or path",
        )),
        false => Ok(line.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_bounded_and_cannot_end_early() {
        let parse = Line::<3>::parse;
        assert_eq!(parse("name", "äöü").unwrap().as_str(), "äöü");
        let problems = [
            ("", "name: is empty"),
            ("abcd", "name: is longer than 3 characters"),
            (
                "a\nb",
                "name: holds a line break or another control character (U+000A at character 2)",
            ),
        ];
        for (text, problem) in problems {
            assert_eq!(parse("name", text).unwrap_err().to_string(), problem);
        }
    }

    #[test]
    fn an_id_has_no_character_that_means_something_elsewhere() {
        let longest = "a".repeat(ID_CHARS_MAX);
        for good in ["a", "Acme-1.prod_eu", &longest] {
            assert_eq!(&*id("id", good).unwrap(), good);
        }
        let too_long = "a".repeat(ID_CHARS_MAX + 1);
        for bad in ["", "a b", "a/b", "a:b", "ä", "a\n", "*", &too_long] {
            assert_eq!(
                id("id", bad).unwrap_err().to_string(),
                "id: must be 1 to 64 letters, digits, '.', '_' or '-'",
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_refused_secret_is_not_repeated() {
        let long = "hunter2".repeat(SECRET_BYTES_MAX);
        for bad in ["", "hunter2\r\nQUIT", "hunter2\0", &long] {
            let error = secret("password", bad).unwrap_err().to_string();
            assert!(
                error.starts_with("password: ") && !error.contains("hunter2"),
                "{error}"
            );
        }
        assert_eq!(secret("password", "p ä:").unwrap().expose(), "p ä:");
    }

    #[test]
    fn a_host_is_no_url() {
        for good in ["smtp.example.com", "localhost", "127.0.0.1", "2001:db8::1"] {
            assert_eq!(&*host("host", good).unwrap(), good);
        }
        for bad in ["", "smtp://a", "a b", "user@host", "a/b", "a\r\n"] {
            assert_eq!(host("host", bad).unwrap_err().field, "host", "{bad:?}");
        }
    }
}
