//! An address and the name beside it, as words of a header.

use model::Mailbox;

use super::encoded_word;
use super::header::{HeaderLine, is_plain};

/// Longest name that is written as it is or in quotes; a longer one is encoded, which may be folded
/// anywhere.
const NAME_BYTES_MAX: usize = 66;

/// Writes a mailbox and what follows it in its list.
pub(super) fn write(line: &mut HeaderLine<'_>, mailbox: &Mailbox, separator: &[u8]) {
    let address = mailbox.address.as_str().as_bytes();
    match &mailbox.name {
        None => line.word(&[address, separator]),
        Some(name) => {
            write_name(line, name.as_str());
            line.word(&[b"<", address, b">", separator]);
        }
    }
}

/// A phrase (RFC 5322 §3.2.5): atoms, a quoted string, or encoded words.
fn write_name(line: &mut HeaderLine<'_>, name: &str) {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !is_plain(name) {
        return encoded_word::write(line, name);
    }
    match name.bytes().all(is_atom_or_space) {
        true => line.word(&[name.as_bytes()]),
        false => line.word(&[b"\"", escaped(name).as_bytes(), b"\""]),
    }
}

/// `atext` (RFC 5322 §3.2.3), or the space between two atoms.
fn is_atom_or_space(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// The inside of a quoted string (RFC 5322 §3.2.4).
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::super::FieldName;
    use super::super::header::mailboxes;
    use super::*;

    fn written(texts: &[&str]) -> String {
        let list: Vec<_> = texts
            .iter()
            .map(|text| Mailbox::parse(text).unwrap())
            .collect();
        let mut out = Vec::new();
        mailboxes(&mut out, FieldName::TO, &list);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_atoms_quoted_or_encoded() {
        let cases = [
            ("ada@example.org", "ada@example.org"),
            (
                "Ada Lovelace <ada@example.org>",
                "Ada Lovelace <ada@example.org>",
            ),
            (
                "A. Lovelace <a@example.org>",
                "\"A. Lovelace\" <a@example.org>",
            ),
            (
                r#""L, \"A\" \\" <a@example.org>"#,
                r#""L, \"A\" \\" <a@example.org>"#,
            ),
            (
                "Jörg Winter <j@example.org>",
                "=?utf-8?q?J=C3=B6rg_Winter?= <j@example.org>",
            ),
            (
                "=?utf-8?q?x?= <j@example.org>",
                "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <j@example.org>",
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(written(&[given]), format!("To: {expected}\r\n"));
        }
    }

    #[test]
    fn a_list_is_folded_between_its_words() {
        let one = "Somebody With A Name <somebody@example.org>";
        let expected = format!("To: {one},\r\n {one}\r\n");
        let folded = written(&[one, one]);
        assert!(folded.lines().all(|line| line.len() <= 76), "{folded}");
        assert_eq!(folded.replace("\r\n ", " "), expected.replace("\r\n ", " "));
    }
}
