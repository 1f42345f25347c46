//! How text moves a context through JavaScript: strings, comments, regular expressions.

use super::Problem;
use super::context::{CommentKind, Context, Quote, Slash, State};
use super::markup::excerpt;

/// Code, up to a string, comment or regular expression in it.
pub(super) fn code(context: Context, text: &str) -> Result<(Context, usize), Problem> {
    let Some((at, opener)) = opener(text) else {
        return Ok((
            Context {
                slash: slash_after(text, context.slash),
                ..context
            },
            text.len(),
        ));
    };
    let slash = slash_after(&text[..at], context.slash);
    let regexp_next = Context {
        slash: Slash::Regexp,
        ..context
    };
    match opener {
        Opener::Quote(quote) => Ok((regexp_next.with(State::JsText(quote)), at + 1)),
        Opener::Comment(kind, bytes) => Ok((
            Context { slash, ..context }.with(State::JsComment(kind)),
            at + bytes,
        )),
        Opener::Slash => match slash {
            Slash::Regexp => Ok((regexp_next.with(State::JsRegexp), at + 1)),
            Slash::Division => Ok((regexp_next, at + 1)),
            Slash::Unknown => Err(format!(
                "'/' could start a division or regexp: {:?}",
                excerpt(&text[at..])
            )),
        },
    }
}

enum Opener {
    Quote(Quote),
    /// With the length of what opens it.
    Comment(CommentKind, usize),
    Slash,
}

/// The first thing in `text` that is not plain code. `<!--`, `-->` and `#!` open line comments to
/// browsers. (In Go since 1.21.1, CVE-2023-39318.)
fn opener(text: &str) -> Option<(usize, Opener)> {
    text.match_indices(['"', '\'', '`', '/', '<', '-', '#'])
        .find_map(|(at, _)| {
            let rest = &text[at..];
            let opener = match rest.as_bytes() {
                [b'"', ..] => Opener::Quote(Quote::Double),
                [b'\'', ..] => Opener::Quote(Quote::Single),
                [b'`', ..] => Opener::Quote(Quote::Back),
                [b'/', b'/', ..] => Opener::Comment(CommentKind::Line, 2),
                [b'/', b'*', ..] => Opener::Comment(CommentKind::Block, 2),
                [b'/', ..] => Opener::Slash,
                _ if rest.starts_with("<!--") => Opener::Comment(CommentKind::Line, 4),
                _ if rest.starts_with("-->") => Opener::Comment(CommentKind::Line, 3),
                _ if rest.starts_with("#!") => Opener::Comment(CommentKind::Line, 2),
                _ => return None,
            };
            Some((at, opener))
        })
}

/// A string or regular expression, up to its end.
pub(super) fn literal(context: Context, text: &str) -> Result<(Context, usize), Problem> {
    let regexp = context.state == State::JsRegexp;
    let delimiter = match context.state {
        State::JsText(Quote::Double) => '"',
        State::JsText(Quote::Single) => '\'',
        State::JsText(Quote::Back) => '`',
        _ => '/',
    };
    let mut in_set = false;
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' if chars.next().is_none() => {
                return Err(format!(
                    "unfinished escape sequence in JS string: {:?}",
                    excerpt(text)
                ));
            }
            '[' if regexp => in_set = true,
            ']' if regexp => in_set = false,
            _ if char == delimiter && !in_set => {
                let after = Context {
                    slash: Slash::Division,
                    ..context
                };
                return Ok((after.with(State::Js), at + 1));
            }
            _ => {}
        }
    }
    if in_set {
        return Err(format!("unfinished JS regexp charset: {:?}", excerpt(text)));
    }
    Ok((context, text.len()))
}

pub(super) fn comment(context: Context, kind: CommentKind, text: &str) -> (Context, usize) {
    let end = match kind {
        CommentKind::Block => text.find("*/").map(|at| at + 2),
        // The end of the line is not part of the comment.
        CommentKind::Line => text.find(['\n', '\r', '\u{2028}', '\u{2029}']),
    };
    match end {
        Some(end) => (context.with(State::Js), end),
        None => (context, text.len()),
    }
}

/// What a slash after `code` would mean: after a value it divides, elsewhere it starts a regular
/// expression.
fn slash_after(code: &str, before: Slash) -> Slash {
    let code = code.trim_end_matches(is_space);
    let bytes = code.as_bytes();
    match bytes.last() {
        None => before,
        Some(sign @ (b'+' | b'-')) => {
            // `x++ / y` divides, `x + /y/` does not, and `---` is `-- -`.
            let run = bytes.iter().rev().take_while(|byte| *byte == sign).count();
            if run % 2 == 1 {
                Slash::Regexp
            } else {
                Slash::Division
            }
        }
        Some(b'.') => {
            let after_digit = bytes.iter().rev().nth(1).is_some_and(u8::is_ascii_digit);
            if after_digit {
                Slash::Division
            } else {
                Slash::Regexp
            }
        }
        Some(
            b',' | b'<' | b'>' | b'=' | b'*' | b'%' | b'&' | b'|' | b'^' | b'?' | b'!' | b'~'
            | b'(' | b'[' | b':' | b';' | b'{' | b'}',
        ) => Slash::Regexp,
        Some(_) if ends_in_prefix_word(code) => Slash::Regexp,
        Some(_) => Slash::Division,
    }
}

/// Words after which an expression starts.
fn ends_in_prefix_word(code: &str) -> bool {
    let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '$' | '_');
    let word = &code[code.trim_end_matches(is_part).len()..];
    matches!(
        word,
        "break"
            | "case"
            | "continue"
            | "delete"
            | "do"
            | "else"
            | "finally"
            | "in"
            | "instanceof"
            | "return"
            | "throw"
            | "try"
            | "typeof"
            | "void"
    )
}

/// What JavaScript calls white space. (Go knows all of it since 1.19.9, CVE-2023-24540.)
fn is_space(char: char) -> bool {
    matches!(
        char,
        '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202f}'
                | '\u{205f}'
                | '\u{3000}'
                | '\u{feff}'
    )
}
