//! Values, strings and regular expressions in scripts and event handlers.

use std::fmt::Write as _;

use super::super::datum::Datum;
use super::super::format;

/// A value as a JavaScript expression: JSON, with spaces around what could join a word before or
/// after it.
pub(super) fn value(datum: &Datum<'_>, out: &mut String) {
    let padded = !matches!(
        datum,
        Datum::Str(_) | Datum::Made(_) | Datum::List(_) | Datum::Map(_)
    );
    if let Datum::Float(number) = datum
        && !number.is_finite()
    {
        out.push_str(" null ");
        return;
    }
    if padded {
        // A negative number starts with no word character, but ends with one.
        out.push(' ');
    }
    json(datum, out);
    if padded {
        out.push(' ');
    }
}

fn json(datum: &Datum<'_>, out: &mut String) {
    match datum {
        Datum::Absent | Datum::Nil => out.push_str("null"),
        Datum::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Datum::Float(number) => out.push_str(&format::shortest_json(*number)),
        Datum::Int(_) | Datum::Byte(_) => format::value(datum, out),
        Datum::Str(text) => json_text(text, out),
        Datum::Made(text) => json_text(text, out),
        Datum::List(items) => {
            out.push('[');
            for (nth, item) in items.iter().enumerate() {
                out.push_str(if nth > 0 { "," } else { "" });
                json(&Datum::from(item), out);
            }
            out.push(']');
        }
        Datum::Map(map) => {
            out.push('{');
            for (nth, (name, value)) in map.iter().enumerate() {
                out.push_str(if nth > 0 { "," } else { "" });
                json_text(name, out);
                out.push(':');
                json(&Datum::from(value), out);
            }
            out.push('}');
        }
    }
}

fn json_text(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => push_code(char, out),
            _ => out.push(char),
        }
    }
    out.push('"');
}

fn push_code(char: char, out: &mut String) {
    // A String takes every write.
    let _ = write!(out, "\\u{:04x}", u32::from(char));
}

/// Inside a string between quotes; also safe within an attribute.
pub(super) fn text(input: &str, out: &mut String) {
    for char in input.chars() {
        match char {
            '\\' => out.push_str(r"\\"),
            '/' => out.push_str(r"\/"),
            '"' | '\'' | '`' | '&' | '+' | '<' | '>' => push_code(char, out),
            _ => push_plain(char, out),
        }
    }
}

/// Inside a regular expression: the value matches itself.
pub(super) fn regexp(input: &str, out: &mut String) {
    if input.is_empty() {
        // Two slashes with nothing between them would start a comment.
        out.push_str("(?:)");
        return;
    }
    for char in input.chars() {
        match char {
            '$' | '(' | ')' | '*' | '-' | '.' | '/' | '?' | '[' | '\\' | ']' | '^' | '{' | '|'
            | '}' => {
                out.push('\\');
                out.push(char);
            }
            '"' | '\'' | '&' | '+' | '<' | '>' => push_code(char, out),
            // In Go the backquote passes here; within an attribute it is a quote to old browsers.
            _ => push_plain(char, out),
        }
    }
}

fn push_plain(char: char, out: &mut String) {
    match char {
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\x0c' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => push_code(char, out),
        _ => out.push(char),
    }
}
