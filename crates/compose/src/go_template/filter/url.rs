//! URLs and lists of them.

use std::fmt::Write as _;

use super::REFUSED;

/// Lets a URL pass if it is relative or of a scheme that does no harm.
pub(super) fn scheme(input: &str, out: &mut String) {
    if is_safe(input) {
        out.push_str(input);
    } else {
        out.push('#');
        out.push_str(REFUSED);
    }
}

fn is_safe(url: &str) -> bool {
    match url.split_once(':') {
        Some((scheme, _)) if !scheme.contains('/') => ["http", "https", "mailto"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known)),
        _ => true,
    }
}

/// A URL as a whole: reserved characters and what is already encoded stay.
pub(super) fn path(input: &str, out: &mut String) {
    let bytes = input.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    encode(input, out, |at, byte| match byte {
        b'%' => hex(at + 1) && hex(at + 2),
        _ => b"!#$&*+,/:;=?@[]".contains(&byte),
    });
}

/// A part of a query: all that is reserved is encoded.
pub(super) fn query(input: &str, out: &mut String) {
    encode(input, out, |_, _| false);
}

fn encode(input: &str, out: &mut String, keeps: impl Fn(usize, u8) -> bool) {
    let mut copied = 0;
    for (at, byte) in input.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keeps(at, byte) {
            continue;
        }
        out.push_str(input.get(copied..at).unwrap_or_default());
        // A String takes every write.
        let _ = write!(out, "%{byte:02x}");
        copied = at + 1;
    }
    out.push_str(&input[copied..]);
}

/// A `srcset`: URLs with a size each, separated by commas.
pub(super) fn srcset(input: &str, out: &mut String) {
    for (nth, source) in input.split(',').enumerate() {
        if nth > 0 {
            out.push(',');
        }
        srcset_source(source, out);
    }
}

fn srcset_source(source: &str, out: &mut String) {
    let url_at = source.len() - source.trim_start_matches(is_space).len();
    let (space, rest) = source.split_at(url_at);
    let (url, size) = rest.split_at(rest.find(is_space).unwrap_or(rest.len()));
    if is_safe(url)
        && size
            .chars()
            .all(|c| is_space(c) || c.is_ascii_alphanumeric())
    {
        out.push_str(space);
        path(url, out);
        out.push_str(size);
    } else {
        out.push('#');
        out.push_str(REFUSED);
    }
}

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\x0c' | '\r')
}
