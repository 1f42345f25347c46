//! Quoted-printable (RFC 2045 §6.7): readable, safe for spaces at the ends of lines.

use super::CRLF;

/// Longest line, a soft line break's `=` included (RFC 2045 §6.7, rule 5).
const LINE_BYTES_MAX: usize = 76;
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// What stands for itself: printable ASCII but `=`, and white space that is not at the end of a
/// line.
const LITERAL: [bool; 256] = {
    let mut literal = [false; 256];
    let mut byte = b' ' as usize;
    while byte <= b'~' as usize {
        literal[byte] = byte != b'=' as usize;
        byte += 1;
    }
    literal[b'\t' as usize] = true;
    literal
};

/// About how long some text gets, line ends aside.
pub(super) fn encoded_bytes(text: &[u8]) -> usize {
    let escapes = text
        .iter()
        .filter(|&&byte| !LITERAL[usize::from(byte)])
        .count();
    let bytes = text.len() + 2 * escapes;
    bytes + bytes / LINE_BYTES_MAX * b"=\r\n".len()
}

/// Writes one line of text, given without its line end, and the line end.
pub(super) fn write_line(out: &mut Vec<u8>, line: &[u8]) {
    let (mut rest, mut column) = (line, 0);
    while !rest.is_empty() {
        let run = literal_run(rest, LINE_BYTES_MAX - 1 - column);
        out.extend_from_slice(&rest[..run]);
        rest = &rest[run..];
        column += run;
        let Some((&byte, later)) = rest.split_first() else {
            break;
        };
        let width = if is_literal(byte, later) { 1 } else { 3 };
        // Only the line's last byte may take the place of the soft break's `=`.
        let columns = LINE_BYTES_MAX - usize::from(!later.is_empty());
        if column + width > columns {
            out.extend_from_slice(b"=\r\n");
            column = 0;
            continue;
        }
        match width {
            1 => out.push(byte),
            _ => out.extend_from_slice(&[b'=', hex(byte >> 4), hex(byte & 15)]),
        }
        column += width;
        rest = later;
    }
    out.extend_from_slice(CRLF);
}

/// How many bytes at the start of `text` stand for themselves, wherever the line ends.
fn literal_run(text: &[u8], bytes_max: usize) -> usize {
    let window = &text[..text.len().min(bytes_max)];
    let run = window
        .iter()
        .position(|&byte| !LITERAL[usize::from(byte)])
        .unwrap_or(window.len());
    // The last byte of the text may be white space, which then needs its escape.
    if run == text.len() {
        run.saturating_sub(1)
    } else {
        run
    }
}

fn is_literal(byte: u8, later: &[u8]) -> bool {
    let trailing = later.is_empty() && matches!(byte, b' ' | b'\t');
    LITERAL[usize::from(byte)] && !trailing
}

fn hex(digit: u8) -> u8 {
    HEX[usize::from(digit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str) -> String {
        let mut out = Vec::new();
        write_line(&mut out, line.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn bytes_are_escaped_where_needed() {
        let cases = [
            ("", "\r\n"),
            ("a = ü", "a =3D =C3=BC\r\n"),
            ("end ", "end=20\r\n"),
            ("end\t", "end=09\r\n"),
            (" ", "=20\r\n"),
            ("a\0b", "a=00b\r\n"),
        ];
        for (given, expected) in cases {
            assert_eq!(written(given), expected, "{given:?}");
        }
    }

    #[test]
    fn lines_are_cut_outside_of_escapes() {
        for count in 70..80 {
            for text in [
                "x".repeat(count),
                "ü".repeat(count),
                "x".repeat(count) + " ",
                "x".repeat(count) + "=y",
            ] {
                let lines = written(&text);
                for line in lines.trim_end_matches("\r\n").split("\r\n") {
                    assert!(line.len() <= 76, "{line}");
                    assert!(!line.ends_with([' ', '\t']));
                }
                let joined = lines.replace("=\r\n", "");
                assert_eq!(
                    joined.matches('=').count() * 3,
                    joined
                        .bytes()
                        .filter(|b| b"=0123456789ABCDEF".contains(b))
                        .count()
                );
            }
        }
        assert_eq!(written(&"x".repeat(76)), format!("{}\r\n", "x".repeat(76)));
        assert_eq!(
            written(&"x".repeat(77)),
            format!("{}=\r\nxx\r\n", "x".repeat(75))
        );
    }
}
