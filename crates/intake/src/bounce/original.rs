//! The names of the message that came back, found in its headers or in a copy of them inside a text.

use super::news::{Original, one_line};

/// The header that carries our own id.
const MAIL_ID: &str = "x-genro-mail-id";
/// The header that carries everybody's.
const MESSAGE_ID: &str = "message-id";
/// Longest id of ours, in characters.
const MAIL_ID_CHARS_MAX: usize = 255;
/// Longest Message-ID, in characters: a line's length (RFC 5322 §2.1.1).
const MESSAGE_ID_CHARS_MAX: usize = 998;

impl Original {
    /// Reads the block of headers that a returned message begins with.
    pub(crate) fn in_headers(headers: &str) -> Self {
        let lines = headers.trim_start().lines();
        Self::in_lines(
            lines.take_while(|line| !line.trim().is_empty()),
            at_beginning,
        )
    }

    /// Looks through a text that holds a copy of a message's headers, quoted or indented as it may be, or all on one
    /// line, which is what becomes of HTML.
    pub(crate) fn in_text(text: &str) -> Self {
        Self::in_lines(text.lines(), anywhere)
    }

    fn in_lines<'t>(
        lines: impl Iterator<Item = &'t str>,
        value: impl Fn(&'t str, &str) -> Option<&'t str>,
    ) -> Self {
        let mut found = Self::default();
        let mut lines = lines.peekable();
        while let Some(line) = lines.next() {
            let next = lines.peek().copied().unwrap_or_default();
            let named = |name, chars_max| {
                let value = value(line, name)?;
                // A long value may stand alone on the next line.
                let value = if value.trim().is_empty() {
                    unquoted(next)
                } else {
                    value
                };
                id(value, chars_max)
            };
            if found.mail_id.is_none() {
                found.mail_id = named(MAIL_ID, MAIL_ID_CHARS_MAX);
            }
            if found.message_id.is_none() {
                found.message_id = named(MESSAGE_ID, MESSAGE_ID_CHARS_MAX);
            }
        }
        found
    }
}

/// The value of a header that a line is.
fn at_beginning<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    let (other, value) = line.split_once(':')?;
    other.eq_ignore_ascii_case(name).then_some(value)
}

/// The value of a header that stands somewhere on a line, behind no other word.
fn anywhere<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    let place = line.to_ascii_lowercase().find(&format!("{name}:"))?;
    let (before, rest) = line.split_at(place);
    let stands_alone = before.ends_with(|c: char| c.is_whitespace() || matches!(c, '>' | '|'));
    (before.is_empty() || stands_alone).then_some(&rest[name.len() + 1..])
}

/// A line without the marks of a quotation and without its indentation.
fn unquoted(line: &str) -> &str {
    line.trim_start_matches(['>', '|', ' ', '\t']).trim_end()
}

/// An id: one word without angle brackets. One that is too long is nobody's.
pub(crate) fn id(value: &str, chars_max: usize) -> Option<Box<str>> {
    let word = value.split_whitespace().next()?;
    let word = word.trim_start_matches('<').trim_end_matches('>');
    let fits = !word.is_empty() && word.chars().count() <= chars_max;
    fits.then(|| one_line(word, chars_max))
        .filter(|id| &**id == word)
}

/// A Message-ID without its angle brackets.
pub(crate) fn message_id(value: &str) -> Option<Box<str>> {
    id(value, MESSAGE_ID_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_headers_in_quoted_copies_and_on_the_next_line() {
        let found = Original::in_headers(
            "Subject: x\r\nMessage-Id:\r\n <a@b>\r\nX-Genro-Mail-ID: 42\r\n\r\n",
        );
        assert_eq!(found.message_id.as_deref(), Some("a@b"));
        assert_eq!(found.mail_id.as_deref(), Some("42"));
        let found = Original::in_text("Sorry.\n\n> x-genro-mail-id: 43\n> Message-ID: <c@d>\n");
        assert_eq!(found.mail_id.as_deref(), Some("43"));
        assert_eq!(found.message_id.as_deref(), Some("c@d"));
    }

    #[test]
    fn the_body_of_a_returned_message_names_nothing() {
        assert_eq!(
            Original::in_headers("Subject: x\n\nX-Genro-Mail-ID: 44\n"),
            Original::default()
        );
    }

    #[test]
    fn an_id_with_control_characters_or_without_end_is_none() {
        assert_eq!(id("a\u{1b}b", 10), None);
        assert_eq!(id("<>", 10), None);
        assert_eq!(id("12345678901", 10), None);
    }
}
