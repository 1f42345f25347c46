//! Answers that say no: JSON for programs, words for people.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// An answer that says no, and what to do: `{"error":{"message":…,"field":…}}`. A handler's error type.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{status}: {message}")]
pub struct Refusal {
    status: StatusCode,
    message: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    retry_after_s: Option<u64>,
}

impl Refusal {
    /// Says no with a status and words for a person: lower-case, with what to do.
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            field: None,
            retry_after_s: None,
        }
    }

    /// 400: the parameter or field `field` cannot be taken.
    pub fn bad_field(
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, message);
        refusal.field = Some(field.into());
        refusal
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 429: too much; to be tried again after so many seconds.
    pub fn too_many(message: impl Into<Cow<'static, str>>, retry_after_s: u64) -> Self {
        let mut refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, message);
        refusal.retry_after_s = Some(retry_after_s);
        refusal
    }

    /// 503: it cannot be done now; to be tried again after so many seconds.
    pub fn not_now(message: impl Into<Cow<'static, str>>, retry_after_s: u64) -> Self {
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, message);
        refusal.retry_after_s = Some(retry_after_s);
        refusal
    }

    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer's body.
    pub(crate) fn json(&self) -> String {
        let mut error = serde_json::json!({ "message": self.message });
        if let Some(field) = &self.field {
            error["field"] = serde_json::json!(field);
        }
        serde_json::json!({ "error": error }).to_string()
    }

    /// The answer as a surface's clients read errors.
    pub(crate) fn response(self, dialect: Dialect) -> Response {
        let body = match dialect {
            Dialect::Error => self.json(),
            Dialect::Detail => serde_json::json!({ "detail": self.message }).to_string(),
        };
        let json = (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        let mut response = (self.status, [json], body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.response(Dialect::Error)
    }
}

/// How the clients of a surface read errors. As an extension of an answer, it says so of what replaces the answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Dialect {
    /// `{"error":{"message":…}}`
    #[default]
    Error,
    /// `{"detail":…}`, which the clients of the proxy API look for.
    Detail,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_json_with_the_field_only_when_there_is_one() {
        let plain = Refusal::not_found("there is no run \"x\"");
        assert_eq!(
            plain.json(),
            r#"{"error":{"message":"there is no run \"x\""}}"#
        );
        let field = Refusal::bad_field("limit", "at most 1000");
        assert_eq!(
            field.json(),
            r#"{"error":{"field":"limit","message":"at most 1000"}}"#
        );
        let later = Refusal::too_many("wait", 7).into_response();
        assert_eq!(later.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(later.headers()[header::RETRY_AFTER], "7");
    }
}
