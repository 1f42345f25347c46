//! Values and strings in style sheets and `style` attributes.

use super::REFUSED;

/// Inside a CSS string: whatever has a meaning is a hexadecimal escape.
pub(super) fn text(input: &str, out: &mut String) {
    let mut rest = input.chars();
    while let Some(char) = rest.next() {
        let Some(escape) = escape(char) else {
            out.push(char);
            continue;
        };
        out.push_str(escape);
        let runs_on = rest
            .as_str()
            .bytes()
            .next()
            .is_none_or(|next| next.is_ascii_hexdigit() || is_space(next));
        if char != '\\' && runs_on {
            out.push(' ');
        }
    }
}

fn escape(char: char) -> Option<&'static str> {
    Some(match char {
        '\0' => r"\0",
        '\t' => r"\9",
        '\n' => r"\a",
        '\x0c' => r"\c",
        '\r' => r"\d",
        '"' => r"\22",
        '&' => r"\26",
        '\'' => r"\27",
        '(' => r"\28",
        ')' => r"\29",
        '+' => r"\2b",
        '/' => r"\2f",
        ':' => r"\3a",
        ';' => r"\3b",
        '<' => r"\3c",
        '>' => r"\3e",
        '\\' => r"\\",
        '{' => r"\7b",
        '}' => r"\7d",
        _ => return None,
    })
}

/// A value such as a colour, a size or a keyword; anything that could reach further is refused.
/// `<` and `>` are among it. (In Go since 1.19.9, CVE-2023-24539.)
pub(super) fn value(input: &str, out: &mut String) {
    let decoded = decode(input);
    out.push_str(if is_plain_value(&decoded) {
        &decoded
    } else {
        REFUSED
    });
}

fn is_plain_value(value: &str) -> bool {
    let reaches_further = |c: char| {
        matches!(
            c,
            '\0' | '"'
                | '\''
                | '('
                | ')'
                | '/'
                | ';'
                | '@'
                | '['
                | '\\'
                | ']'
                | '`'
                | '{'
                | '}'
                | '<'
                | '>'
        )
    };
    if value.contains(reaches_further) || value.contains("--") {
        return false;
    }
    let letters: String = value
        .chars()
        .filter(|char| char.is_ascii_alphanumeric() || *char == '_')
        .map(|char| char.to_ascii_lowercase())
        .collect();
    // Old browsers ran the code in these.
    !letters.contains("expression") && !letters.contains("mozbinding")
}

/// `text` without its CSS escapes: `\22` is `"`.
pub(in super::super) fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        rest = decode_one(escaped, &mut out);
    }
    out.push_str(rest);
    out
}

/// Decodes the escape after a backslash, and gives back what follows it.
fn decode_one<'t>(escaped: &'t str, out: &mut String) -> &'t str {
    let hex = escaped
        .bytes()
        .take(6)
        .take_while(u8::is_ascii_hexdigit)
        .count();
    if hex == 0 {
        let mut chars = escaped.chars();
        out.extend(chars.next());
        return chars.as_str();
    }
    let code = |digits: usize| u32::from_str_radix(&escaped[..digits], 16).unwrap_or_default();
    let past_unicode = code(hex) > u32::from(char::MAX);
    let digits = if past_unicode { hex - 1 } else { hex };
    out.push(char::from_u32(code(digits)).unwrap_or('\u{fffd}'));
    skip_space(&escaped[digits..])
}

/// One white space after a hexadecimal escape belongs to it.
fn skip_space(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix("\r\n") {
        return rest;
    }
    match text.bytes().next() {
        Some(byte) if is_space(byte) => &text[1..],
        _ => text,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r')
}
