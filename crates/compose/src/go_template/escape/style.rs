//! How text moves a context through CSS: strings, `url(…)`, comments.

use super::super::filter::decode_css;
use super::Problem;
use super::context::{CommentKind, Context, Quote, State, UrlPart};
use super::markup::{after_url, excerpt};

const SPACES: [char; 5] = ['\t', '\n', '\x0c', '\r', ' '];

/// Declarations and selectors, up to a string, URL or comment in them.
pub(super) fn code(context: Context, text: &str) -> (Context, usize) {
    for (at, sign) in text.match_indices(['(', '"', '\'', '/']) {
        let inner = &text[at + 1..];
        match sign {
            "\"" => return (context.with(State::CssText(Quote::Double)), at + 1),
            "'" => return (context.with(State::CssText(Quote::Single)), at + 1),
            "/" if inner.starts_with('/') => {
                return (context.with(State::CssComment(CommentKind::Line)), at + 2);
            }
            "/" if inner.starts_with('*') => {
                return (context.with(State::CssComment(CommentKind::Block)), at + 2);
            }
            "(" if ends_in_url_keyword(&text[..at]) => {
                let spaces = inner.len() - inner.trim_start_matches(SPACES).len();
                return url_start(context, text, at + 1 + spaces);
            }
            _ => {}
        }
    }
    (context, text.len())
}

fn url_start(context: Context, text: &str, at: usize) -> (Context, usize) {
    let (quote, bytes) = match text[at..].chars().next() {
        Some('"') => (Some(Quote::Double), 1),
        Some('\'') => (Some(Quote::Single), 1),
        _ => (None, 0),
    };
    (context.with(State::CssUrl(quote)), at + bytes)
}

/// Whether `code` ends in the word `url` and not in a longer one.
fn ends_in_url_keyword(code: &str) -> bool {
    let code = code.trim_end_matches(SPACES);
    let Some(start) = code.len().checked_sub("url".len()) else {
        return false;
    };
    let is_word = code
        .get(start..)
        .is_some_and(|word| word.eq_ignore_ascii_case("url"));
    is_word && !code[..start].chars().next_back().is_some_and(is_name_char)
}

fn is_name_char(char: char) -> bool {
    char.is_ascii_alphanumeric()
        || matches!(char, '-' | '_')
        || (!char.is_ascii() && char <= '\u{fffd}')
        || char >= '\u{10000}'
}

/// A string or `url(…)`, up to its end. Any string may be a URL.
pub(super) fn text(context: Context, text: &str) -> Result<(Context, usize), Problem> {
    let ends = |char: char| match context.state {
        State::CssText(Quote::Double) | State::CssUrl(Some(Quote::Double)) => char == '"',
        State::CssUrl(None) => char == ')' || SPACES.contains(&char),
        _ => char == '\'',
    };
    let mut context = context;
    let mut unread = 0;
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        if char == '\\' {
            let Some((_, escaped)) = chars.next() else {
                return Err(format!(
                    "unfinished escape sequence in CSS string: {:?}",
                    excerpt(text)
                ));
            };
            // An escape may be longer than this, so it is read again with what follows.
            let end = at + 1 + escaped.len_utf8();
            context = after_url(context, &decode_css(&text[unread..end]));
            unread = at;
        } else if ends(char) {
            // The next string is another URL. Go forgets that, and lets its start pass unchecked.
            let after = Context {
                url: UrlPart::Start,
                ..context
            };
            return Ok((after.with(State::Css), at + 1));
        }
    }
    Ok((after_url(context, &decode_css(&text[unread..])), text.len()))
}

pub(super) fn comment(context: Context, kind: CommentKind, text: &str) -> (Context, usize) {
    let end = match kind {
        CommentKind::Block => text.find("*/").map(|at| at + 2),
        // No standard has line comments, but browsers do.
        CommentKind::Line => text.find(['\n', '\x0c', '\r']),
    };
    match end {
        Some(end) => (context.with(State::Css), end),
        None => (context, text.len()),
    }
}
