//! How text moves a context through HTML: tags, attributes, comments.

use super::super::error;
use super::Problem;
use super::context::{Context, Delim, Element, State, UrlPart};
use super::{attribute, script, style};

/// Takes some of `text`, which is not empty; gives the context after it and how many bytes that
/// was. Makes headway with each call: bytes are taken, or the state changes.
pub(super) fn step(context: Context, text: &str) -> Result<(Context, usize), Problem> {
    match context.state {
        State::Text => Ok(between_tags(context, text)),
        State::Tag => in_tag(context, text),
        State::AttributeName => in_name(context, text),
        State::AfterName => Ok(after_name(context, text)),
        State::BeforeValue => Ok(before_value(context, text)),
        State::Comment => Ok(match text.find("-->") {
            Some(at) => (Context::TEXT, at + 3),
            None => (context, text.len()),
        }),
        State::Rcdata | State::Value => Ok((context, text.len())),
        State::Url | State::Srcset => Ok((after_url(context, text), text.len())),
        State::Js => script::code(context, text),
        State::JsText(_) | State::JsRegexp => script::literal(context, text),
        State::JsComment(kind) => Ok(script::comment(context, kind, text)),
        State::Css => Ok(style::code(context, text)),
        State::CssText(_) | State::CssUrl(_) => style::text(context, text),
        State::CssComment(kind) => Ok(style::comment(context, kind, text)),
    }
}

/// Which part of a URL comes after `text`.
pub(super) fn after_url(context: Context, text: &str) -> Context {
    let url = if text.contains(['#', '?']) {
        UrlPart::Query
    } else if context.url == UrlPart::Start && !text.trim_start_matches(is_space).is_empty() {
        UrlPart::BeforeQuery
    } else {
        context.url
    };
    Context { url, ..context }
}

/// Where an element's content ends: the place of its closing tag in `text`.
pub(super) fn closing_tag(element: Element, text: &str) -> Option<usize> {
    if element == Element::Ordinary {
        return None;
    }
    let name = element.name().as_bytes();
    memchr::memmem::find_iter(text.as_bytes(), "</").find(|at| {
        let tail = &text.as_bytes()[at + 2..];
        tail.len() > name.len()
            && tail[..name.len()].eq_ignore_ascii_case(name)
            && b"> \t\n\x0c/".contains(&tail[name.len()])
    })
}

fn between_tags(context: Context, text: &str) -> (Context, usize) {
    for at in memchr::memchr_iter(b'<', text.as_bytes()) {
        let inner = &text[at + 1..];
        if inner.starts_with("!--") {
            return (Context::TEXT.with(State::Comment), at + 4);
        }
        let (name_at, closes) = match inner.strip_prefix('/') {
            Some(_) => (at + 2, true),
            None => (at + 1, false),
        };
        let name_bytes = tag_name_length(&text[name_at..]);
        if name_bytes > 0 {
            let name = &text[name_at..name_at + name_bytes];
            let element = if closes {
                Element::Ordinary
            } else {
                Element::named(name)
            };
            return (Context::tag(element), name_at + name_bytes);
        }
    }
    (context, text.len())
}

/// A tag's name: a letter, then letters and digits, joined by single `-` or `:`.
fn tag_name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let alphanumeric = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    if !bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        return 0;
    }
    let mut end = 1;
    loop {
        if alphanumeric(end) {
            end += 1;
        } else if matches!(bytes.get(end), Some(b'-' | b':')) && alphanumeric(end + 1) {
            end += 2;
        } else {
            return end;
        }
    }
}

fn in_tag(context: Context, text: &str) -> Result<(Context, usize), Problem> {
    let start = leading_space(text);
    let rest = &text[start..];
    if rest.is_empty() {
        return Ok((context, text.len()));
    }
    if rest.starts_with('>') {
        let inside = Context::TEXT
            .in_element(context)
            .with(context.element.content_state());
        return Ok((inside, start + 1));
    }
    let name = attribute_name(rest)?;
    if name.is_empty() {
        return Err(format!(
            "expected space, attr name, or end of tag, but got {:?}",
            excerpt(rest)
        ));
    }
    let end = start + name.len();
    let state = if end == text.len() {
        State::AttributeName
    } else {
        State::AfterName
    };
    let attribute = attribute::named(name, context.element);
    Ok((
        Context {
            state,
            attribute,
            ..Context::tag(context.element)
        },
        end,
    ))
}

fn in_name(context: Context, text: &str) -> Result<(Context, usize), Problem> {
    let taken = attribute_name(text)?.len();
    let state = if taken == text.len() {
        State::AttributeName
    } else {
        State::AfterName
    };
    Ok((context.with(state), taken))
}

fn after_name(context: Context, text: &str) -> (Context, usize) {
    let start = leading_space(text);
    match text[start..].chars().next() {
        None => (context, text.len()),
        Some('=') => (context.with(State::BeforeValue), start + 1),
        // No value: another attribute, or the end of the tag.
        Some(_) => (context.with(State::Tag), start),
    }
}

fn before_value(context: Context, text: &str) -> (Context, usize) {
    let start = leading_space(text);
    let (delim, quote) = match text[start..].chars().next() {
        None => return (context, text.len()),
        Some('"') => (Delim::Double, 1),
        Some('\'') => (Delim::Single, 1),
        Some(_) => (Delim::Space, 0),
    };
    let state = context.attribute.value_state();
    (
        Context {
            state,
            delim,
            ..context
        },
        start + quote,
    )
}

/// The attribute name at the start of `text`. A quote or `<` in it is a sign of a broken tag.
fn attribute_name(text: &str) -> Result<&str, Problem> {
    let end = text
        .find([' ', '\t', '\n', '\x0c', '\r', '=', '>', '\'', '"', '<'])
        .unwrap_or(text.len());
    match text[end..].chars().next() {
        Some(sign @ ('\'' | '"' | '<')) => Err(format!(
            "{:?} in attribute name: {:?}",
            sign.to_string(),
            excerpt(text)
        )),
        _ => Ok(&text[..end]),
    }
}

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\x0c' | '\r')
}

fn leading_space(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_space).len()
}

/// The start of `text`, short enough for a message.
pub(super) fn excerpt(text: &str) -> &str {
    error::excerpt(text, 32)
}
