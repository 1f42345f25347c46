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
#[error("template {template}, line {line}, at <{at}>: {cause}")]
pub struct RenderError {
    /// The template in which it stopped (a `define`d one has its own name).
    pub template: String,
    /// The line of the action, from 1.
    pub line: u32,
    /// The expression that failed, as written.
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
