//! What is said when something cannot be answered.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use store::StoreError;
use webserver::Refusal;

/// Longest name of an unknown parameter that is repeated, in characters.
const NAME_CHARACTERS_MAX: usize = 60;
/// After how long it is worth asking again when others were before.
const RETRY_AFTER_S: u64 = 5;

/// Why something is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// A parameter or a field of the body is wrong.
    #[error("{field}: {message}")]
    Parameter {
        /// Which.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// There is none such.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The message has nothing of the kind that was asked for.
    #[error("{0}")]
    Nothing(String),
    /// It is there, for others.
    #[error("{0}")]
    NotYours(&'static str),
    /// The route is there, for other methods.
    #[error("this address does not take that method")]
    Method,
    /// The run is not where it can be done.
    #[error("{0}")]
    NotNow(String),
    /// Others do the same, as many as may.
    #[error("too many {0} at the same moment: at most {1}; try again in a while")]
    TooMany(&'static str, usize),
    /// Something that is needed does not do its part.
    #[error("{0}")]
    Unavailable(String),
    /// The store does not do its part.
    #[error("the store cannot be read at the moment")]
    Store(#[from] StoreError),
}

impl Problem {
    /// A parameter or field is wrong.
    pub(crate) fn parameter(field: &str, message: impl Into<String>) -> Self {
        Self::Parameter {
            field: field.chars().take(NAME_CHARACTERS_MAX).collect(),
            message: message.into(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Parameter { .. } => StatusCode::BAD_REQUEST,
            Self::NotFound(_) | Self::Nothing(_) => StatusCode::NOT_FOUND,
            Self::NotYours(_) => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotNow(_) => StatusCode::CONFLICT,
            Self::TooMany(..) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Self::Store(error) = &self {
            // What is wrong with the data file belongs into the log, not on a page.
            tracing::error!(%error, "the dashboard could not be answered");
        }
        let status = self.status();
        let refusal = match self {
            Self::Parameter { field, message } => Refusal::bad_field(field, message),
            Self::TooMany(..) => Refusal::too_many(self.to_string(), RETRY_AFTER_S),
            other => Refusal::new(status, other.to_string()),
        };
        refusal.into_response()
    }
}
