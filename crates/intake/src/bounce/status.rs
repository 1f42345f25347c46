//! Codes in the text that a server wrote: `550` and `5.1.1`.

use model::EnhancedCode;

/// The highest subject of an enhanced code (RFC 3463 §3). What is above is a version number or an address.
const SUBJECT_MAX: u16 = 7;

/// The codes that a text names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Codes {
    pub reply: Option<u16>,
    pub enhanced: Option<EnhancedCode>,
}

impl Codes {
    /// Looks for codes: first where both stand together, then for each alone.
    pub fn find(text: &str) -> Self {
        let words: Vec<&str> = text
            .split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-'))
            .collect();
        let words: Vec<&str> = words.iter().flat_map(|word| word.split('-')).collect();
        let pairs = words.iter().zip(words.iter().skip(1));
        let pair = pairs
            .filter_map(|(first, second)| Some((reply(first)?, enhanced(second)?)))
            .next();
        if let Some((reply, enhanced)) = pair {
            return Self {
                reply: Some(reply),
                enhanced: Some(enhanced),
            };
        }
        Self {
            reply: reply_at_a_beginning(text).or_else(|| words.iter().find_map(|word| reply(word))),
            enhanced: words.iter().find_map(|word| enhanced(word)),
        }
    }
}

/// A failing reply code where a server's words begin: at the start of a line or behind a colon.
fn reply_at_a_beginning(text: &str) -> Option<u16> {
    let beginnings = text.lines().flat_map(|line| line.split(": "));
    beginnings
        .filter_map(|words| {
            words
                .trim_start_matches(|c: char| !c.is_alphanumeric())
                .split([' ', '-'])
                .next()
        })
        .find_map(reply)
}

/// A failing reply code: 400 to 559.
fn reply(word: &str) -> Option<u16> {
    let is_code = matches!(word.as_bytes(), [b'4' | b'5', b'0'..=b'5', b'0'..=b'9']);
    is_code.then(|| word.parse().ok()).flatten()
}

/// An enhanced code; a full stop behind it belongs to the sentence.
pub(crate) fn enhanced(word: &str) -> Option<EnhancedCode> {
    let (code, rest) = EnhancedCode::split_from(word.trim_end_matches('.'))?;
    (rest.is_empty() && code.1 <= SUBJECT_MAX).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, reply: Option<u16>, enhanced: Option<(u8, u16, u16)>) {
        let enhanced = enhanced.map(|(a, b, c)| EnhancedCode(a, b, c));
        assert_eq!(Codes::find(text), Codes { reply, enhanced }, "{text}");
    }

    #[test]
    fn codes_are_found_where_servers_write_them() {
        check(
            "host mx said: 550 5.1.1 <a@b>: no (in reply to RCPT)",
            Some(550),
            Some((5, 1, 1)),
        );
        check(
            "550-5.1.1 The account\n550-5.1.1 is not there",
            Some(550),
            Some((5, 1, 1)),
        );
        check(
            "Remote Server returned '550 5.1.10 RESOLVER.ADR'",
            Some(550),
            Some((5, 1, 10)),
        );
        check(
            "<mx.example.org #5.7.1 smtp;554 5.7.1 x>",
            Some(554),
            Some((5, 7, 1)),
        );
        check("I waited (#4.4.7).", None, Some((4, 4, 7)));
        check("SMTP error from remote server: 452 full", Some(452), None);
    }

    #[test]
    fn numbers_that_are_no_codes_are_left_alone() {
        check("from 5.1.1.2 by Exim 4.96.1 on port 587, 5.9.1", None, None);
        check("the limit of 4500 messages and 12.550 bytes", None, None);
        check("the 500 messages were refused: 554 no", Some(554), None);
    }
}
