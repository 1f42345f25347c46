//! What a draft cannot say, told by the field as its client wrote it.

use std::borrow::Cow;

use model::FieldError;

const MISSING: &str = "is missing";

/// A field of a draft cannot be what it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct DraftError {
    /// The field, as in `subject`, `to[2]`, `headers.X-Note` or `attachments[0].filename`.
    pub field: String,
    /// What is wrong, and what would be right. It never repeats a value.
    pub problem: Cow<'static, str>,
}

impl DraftError {
    /// The error of a field.
    pub(super) fn new(field: impl Into<String>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// A field that must be there is not.
    pub(super) fn missing(field: &str) -> Self {
        Self::new(field, MISSING)
    }

    /// The error of a field of the attachment at `index`; that of the whole item has the list's own name.
    pub(super) fn of_attachment(index: usize, error: FieldError) -> Self {
        match error.field {
            "attachments" => Self::new(format!("attachments[{index}]"), error.problem),
            field => Self::new(format!("attachments[{index}].{field}"), error.problem),
        }
    }

    /// Whether the field is one that must be there and is not.
    pub fn is_missing(&self) -> bool {
        self.problem == MISSING
    }
}
