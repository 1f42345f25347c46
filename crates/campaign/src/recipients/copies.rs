//! The lists for `--cc` and `--bcc`: addresses with commas between them, or a file with one on each line.

use std::path::PathBuf;

use model::{AddressError, Mailbox};

/// Most copies of each message: every address gets every message of the campaign.
pub const COPIES_MAX: usize = 100;

/// What the value of `--cc` or `--bcc` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopySource {
    /// Addresses, with commas between them.
    List(String),
    /// A file, one address on each line.
    File(PathBuf),
}

/// Why a list of copies cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// One of the addresses of the list.
    #[error("{value:?} is not an address: {error}")]
    Value {
        /// What was given.
        value: String,
        /// What is wrong with it.
        error: AddressError,
    },
    /// One of the lines of the file.
    #[error("line {line}: {value:?} is not an address: {error}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        error: AddressError,
    },
    /// More than can be meant.
    #[error("more than {COPIES_MAX} addresses: each would get every message of the campaign")]
    TooMany,
}

impl CopySource {
    /// Tells a file from a list: `@name` is always a file, anything else when `is_file` says so.
    pub fn of(value: &str, is_file: impl Fn(&str) -> bool) -> Self {
        let value = value.trim();
        match value.strip_prefix('@') {
            Some(path) => Self::File(path.into()),
            None if is_file(value) => Self::File(value.into()),
            None => Self::List(value.to_owned()),
        }
    }
}

/// Reads a list such as `ada@example.org, "Lovelace, Ada" <ada@example.org>`. Empty places are passed.
pub fn parse_list(list: &str) -> Result<Vec<Mailbox>, CopyError> {
    let values = split_at_commas(list).into_iter().map(str::trim);
    let mailboxes = values.filter(|value| !value.is_empty()).map(|value| {
        Mailbox::parse(value).map_err(|error| CopyError::Value {
            value: value.to_owned(),
            error,
        })
    });
    bounded(mailboxes)
}

/// Reads the text of a file with one address on each line. Blank lines are passed.
pub fn parse_lines(text: &str) -> Result<Vec<Mailbox>, CopyError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().map(str::trim).zip(1..);
    let mailboxes = lines
        .filter(|(value, _)| !value.is_empty())
        .map(|(value, line)| {
            Mailbox::parse(value).map_err(|error| CopyError::Line {
                line,
                value: value.to_owned(),
                error,
            })
        });
    bounded(mailboxes)
}

fn bounded(
    mailboxes: impl Iterator<Item = Result<Mailbox, CopyError>>,
) -> Result<Vec<Mailbox>, CopyError> {
    let found: Vec<_> = mailboxes.take(COPIES_MAX + 1).collect::<Result<_, _>>()?;
    match found.len() > COPIES_MAX {
        true => Err(CopyError::TooMany),
        false => Ok(found),
    }
}

/// The pieces between commas that are not inside quotes.
fn split_at_commas(list: &str) -> Vec<&str> {
    let mut in_quotes = false;
    let mut escaped = false;
    let is_separator = |c: char| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if in_quotes && !was_escaped => escaped = true,
            '"' if !was_escaped => in_quotes = !in_quotes,
            ',' if !in_quotes => return true,
            _ => {}
        }
        false
    };
    list.split(is_separator).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(mailboxes: Vec<Mailbox>) -> Vec<String> {
        mailboxes
            .iter()
            .map(|one| one.address.to_string())
            .collect()
    }

    #[test]
    fn lists_are_split_at_commas_outside_of_quotes() {
        let list = r#" a@x.org,"Doe, \"J\", Jr" <b@x.org> ,, <c@x.org>, "#;
        let found = addresses(parse_list(list).unwrap());
        assert_eq!(found, ["a@x.org", "b@x.org", "c@x.org"]);
        assert!(parse_list("").unwrap().is_empty());
    }

    #[test]
    fn files_have_one_address_a_line() {
        let found = parse_lines("\u{feff}a@x.org\r\n\r\n  Bob <b@x.org>\n").unwrap();
        assert_eq!(addresses(found), ["a@x.org", "b@x.org"]);
    }

    #[test]
    fn an_invalid_copy_is_an_error_and_not_dropped() {
        let list = parse_list("a@x.org, nobody").unwrap_err();
        assert_eq!(
            list.to_string(),
            "\"nobody\" is not an address: the address has no @"
        );
        let line = parse_lines("a@x.org\n\nnobody\n").unwrap_err();
        assert_eq!(
            line.to_string(),
            "line 3: \"nobody\" is not an address: the address has no @"
        );
        assert_eq!(parse_list(&"a@x.org,".repeat(101)), Err(CopyError::TooMany));
    }

    #[test]
    fn an_at_sign_in_front_always_means_a_file() {
        let never = |_: &str| false;
        let source = CopySource::of("@cc.txt", never);
        assert_eq!(source, CopySource::File("cc.txt".into()));
        let source = CopySource::of("cc.txt", |value| value == "cc.txt");
        assert_eq!(source, CopySource::File("cc.txt".into()));
        let source = CopySource::of("a@x.org", never);
        assert_eq!(source, CopySource::List("a@x.org".into()));
    }
}
