//! Pause, resume, cancel, retry: passed on to whoever carries them out.

use async_trait::async_trait;
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use model::{Control, ControlAction, Seq, Stage};
use serde::Serialize;
use serde_json::Value;
use webserver::Peer;

use crate::problem::Problem;
use crate::router::{App, Named};
use crate::time::Rfc3339;

/// Longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 1024;

/// Who carries interventions in the watched run out.
#[async_trait]
pub trait Controls: Send + Sync {
    /// Does it, and says what was written down. `by` says who asked, as far as it is known.
    async fn act(&self, action: ControlAction, by: &str) -> Result<Control, ControlError>;

    /// What makes sense at this stage, where so many failed messages may be repeated.
    fn possible(&self, stage: Stage, repeatable: u64) -> Vec<ControlAction>;
}

/// Why an intervention did not take place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The run is not where it makes sense; in words for people.
    #[error("{0}")]
    NotNow(String),
    /// It could not be carried out; in words for people.
    #[error("{0}")]
    Failed(String),
}

#[derive(Serialize)]
struct Done {
    action: ControlAction,
    by: Box<str>,
    at: Rfc3339,
    seq: Seq,
}

/// `POST /api/campaigns/{job}/controls`
pub(crate) async fn act(
    Named(run): Named,
    State(app): State<App>,
    Extension(Peer(ip)): Extension<Peer>,
    body: Body,
) -> Result<Response, Problem> {
    if run.lane != app.run.lane {
        return Err(Problem::Nothing(format!(
            "the run {} is not the one that is watched here",
            run.job_id
        )));
    }
    let body = to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| Problem::parameter("body", format!("longer than {BODY_BYTES_MAX} bytes")))?;
    let action = action(&body)?;
    let by = format!("dashboard {ip}");
    let control = app
        .console
        .controls
        .act(action, &by)
        .await
        .map_err(|error| match error {
            ControlError::NotNow(words) => Problem::NotNow(words),
            ControlError::Failed(words) => Problem::Unavailable(words),
        })?;
    Ok(Json(Done {
        action: control.action,
        by: control.by,
        at: Rfc3339(control.at),
        seq: control.seq,
    })
    .into_response())
}

/// Reads `{"action":"…"}`, and nothing else.
fn action(body: &[u8]) -> Result<ControlAction, Problem> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return Err(Problem::parameter(
            "body",
            r#"expected a JSON object: {"action":"pause"}"#,
        ));
    };
    if let Some(unknown) = fields.keys().find(|name| *name != "action") {
        return Err(Problem::parameter(unknown, "unknown; known is action"));
    }
    let word = fields.get("action").and_then(Value::as_str);
    let action = ControlAction::ALL
        .into_iter()
        .find(|action| Some(action.as_str()) == word);
    action.ok_or_else(|| {
        let words = ControlAction::ALL.map(ControlAction::as_str).join(", ");
        Problem::parameter("action", format!("expected one of {words}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_read_and_nothing_else() {
        let read = |body: &str| action(body.as_bytes()).map_err(|problem| problem.to_string());
        assert_eq!(
            read(r#"{"action":"retry_failed"}"#),
            Ok(ControlAction::RetryFailed)
        );
        for (body, field) in [
            ("", "body: "),
            ("[]", "body: "),
            (r#"{"action":"#, "body: "),
            ("{}", "action: "),
            (r#"{"action":"explode"}"#, "action: "),
            (r#"{"action":["pause"]}"#, "action: "),
            (r#"{"action":"pause","by":"somebody else"}"#, "by: "),
        ] {
            assert!(read(body).unwrap_err().starts_with(field), "{body}");
        }
    }
}
