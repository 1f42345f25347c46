//! The filters that make a value safe for its place in an HTML document. Which ones an action
//! needs is decided when the template is parsed; here they are applied.

mod css;
mod html;
mod js;
mod url;

use super::builtins;
use super::datum::Datum;
use super::format;

pub(super) use css::decode as decode_css;
pub(super) use html::{AttributeKind, attribute_kind};

/// What stands in for a value that is not safe in its place.
const REFUSED: &str = "ZgotmplZ";

/// One step between a value and the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Filter {
    /// HTML text, and attributes in quotes.
    Html,
    /// Attributes without quotes.
    Unquoted,
    /// The name of an attribute.
    AttributeName,
    /// A comment: nothing is written.
    Comment,
    CssText,
    CssValue,
    JsValue,
    JsText,
    JsRegexp,
    /// The start of a URL: refuses schemes that run code.
    UrlScheme,
    /// A URL as a whole: keeps what is reserved.
    UrlPath,
    /// A part of a URL's query: encodes what is reserved.
    UrlQuery,
    Srcset,
    /// The template's own `html` in place of [`Filter::Html`].
    OwnHtml,
    /// The template's own `urlquery` in place of a URL filter.
    OwnQuery,
}

/// Two buffers for the filters of one action to pass text between.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    from: String,
    to: String,
}

/// Prints `datum` through `filters` to the end of `out`.
pub(super) fn apply(
    filters: &[Filter],
    datum: &Datum<'_>,
    scratch: &mut Scratch,
    out: &mut String,
) {
    let Some((first, rest)) = filters.split_first() else {
        if !datum.is_nothing() {
            format::value(datum, out);
        }
        return;
    };
    if rest.is_empty() {
        return start(*first, datum, &mut scratch.from, out);
    }
    scratch.to.clear();
    start(*first, datum, &mut scratch.from, &mut scratch.to);
    for (nth, filter) in rest.iter().enumerate() {
        std::mem::swap(&mut scratch.from, &mut scratch.to);
        if nth + 1 == rest.len() {
            text(*filter, &scratch.from, out);
        } else {
            scratch.to.clear();
            text(*filter, &scratch.from, &mut scratch.to);
        }
    }
}

/// The first filter sees the value itself: JavaScript tells numbers from text.
fn start(filter: Filter, datum: &Datum<'_>, printed: &mut String, out: &mut String) {
    if filter == Filter::JsValue {
        return js::value(datum, out);
    }
    if let Some(plain) = datum.text() {
        return text(filter, plain, out);
    }
    printed.clear();
    if !datum.is_nothing() {
        format::value(datum, printed);
    }
    text(filter, printed, out);
}

fn text(filter: Filter, input: &str, out: &mut String) {
    match filter {
        Filter::Html => html::text(input, out),
        Filter::Unquoted => html::unquoted(input, out),
        Filter::AttributeName => html::attribute_name(input, out),
        Filter::Comment => {}
        Filter::CssText => css::text(input, out),
        Filter::CssValue => css::value(input, out),
        Filter::JsValue => js::value(&Datum::Str(input), out),
        Filter::JsText => js::text(input, out),
        Filter::JsRegexp => js::regexp(input, out),
        Filter::UrlScheme => url::scheme(input, out),
        Filter::UrlPath => url::path(input, out),
        Filter::UrlQuery => url::query(input, out),
        Filter::Srcset => url::srcset(input, out),
        Filter::OwnHtml => builtins::html(input, out),
        Filter::OwnQuery => builtins::query(input, out),
    }
}

/// Copies `input` with each byte that `replace` knows replaced; only ASCII may be known.
fn replace_bytes(input: &str, out: &mut String, replace: impl Fn(u8) -> Option<&'static str>) {
    let mut copied = 0;
    for (at, byte) in input.bytes().enumerate() {
        if let Some(replacement) = replace(byte) {
            out.push_str(&input[copied..at]);
            out.push_str(replacement);
            copied = at + 1;
        }
    }
    out.push_str(&input[copied..]);
}
