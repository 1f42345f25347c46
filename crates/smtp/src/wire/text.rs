//! Text from the other side, made harmless: valid UTF-8, no control characters, bounded.

/// The character that stands where something unshowable was.
const REPLACEMENT: char = '\u{fffd}';

/// Appends `bytes` to `out` as clean text: what is not UTF-8, control characters (NUL, ESC, …) and marks that
/// change how a line is shown become U+FFFD. A tab becomes a space.
pub fn push_clean(out: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.bytes().all(|b| (b' '..=b'~').contains(&b)) => out.push_str(text),
        _ => out.extend(String::from_utf8_lossy(bytes).chars().map(clean)),
    }
}

fn clean(c: char) -> char {
    match c {
        '\t' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => REPLACEMENT,
        _ if c.is_control() => REPLACEMENT,
        _ => c,
    }
}

/// Cuts `text` to at most `bytes_max` bytes at a character's edge and marks the cut with `…`.
pub fn truncate(text: &mut String, bytes_max: usize) {
    if text.len() <= bytes_max {
        return;
    }
    let mut end = bytes_max.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push('…');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_deceive_a_terminal_or_a_log_is_replaced() {
        let cases: [(&[u8], &str); 5] = [
            (b"all fine", "all fine"),
            (b"a\0b\x1b[31mred", "a\u{fffd}b\u{fffd}[31mred"),
            (b"tab\there", "tab here"),
            (b"caf\xc3\xa9 \xff", "café \u{fffd}"),
            ("x\u{202e}y\u{85}z".as_bytes(), "x\u{fffd}y\u{fffd}z"),
        ];
        for (given, expected) in cases {
            let mut out = String::new();
            push_clean(&mut out, given);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_cut_falls_between_characters() {
        let mut text = "ééééé".to_owned();
        truncate(&mut text, 8);
        assert_eq!(text, "éé…");
        truncate(&mut text, 8);
        assert_eq!(text, "éé…");
    }
}
