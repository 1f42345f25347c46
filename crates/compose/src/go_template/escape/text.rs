//! A template's own text: moves the context on, loses its comments and its stray `<`.

use super::Problem;
use super::attribute;
use super::context::{CommentKind, Context, Delim, Element, State};
use super::markup::{self, closing_tag};

/// `text` as it is sent, and the context after it; or where in it something is wrong.
pub(super) fn rewrite(start: Context, text: &str) -> Result<(String, Context), (usize, Problem)> {
    let mut walk = Walk {
        text,
        written: String::with_capacity(text.len()),
        closing: None,
        edited: false,
    };
    let mut context = start;
    let mut at = 0;
    while at < text.len() {
        let (next, end) = walk.step(context, at).map_err(|problem| (at, problem))?;
        walk.write(context, next, at, end);
        (context, at) = (next, end);
    }
    // A comment that ends where this text starts has left its trace before.
    let written = if walk.edited {
        walk.written
    } else {
        text.to_owned()
    };
    Ok((written, context))
}

struct Walk<'t> {
    text: &'t str,
    written: String,
    /// Where the content of the element that was looked at last ends.
    closing: Option<(Element, Option<usize>)>,
    /// Whether anything past the start is written otherwise than it stands.
    edited: bool,
}

impl Walk<'_> {
    /// The next context and where it begins.
    fn step(&mut self, context: Context, at: usize) -> Result<(Context, usize), Problem> {
        if context.delim != Delim::None {
            let (next, taken) = attribute::value(context, &self.text[at..])?;
            return Ok((next, at + taken));
        }
        let end = match self.closing_from(context.element, at) {
            // A closing tag ends scripts and styles whatever they are in the middle of.
            Some(closing) if closing == at => return Ok((Context::TEXT, at)),
            Some(closing) => closing,
            None => self.text.len(),
        };
        let (next, taken) = markup::step(context, &self.text[at..end])?;
        Ok((next, at + taken))
    }

    /// Where the content of `element` ends, looked for once and not at each step.
    fn closing_from(&mut self, element: Element, at: usize) -> Option<usize> {
        match self.closing {
            Some((held, closing)) if held == element && closing.is_none_or(|place| place >= at) => {
                closing
            }
            _ => {
                let closing = closing_tag(element, &self.text[at..]).map(|place| at + place);
                self.closing = Some((element, closing));
                closing
            }
        }
    }

    fn write(&mut self, context: Context, next: Context, at: usize, end: usize) {
        let passed = &self.text[at..end];
        let opened = if next.state != context.state {
            opener_length(next, passed)
        } else {
            0
        };
        self.edited |= opened > 0;
        let kept = &passed[..passed.len() - opened];
        match context.state {
            State::Text | State::Rcdata => {
                let leaves = next.state != context.state;
                let markup_at = if leaves { passed.rfind('<') } else { None };
                let plain = markup_at.unwrap_or(passed.len()).min(kept.len());
                self.edited |= write_plain(&kept[..plain], &mut self.written);
                self.written.push_str(&kept[plain..]);
            }
            _ if context.is_comment() && context.delim == Delim::None => {
                self.edited |= end > 0;
                self.written
                    .push_str(comment_remains(context.state, passed));
            }
            _ => self.written.push_str(kept),
        }
    }
}

/// How much of `passed`, at its end, opens the comment that comes next. Comments within attributes
/// stay.
fn opener_length(next: Context, passed: &str) -> usize {
    if !next.is_comment() || next.delim != Delim::None {
        return 0;
    }
    if passed.ends_with("<!--") {
        4
    } else if passed.ends_with("-->") {
        3
    } else {
        2
    }
}

/// A comment parts the words around it, and in a script may end a line.
fn comment_remains(state: State, passed: &str) -> &'static str {
    match state {
        State::JsComment(CommentKind::Block) => {
            let breaks = passed.contains(['\n', '\r', '\u{2028}', '\u{2029}']);
            if breaks { "\n" } else { " " }
        }
        State::CssComment(CommentKind::Block) => " ",
        _ => "",
    }
}

/// Writes a `<` that starts no tag as a reference; says whether there was one.
fn write_plain(text: &str, out: &mut String) -> bool {
    const DOCTYPE: &[u8] = b"<!DOCTYPE";
    let mut copied = 0;
    for at in memchr::memchr_iter(b'<', text.as_bytes()) {
        let head = text.as_bytes().get(at..at + DOCTYPE.len());
        if !head.is_some_and(|head| head.eq_ignore_ascii_case(DOCTYPE)) {
            out.push_str(&text[copied..at]);
            out.push_str("&lt;");
            copied = at + 1;
        }
    }
    out.push_str(&text[copied..]);
    copied > 0
}
