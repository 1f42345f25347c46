//! HTML text, attribute values and attribute names.

use std::fmt::Write as _;

use super::{REFUSED, replace_bytes};

/// HTML text and attributes in quotes.
pub(super) fn text(input: &str, out: &mut String) {
    replace_bytes(input, out, |byte| match byte {
        b'\0' => Some("\u{fffd}"),
        b'"' => Some("&#34;"),
        b'&' => Some("&amp;"),
        b'\'' => Some("&#39;"),
        b'+' => Some("&#43;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        _ => None,
    });
}

/// Attributes without quotes: whatever could end the value is a reference.
///
/// An empty value would make the next attribute the value, so it is refused. (Go does so since
/// 1.19.9, CVE-2023-29400.)
pub(super) fn unquoted(input: &str, out: &mut String) {
    if input.is_empty() {
        out.push_str(REFUSED);
        return;
    }
    for char in input.chars() {
        match char {
            '\0' => out.push_str("&#xfffd;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ' | '"' | '\'' | '+' | '=' | '`' => {
                // A String takes every write.
                let _ = write!(out, "&#{};", u32::from(char));
            }
            '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{ffff}' => {
                let _ = write!(out, "&#x{:x};", u32::from(char));
            }
            _ => out.push(char),
        }
    }
}

/// The name of an attribute: plain letters and digits that are no attribute of special meaning.
pub(super) fn attribute_name(input: &str, out: &mut String) {
    let name = input.to_lowercase();
    let plain = !name.is_empty()
        && attribute_kind(&name) == AttributeKind::Plain
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    out.push_str(if plain { &name } else { REFUSED });
}

/// What the value of an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum AttributeKind {
    Plain,
    Url,
    Css,
    Js,
    Srcset,
    /// It says how other content is read, or holds a document: no template may choose its name.
    Reserved,
}

/// The kind of the attribute with this lower-case name.
pub(in super::super) fn attribute_kind(name: &str) -> AttributeKind {
    let name = match (name.strip_prefix("data-"), name.split_once(':')) {
        (Some(short), _) => short,
        (None, Some(("xmlns", _))) => return AttributeKind::Url,
        (None, Some((_, short))) => short,
        (None, None) => name,
    };
    match name {
        "action" | "archive" | "background" | "cite" | "classid" | "codebase" | "data"
        | "formaction" | "href" | "icon" | "longdesc" | "manifest" | "poster" | "profile"
        | "src" | "usemap" | "xmlns" => AttributeKind::Url,
        "style" => AttributeKind::Css,
        "srcset" => AttributeKind::Srcset,
        "accept-charset" | "async" | "challenge" | "charset" | "content" | "crossorigin"
        | "defer" | "enctype" | "form" | "formenctype" | "formmethod" | "formnovalidate"
        | "http-equiv" | "keytype" | "language" | "method" | "novalidate" | "pattern" | "rel"
        | "sandbox" | "srcdoc" | "type" | "value" => AttributeKind::Reserved,
        "srclang" => AttributeKind::Plain,
        _ if name.starts_with("on") => AttributeKind::Js,
        // Home-made attributes such as data-image-url hold URLs often enough.
        _ if ["src", "uri", "url"].iter().any(|hint| name.contains(hint)) => AttributeKind::Url,
        _ => AttributeKind::Plain,
    }
}
