//! Quoted text, as `%q` writes it.

use std::fmt::Write as _;

/// Whether Go prints `char` as it is: letters, marks, numbers, punctuation, symbols, and the
/// ASCII space.
pub(in super::super) fn is_printable(char: char) -> bool {
    if char.is_ascii() {
        return matches!(char, ' '..='~');
    }
    // The standard library keeps its table of printable characters to itself, but shows it here;
    // a letter in front keeps combining marks from being escaped for standing first.
    let mut buffer = [b'a'; 5];
    let bytes = 1 + char.encode_utf8(&mut buffer[1..]).len();
    let text = std::str::from_utf8(&buffer[..bytes]).unwrap_or_default();
    text.escape_debug().nth(1) == Some(char)
}

/// Whether `text` can stand between backquotes.
pub(super) fn can_backquote(text: &str) -> bool {
    !text.chars().any(|char| {
        char == '`' || char == '\u{feff}' || char == '\x7f' || (char < ' ' && char != '\t')
    })
}

/// Which characters may stand as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Ascii,
    Unicode,
}

/// `text` between `quote`s, with Go's escapes.
pub(super) fn quoted(text: &str, quote: char, charset: Charset) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for char in text.chars() {
        push_escaped(&mut out, char, quote, charset);
    }
    out.push(quote);
    out
}

fn push_escaped(out: &mut String, char: char, quote: char, charset: Charset) {
    let simple = match char {
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x0b' => "\\v",
        '\\' => "\\\\",
        _ => "",
    };
    let code = u32::from(char);
    // A String takes every write.
    let _ = match char {
        _ if !simple.is_empty() => out.write_str(simple),
        _ if char == quote => write!(out, "\\{char}"),
        _ if is_printable(char) && (char.is_ascii() || charset == Charset::Unicode) => {
            out.write_char(char)
        }
        '\0'..='\x1f' | '\x7f' => write!(out, "\\x{code:02x}"),
        _ if code < 0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}
