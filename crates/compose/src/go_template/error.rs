//! What can go wrong with a template: it does not parse, or it does not render.

use thiserror::Error;

/// A template that cannot be used, found before anything is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("template {template}, line {line}: {problem}")]
pub struct ParseError {
    /// The name the template was parsed under.
    pub template: String,
    /// The line of the problem, from 1.
    pub line: u32,
    /// What is wrong, in words.
    pub problem: String,
}

/// A render that stopped. The output is left as it was before the render.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("template {template}, line {line}{}: {cause}", shown_place(at))]
pub struct RenderError {
    /// The template in which it stopped (a `define`d one has its own name).
    pub template: String,
    /// The line of the action, from 1.
    pub line: u32,
    /// The expression that failed, as written; empty where a limit was reached between them.
    pub at: String,
    /// Why.
    pub cause: RenderCause,
}

/// Why a render stopped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RenderCause {
    /// The data has no such field, and the caller asked for an error.
    #[error("field {0:?} is missing from the data")]
    MissingField(String),
    /// The template asks something that the data cannot give.
    #[error("{0}")]
    Failed(String),
    /// A bound of [`super::Limits`] was reached.
    #[error("{0}")]
    Limit(LimitReached),
}

/// Which bound stopped a render.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LimitReached {
    /// `output_bytes_max`.
    #[error("the output is larger than its limit of {0} bytes")]
    Output(usize),
    /// `steps_max`.
    #[error("the template takes more than its limit of {0} steps")]
    Steps(u64),
    /// `template_depth_max`.
    #[error("templates call each other deeper than the limit of {0}")]
    TemplateDepth(u32),
    /// The nesting of blocks and calls together.
    #[error("blocks and calls nest deeper than the limit of {0}")]
    Nesting(u32),
}

/// How many characters of a template an error quotes.
const QUOTED_CHARS_MAX: usize = 200;

impl ParseError {
    pub(super) fn new(template: &str, line: u32, problem: String) -> Self {
        let problem = excerpt(&problem, QUOTED_CHARS_MAX).to_owned();
        Self {
            template: template.to_owned(),
            line,
            problem,
        }
    }
}

impl RenderError {
    pub(super) fn new(template: &str, line: u32, at: &str, cause: RenderCause) -> Self {
        let at = excerpt(at, QUOTED_CHARS_MAX).to_owned();
        Self {
            template: template.to_owned(),
            line,
            at,
            cause,
        }
    }
}

fn shown_place(at: &str) -> String {
    if at.is_empty() {
        String::new()
    } else {
        format!(", at <{at}>")
    }
}

/// The first `chars` characters of `text`.
pub(super) fn excerpt(text: &str, chars: usize) -> &str {
    text.char_indices()
        .nth(chars)
        .map_or(text, |(at, _)| &text[..at])
}
