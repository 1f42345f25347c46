//! Attributes: what their values are, and where those end.

use super::super::filter::{AttributeKind, attribute_kind};
use super::Problem;
use super::context::{Attribute, Context, Delim, Element, State};
use super::{entity, markup};

/// The attribute called `name` of an `element`.
pub(super) fn named(name: &str, element: Element) -> Attribute {
    let name = name.to_lowercase();
    if element == Element::Script && name == "type" {
        return Attribute::ScriptType;
    }
    match attribute_kind(&name) {
        AttributeKind::Url => Attribute::Url,
        AttributeKind::Css => Attribute::Style,
        AttributeKind::Js => Attribute::Script,
        AttributeKind::Srcset => Attribute::Srcset,
        AttributeKind::Plain | AttributeKind::Reserved => Attribute::Plain,
    }
}

/// Passes over the text of a value, up to its end or the end of the text.
pub(super) fn value(context: Context, text: &str) -> Result<(Context, usize), Problem> {
    let end = text.find(|char| ends_value(context.delim, char));
    let value = &text[..end.unwrap_or(text.len())];
    if context.delim == Delim::Space {
        check_unquoted(value)?;
    }
    let Some(end) = end else {
        return Ok((within(context, value)?, text.len()));
    };
    let not_a_script = context.state == State::Value
        && context.attribute == Attribute::ScriptType
        && !is_script_type(value);
    let element = if not_a_script {
        Element::Ordinary
    } else {
        context.element
    };
    let quote = usize::from(context.delim != Delim::Space);
    Ok((Context::tag(element), end + quote))
}

fn ends_value(delim: Delim, char: char) -> bool {
    match delim {
        Delim::Double => char == '"',
        Delim::Single => char == '\'',
        Delim::Space | Delim::None => matches!(char, ' ' | '\t' | '\n' | '\x0c' | '\r' | '>'),
    }
}

/// Parsers do not agree where such a value ends.
fn check_unquoted(value: &str) -> Result<(), Problem> {
    match value.find(['"', '\'', '<', '=', '`']) {
        Some(at) => Err(format!("{:?} in unquoted attr: {value:?}", &value[at..=at])),
        None => Ok(()),
    }
}

/// The value goes on after `text`: what its language makes of it, with references resolved.
fn within(context: Context, text: &str) -> Result<Context, Problem> {
    let decoded = entity::decode(text);
    let mut context = context;
    let mut rest = decoded.as_ref();
    while !rest.is_empty() {
        let (next, taken) = markup::step(context, rest)?;
        context = next;
        rest = &rest[taken..];
    }
    Ok(context)
}

/// Whether a `<script>` of this type holds JavaScript or JSON.
fn is_script_type(mime: &str) -> bool {
    let essence = mime.split_once(';').map_or(mime, |(essence, _)| essence);
    let essence = essence.trim().to_ascii_lowercase();
    if essence == "module" {
        return true;
    }
    let Some((kind, name)) = essence.split_once('/') else {
        return false;
    };
    match kind {
        "application" => matches!(
            name,
            "ecmascript" | "javascript" | "json" | "ld+json" | "x-ecmascript" | "x-javascript"
        ),
        "text" => matches!(
            name,
            "ecmascript"
                | "javascript"
                | "javascript1.0"
                | "javascript1.1"
                | "javascript1.2"
                | "javascript1.3"
                | "javascript1.4"
                | "javascript1.5"
                | "jscript"
                | "livescript"
                | "x-ecmascript"
                | "x-javascript"
        ),
        _ => false,
    }
}
