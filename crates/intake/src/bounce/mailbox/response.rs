//! The server's answers, read from their lines.

use crate::bounce::news::one_line;

/// Longest text of a server that we repeat, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// One answer: its line, in which `{n}` stands where a literal was, and the literals.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    pub line: String,
    pub literals: Vec<Vec<u8>>,
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completion {
    Ok,
    /// NO or BAD, and why.
    Refused(Box<str>),
}

impl Response {
    /// The completion of the command with this tag, if this is it.
    pub fn completion(&self, tag: &str) -> Option<Completion> {
        let rest = self.line.strip_prefix(tag)?.strip_prefix(' ')?;
        let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match word.to_ascii_uppercase().as_str() {
            "OK" => Some(Completion::Ok),
            "NO" | "BAD" => Some(Completion::Refused(said(text))),
            _ => None,
        }
    }

    /// What follows `* WORD`.
    pub fn untagged(&self, word: &str) -> Option<&str> {
        let rest = self.line.strip_prefix("* ")?;
        let end = rest.find(' ').unwrap_or(rest.len());
        let (first, rest) = rest.split_at(end);
        first
            .eq_ignore_ascii_case(word)
            .then_some(rest.trim_start())
    }

    /// Whether the server wants the rest of the command.
    pub fn is_continuation(&self) -> bool {
        self.line.starts_with('+')
    }

    /// What the server says as it hangs up.
    pub fn goodbye(&self) -> Option<Box<str>> {
        self.untagged("BYE").map(said)
    }

    /// A number in a code, as in `* OK [UIDNEXT 5]`.
    pub fn code_number(&self, name: &str) -> Option<u32> {
        let inside = self.untagged("OK")?.strip_prefix('[')?.split(']').next()?;
        let (word, number) = inside.split_once(' ')?;
        word.eq_ignore_ascii_case(name)
            .then(|| number.trim().parse().ok())
            .flatten()
    }

    /// The numbers of `* SEARCH 2 5`.
    pub fn found(&self) -> Option<impl Iterator<Item = u32>> {
        let numbers = self.untagged("SEARCH")?;
        Some(
            numbers
                .split_ascii_whitespace()
                .filter_map(|number| number.parse().ok()),
        )
    }

    /// UID and body of `* 1 FETCH (UID 5 BODY[]<0> {3}…)`.
    pub fn fetched(self) -> Option<(u32, Vec<u8>)> {
        let rest = self.line.strip_prefix("* ")?;
        let (_, rest) = rest.split_once(' ')?;
        let items = rest
            .get(..5)
            .filter(|word| word.eq_ignore_ascii_case("FETCH"))
            .and(rest.get(5..))?;
        let upper = items.to_ascii_uppercase();
        let digits = |place: usize| {
            upper[place..]
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count()
        };
        let uid = ["(UID ", " UID "].iter().find_map(|word| {
            let start = upper.find(word)? + word.len();
            upper[start..start + digits(start)].parse().ok()
        })?;
        let (_, behind) = items.split_at(upper.find("BODY[")?).1.split_once(' ')?;
        let body = match behind.chars().next()? {
            '{' => self.literals.into_iter().next()?,
            '"' => unquoted(&behind[1..])?.into_bytes(),
            // NIL.
            _ => Vec::new(),
        };
        Some((uid, body))
    }
}

/// What stands before the closing quote.
fn unquoted(text: &str) -> Option<String> {
    let mut characters = text.chars();
    let mut string = String::new();
    loop {
        match characters.next()? {
            '"' => return Some(string),
            '\\' => string.push(characters.next()?),
            c => string.push(c),
        }
    }
}

/// A server's text, fit to be shown.
fn said(text: &str) -> Box<str> {
    one_line(text, TEXT_CHARS_MAX)
}

/// How long the literal is that a line announces at its end: `{12}` (RFC 3501 §4.3).
pub(super) fn literal_length(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let start = inside.iter().rposition(|&byte| byte == b'{')? + 1;
    let digits = std::str::from_utf8(&inside[start..]).ok()?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large for us is a length too large as well.
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(line: &str) -> Response {
        Response {
            line: line.to_owned(),
            literals: vec![b"Hi".to_vec()],
        }
    }

    #[test]
    fn completions_are_those_of_their_tag() {
        assert_eq!(
            response("A1 OK done").completion("A1"),
            Some(Completion::Ok)
        );
        let refused = Some(Completion::Refused("[X] no".into()));
        assert_eq!(response("A1 no [X] no").completion("A1"), refused);
        assert_eq!(response("A2 OK done").completion("A1"), None);
        assert_eq!(response("* OK done").completion("A1"), None);
    }

    #[test]
    fn numbers_are_read_from_codes_and_searches() {
        let code = response("* OK [UIDVALIDITY 1389] UIDs valid");
        assert_eq!(code.code_number("UIDVALIDITY"), Some(1389));
        assert_eq!(code.code_number("UIDNEXT"), None);
        let found: Vec<u32> = response("* SEARCH 2 x 99999999999 5")
            .found()
            .unwrap()
            .collect();
        assert_eq!(found, [2, 5]);
        assert_eq!(response("* search").found().unwrap().count(), 0);
    }

    #[test]
    fn bodies_are_read_from_literals_quotes_and_nil() {
        let fetched = |line| response(line).fetched();
        assert_eq!(
            fetched("* 1 FETCH (UID 5 BODY[]<0> {2})"),
            Some((5, b"Hi".to_vec()))
        );
        assert_eq!(
            fetched("* 1 fetch (body[]<0> {2} uid 7)"),
            Some((7, b"Hi".to_vec()))
        );
        assert_eq!(
            fetched(r#"* 1 FETCH (UID 5 BODY[] "a\"b")"#),
            Some((5, b"a\"b".to_vec()))
        );
        assert_eq!(
            fetched("* 1 FETCH (UID 5 BODY[]<0> NIL)"),
            Some((5, Vec::new()))
        );
        assert_eq!(fetched("* 1 FETCH (FLAGS ())"), None);
        assert_eq!(fetched("* 1 FETCH (UID 5 BODY["), None);
        assert_eq!(fetched("* 1 FÉTCH"), None);
    }

    #[test]
    fn literals_are_announced_at_the_end_of_a_line_only() {
        assert_eq!(literal_length(b"BODY[] {12}"), Some(12));
        assert_eq!(literal_length(b"{99999999999999999999999}"), Some(u64::MAX));
        for line in [&b"{}"[..], b"{12} x", b"{1x}", b"12}", b""] {
            assert_eq!(literal_length(line), None);
        }
    }
}
