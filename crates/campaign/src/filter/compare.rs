//! Compares texts without regard to case, and tells numbers from texts.

/// Digits up to which two different numbers are never the same `f64`. Longer ones are ids, not quantities.
const EXACT_DIGITS_MAX: usize = 15;
/// Texts up to this length are searched in place; longer ones by an algorithm that has to copy them first.
const SHORT_BYTES_MAX: usize = 256;

/// The number that a text is, if it is one: `42`, `-1.5`, `+3`, `.5`, `1e6`; never `inf` or `nan`.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let begins = text.trim_start_matches(['+', '-']).as_bytes().first()?;
    match begins.is_ascii_digit() || *begins == b'.' {
        true => text.parse().ok(),
        false => None,
    }
}

/// Whether a number as long as this text is exact as `f64`.
pub(super) fn is_exact(text: &str) -> bool {
    text.len() <= EXACT_DIGITS_MAX
}

/// Whether two texts differ in case at most.
pub(super) fn same_text(left: &str, right: &str) -> bool {
    match left.is_ascii() && right.is_ascii() {
        true => left.eq_ignore_ascii_case(right),
        false => left.to_lowercase() == right.to_lowercase(),
    }
}

/// Whether `part` occurs in `text`, in any case.
pub(super) fn contains(text: &str, part: &str) -> bool {
    if text.len() > SHORT_BYTES_MAX || !text.is_ascii() || !part.is_ascii() {
        return text.to_lowercase().contains(&part.to_lowercase());
    }
    let part = part.as_bytes();
    part.is_empty()
        || text
            .as_bytes()
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part))
}

/// Whether `text` begins with `part`, in any case.
pub(super) fn starts_with(text: &str, part: &str) -> bool {
    match text.is_ascii() && part.is_ascii() {
        true => text
            .get(..part.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(part)),
        false => text.to_lowercase().starts_with(&part.to_lowercase()),
    }
}

/// Whether `text` ends with `part`, in any case.
pub(super) fn ends_with(text: &str, part: &str) -> bool {
    if !text.is_ascii() || !part.is_ascii() {
        return text.to_lowercase().ends_with(&part.to_lowercase());
    }
    let start = text.len().checked_sub(part.len());
    start.is_some_and(|start| text[start..].eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_numbers() {
        for (text, expected) in [
            ("42", 42.0),
            (" -1.5 ", -1.5),
            ("+3", 3.0),
            (".5", 0.5),
            ("1e3", 1e3),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for text in [
            "", "x", "inf", "-inf", "NaN", "-nan", "1,000", "1_0", "0x10", "12 kg", "+-3", ".",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn case_does_not_matter_in_any_alphabet() {
        assert!(same_text("Straße", "STRAßE") && same_text("ÄRGER", "ärger"));
        assert!(contains("Αθήνα και", "ΑΘΉΝΑ") && contains("Hello", "ELL") && contains("x", ""));
        assert!(starts_with("Ünal", "ü") && starts_with("Hello", "HE"));
        assert!(ends_with("CAFÉ", "fé") && ends_with("Hello", "LLO"));
        assert!(!contains("Hello", "hellooo") && !starts_with("a", "ab") && !ends_with("b", "ab"));
    }

    #[test]
    fn long_texts_are_searched_in_linear_time() {
        let text = "a".repeat(1 << 20);
        let part = format!("{}b", "a".repeat(60_000));
        assert!(!contains(&text, &part));
    }
}
