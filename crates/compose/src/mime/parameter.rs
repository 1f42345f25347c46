//! A parameter of a header, such as a file name, in any language (RFC 2231).

use std::fmt::Write;

use super::header::HeaderLine;

/// Longest value that is written as it is.
const SIMPLE_BYTES_MAX: usize = 60;
/// Most bytes of percent-encoded text in one section: with ` filename*99*=UTF-8''` and `;` a line
/// stays within 76.
const SECTION_BYTES_MAX: usize = 50;

/// Writes a parameter as the last of its header. What not every reader understands is written
/// twice: whole, for those who know RFC 2231, and roughly in ASCII for the others. The whole goes
/// first, since some readers take the first that they see.
pub(super) fn write(line: &mut HeaderLine<'_>, name: &str, value: &str) {
    if is_simple(value) {
        return line.word(&[name.as_bytes(), b"=\"", value.as_bytes(), b"\""]);
    }
    let sections = sections(value);
    for (index, section) in sections.iter().enumerate() {
        let number = match sections.len() {
            1 => String::new(),
            _ => format!("*{index}"),
        };
        let charset = if index == 0 { "UTF-8''" } else { "" };
        let text = format!("{name}{number}*={charset}{section};");
        line.word(&[text.as_bytes()]);
    }
    line.word(&[name.as_bytes(), b"=\"", rough(value).as_bytes(), b"\""]);
}

/// Whether every reader gets it right between quotes: no escapes, nothing to fold, nothing to
/// decode.
fn is_simple(value: &str) -> bool {
    let readable = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    let edged = value.starts_with(' ') || value.ends_with(' ') || value.contains("  ");
    value.len() <= SIMPLE_BYTES_MAX
        && !edged
        && !value.contains("=?")
        && value.bytes().all(readable)
}

/// The percent-encoded value, cut into sections between characters.
fn sections(value: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for character in value.chars() {
        let encoded = percent_encoded(character);
        match sections.last_mut() {
            Some(last) if last.len() + encoded.len() <= SECTION_BYTES_MAX => {
                last.push_str(&encoded)
            }
            _ => sections.push(encoded),
        }
    }
    sections
}

fn percent_encoded(character: char) -> String {
    let mut buffer = [0; 4];
    let mut encoded = String::new();
    for &byte in character.encode_utf8(&mut buffer).as_bytes() {
        // `attribute-char` (RFC 2231 §7), less the few that old readers trip over.
        match byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            true => encoded.push(char::from(byte)),
            // Writing to a String cannot fail.
            false => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// The value in ASCII, as near as it gets: what cannot stand is `_`, and of a long one the end
/// stays, which for a file name tells its kind.
fn rough(value: &str) -> String {
    let readable = |c: char| c.is_ascii_alphanumeric() || " -._()+,@".contains(c);
    let count = value.chars().count();
    let tail = value.chars().skip(count.saturating_sub(SIMPLE_BYTES_MAX));
    tail.map(|c| if readable(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::FieldName;
    use super::*;

    fn written(value: &str) -> String {
        let mut out = Vec::new();
        let mut line = HeaderLine::begin(&mut out, FieldName::CONTENT_DISPOSITION);
        line.word(&[b"attachment;"]);
        write(&mut line, "filename", value);
        line.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain_names_are_quoted() {
        assert_eq!(
            written("price list.pdf"),
            "Content-Disposition: attachment; filename=\"price list.pdf\"\r\n"
        );
    }

    #[test]
    fn other_names_are_written_whole_and_roughly() {
        assert_eq!(
            written("Übersicht \"1\".pdf"),
            "Content-Disposition: attachment;\r\n \
             filename*=UTF-8''%C3%9Cbersicht%20%221%22.pdf; filename=\"_bersicht _1_.pdf\"\r\n"
        );
    }

    #[test]
    fn long_names_are_continued_between_characters() {
        let header = written(&format!("{}.txt", "ä".repeat(120)));
        assert!(header.lines().all(|line| line.len() <= 76), "{header}");
        assert!(header.contains(" filename*0*=UTF-8''%C3%A4"));
        assert!(header.contains("\r\n filename*10*=%C3%A4"));
        assert!(header.ends_with("____.txt\"\r\n"));
    }
}
