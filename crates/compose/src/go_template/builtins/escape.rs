//! `html`, `js` and `urlquery`: the escapers a template may call by name.

use std::fmt::Write as _;

use super::super::format::is_printable;

/// Escapes for HTML text. Unlike the contextual filter it leaves `+` alone.
pub(in super::super) fn html(text: &str, out: &mut String) {
    for char in text.chars() {
        match char {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(char),
        }
    }
}

/// Escapes for a URL's query: a space becomes `+`.
pub(in super::super) fn query(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => write_hex(byte, out),
        }
    }
}

fn write_hex(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// Escapes for a JavaScript string.
pub(super) fn js(text: &str, out: &mut String) {
    for char in text.chars() {
        match char {
            '\\' => out.push_str(r"\\"),
            '\'' => out.push_str(r"\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => write_code(char, out),
            _ if char.is_ascii() || is_printable(char) => out.push(char),
            _ => write_code(char, out),
        }
    }
}

fn write_code(char: char, out: &mut String) {
    // A String takes every write.
    let _ = write!(out, "\\u{:04X}", u32::from(char));
}
