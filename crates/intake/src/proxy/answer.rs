//! Answers as JSON.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::problem::Problem;

/// What a handler gives.
pub(super) type Answer = Result<Json, Problem>;

/// A JSON text as an answer.
#[derive(Debug)]
pub(super) struct Json(pub(super) Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        (
            [(header::CONTENT_TYPE, json)],
            Body::from(self.0.to_string()),
        )
            .into_response()
    }
}

/// An object without its fields that are null, as the documented routes show it; what is inside of its fields stays.
pub(super) fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, field| !field.is_null());
    }
    value
}
