//! Character references within attribute values, as far as they can change a context.

use std::borrow::Cow;

/// Named references to ASCII. Those marked need no semicolon.
const NAMED: [(&str, char, Ending); 50] = [
    ("amp", '&', Ending::Open),
    ("AMP", '&', Ending::Open),
    ("lt", '<', Ending::Open),
    ("LT", '<', Ending::Open),
    ("gt", '>', Ending::Open),
    ("GT", '>', Ending::Open),
    ("quot", '"', Ending::Open),
    ("QUOT", '"', Ending::Open),
    ("apos", '\'', Ending::Closed),
    ("Tab", '\t', Ending::Closed),
    ("NewLine", '\n', Ending::Closed),
    ("excl", '!', Ending::Closed),
    ("num", '#', Ending::Closed),
    ("dollar", '$', Ending::Closed),
    ("percnt", '%', Ending::Closed),
    ("lpar", '(', Ending::Closed),
    ("rpar", ')', Ending::Closed),
    ("ast", '*', Ending::Closed),
    ("midast", '*', Ending::Closed),
    ("plus", '+', Ending::Closed),
    ("comma", ',', Ending::Closed),
    ("period", '.', Ending::Closed),
    ("sol", '/', Ending::Closed),
    ("colon", ':', Ending::Closed),
    ("semi", ';', Ending::Closed),
    ("equals", '=', Ending::Closed),
    ("quest", '?', Ending::Closed),
    ("commat", '@', Ending::Closed),
    ("lsqb", '[', Ending::Closed),
    ("lbrack", '[', Ending::Closed),
    ("bsol", '\\', Ending::Closed),
    ("rsqb", ']', Ending::Closed),
    ("rbrack", ']', Ending::Closed),
    ("Hat", '^', Ending::Closed),
    ("lowbar", '_', Ending::Closed),
    ("UnderBar", '_', Ending::Closed),
    ("grave", '`', Ending::Closed),
    ("DiacriticalGrave", '`', Ending::Closed),
    ("lcub", '{', Ending::Closed),
    ("lbrace", '{', Ending::Closed),
    ("verbar", '|', Ending::Closed),
    ("vert", '|', Ending::Closed),
    ("VerticalLine", '|', Ending::Closed),
    ("rcub", '}', Ending::Closed),
    ("rbrace", '}', Ending::Closed),
    ("nbsp", '\u{a0}', Ending::Open),
    ("NonBreakingSpace", '\u{a0}', Ending::Closed),
    ("ensp", '\u{2002}', Ending::Closed),
    ("emsp", '\u{2003}', Ending::Closed),
    ("thinsp", '\u{2009}', Ending::Closed),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Closed,
}

/// What all other names stand for here: some letter beyond ASCII, which is all that matters to
/// the languages of attributes.
const LETTER: char = 'é';

/// `text` with its references resolved.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, reference)) = rest.split_once('&') {
        out.push_str(plain);
        let decoded = match reference.strip_prefix('#') {
            Some(digits) => numeric(digits),
            None => named(reference),
        };
        rest = match decoded {
            Some((char, tail)) => {
                out.push(char);
                tail
            }
            None => {
                out.push('&');
                reference
            }
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character of `&#…` and what follows it.
fn numeric(digits: &str) -> Option<(char, &str)> {
    let hex = digits.strip_prefix(['x', 'X']);
    let (digits, radix) = hex.map_or((digits, 10), |hex| (hex, 16));
    let length = digits
        .find(|char: char| !char.is_digit(radix))
        .unwrap_or(digits.len());
    if length == 0 {
        return None;
    }
    let code = u32::from_str_radix(&digits[..length], radix).unwrap_or(u32::MAX);
    let char = match code {
        0 => '\u{fffd}',
        // The old Windows characters between, all beyond ASCII.
        0x80..=0x9f => LETTER,
        _ => char::from_u32(code).unwrap_or('\u{fffd}'),
    };
    Some((char, after_semicolon(&digits[length..])))
}

fn named(reference: &str) -> Option<(char, &str)> {
    let length = reference
        .find(|char: char| !char.is_ascii_alphanumeric())
        .unwrap_or(reference.len());
    let (name, tail) = reference.split_at(length);
    let closed = tail.starts_with(';');
    let exact = NAMED
        .iter()
        .find(|(known, _, ending)| *known == name && (closed || *ending == Ending::Open));
    if let Some((_, char, _)) = exact {
        return Some((*char, after_semicolon(tail)));
    }
    if closed && length > 0 {
        return Some((LETTER, after_semicolon(tail)));
    }
    let open = NAMED
        .iter()
        .find(|(known, _, ending)| *ending == Ending::Open && name.starts_with(known));
    open.map(|(known, char, _)| (*char, &reference[known.len()..]))
}

fn after_semicolon(tail: &str) -> &str {
    tail.strip_prefix(';').unwrap_or(tail)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn references_resolve_with_and_without_semicolon() {
        assert_eq!(decode("a&quot;b&#39;c&#x3f;d&amp"), "a\"b'c?d&");
        assert_eq!(decode("?a=1&b=2&ampc"), "?a=1&b=2&c");
        assert_eq!(decode("&#;&"), "&#;&");
    }
}
