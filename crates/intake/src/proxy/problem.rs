//! What is said when a request is not done: always `{"detail": …}`, in the words of the contract.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::FieldError;
use serde::Serialize;
use serde_json::json;
use store::StoreError;

use super::Unanswered;
use super::answer::Json;
use super::object::Place;

/// After how long it is worth asking again while the store cannot be written.
const RETRY_AFTER_S: u64 = 5;

/// Why a request is not done. Nothing of it was, unless it says so.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// Fields of the request are wrong: 422.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<Fault>),
    /// The request as a whole cannot be done: 400.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// None of the messages could be taken: 400 with what is wrong with each.
    #[error("{error}")]
    AllRejected {
        /// In one sentence.
        error: &'static str,
        /// One by one.
        rejected: serde_json::Value,
    },
    /// No token was shown: 401.
    #[error("Invalid or missing API token")]
    NoToken,
    /// A tenant's token, and another tenant is meant: 401.
    #[error("Token not authorized for this tenant")]
    OtherTenant,
    /// A tenant's token, and only the administrator may: 403.
    #[error("Admin token required")]
    AdminOnly,
    /// There is none such, or it is not the asker's: 404.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// It stands as it is, and cannot be changed: 409.
    #[error("{0}")]
    Fixed(&'static str),
    /// The route is there, for another method: 405.
    #[error("{0}")]
    Method(&'static str),
    /// More than may be asked for at once: 413.
    #[error("{0}")]
    TooLarge(Cow<'static, str>),
    /// Other processes were to follow at once, and did not say that they do: 503. What was written stays.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// There is no room for it at the moment: 503.
    #[error("{0}")]
    Busy(&'static str),
    /// The store does not do its part: 503 when waiting helps, else 500.
    #[error(transparent)]
    Store(StoreError),
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    /// Where it stands.
    pub(super) loc: Place,
    /// What is wrong with it, without its value.
    pub(super) msg: Cow<'static, str>,
    /// The kind of fault.
    #[serde(rename = "type")]
    pub(super) kind: FaultKind,
}

/// The kinds of faults that programs tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultKind {
    /// It is needed and not there.
    Missing,
    /// It is there, and cannot be that.
    ValueError,
    /// The body is no JSON.
    JsonInvalid,
}

impl Fault {
    /// A field that cannot be what it is.
    pub(super) fn value(loc: Place, msg: impl Into<Cow<'static, str>>) -> Self {
        Self {
            loc,
            msg: msg.into(),
            kind: FaultKind::ValueError,
        }
    }
}

impl Problem {
    /// One field cannot be what it is.
    pub(super) fn value(loc: Place, msg: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(vec![Fault::value(loc, msg)])
    }

    /// One field is needed and not there.
    pub(super) fn missing(loc: Place) -> Self {
        Self::Invalid(vec![Fault {
            loc,
            msg: "Field required".into(),
            kind: FaultKind::Missing,
        }])
    }

    /// What the model says of a field, with the place of the object that the field is in.
    pub(super) fn field(object: &Place, error: FieldError) -> Self {
        Self::value(object.dotted(error.field), error.problem)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused(_) | Self::AllRejected { .. } => StatusCode::BAD_REQUEST,
            Self::NoToken | Self::OtherTenant => StatusCode::UNAUTHORIZED,
            Self::AdminOnly => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Fixed(_) => StatusCode::CONFLICT,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy(_) | Self::Unanswered(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(StoreError::Closed) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn detail(&self) -> serde_json::Value {
        match self {
            Self::Invalid(faults) => json!(faults),
            Self::AllRejected { error, rejected } => {
                json!({ "error": error, "rejected": rejected })
            }
            Self::Store(error) if error.is_transient() => {
                json!(
                    "nothing was written: the store cannot be written at the moment; try again in a while"
                )
            }
            Self::Store(StoreError::Closed) => {
                json!("nothing was written: the service is stopping")
            }
            Self::Store(_) => json!("the store cannot be used: the service's log has more"),
            other => json!(other.to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    /// What the store refuses is the asker's to put right; the rest is the store's own.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(error) => Self::field(&Place::body(), error),
            other => Self::Store(other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Store(error) = &self {
            tracing::error!(%error, "a request was not done");
        }
        let body = Json(json!({ "detail": self.detail() }));
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        }
        response
    }
}
