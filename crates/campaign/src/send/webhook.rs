//! The end of a run told to another system (the campaign contract, section 7: "Webhook").

use std::time::Duration;

use aws_lc_rs::hmac;
use model::Secret;
use serde_json::{Value, json};
use webclient::{HeaderMap, HeaderValue, RetryPolicy, Settings, TargetPolicy, WebClient};

use crate::report::{Ending, RunReport, rfc3339};
use crate::request::{ListSource, SendRequest};

/// How the seed's program names itself; receivers may look for it.
const USER_AGENT: &str = "Mailgrid-Webhook/1.0";
/// The header of the signature.
const SIGNATURE: &str = "x-mailgrid-signature";

/// How long the webhook of a run that was asked to stop may take, retries included (promise: P-06).
const DEADLINE_AFTER_STOP: Duration = Duration::from_secs(8);

/// Posts the report and waits for the answer, with retries.
pub(super) async fn tell(
    url: &str,
    secret: Option<&Secret>,
    request: &SendRequest,
    report: &RunReport,
) -> Result<(), String> {
    let body = body(request, report).to_string();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    if let Some(secret) = secret {
        let value = HeaderValue::from_str(&signature(secret, body.as_bytes()))
            .map_err(|error| error.to_string())?;
        headers.insert(SIGNATURE, value);
    }
    // The address was typed by whoever runs this program, so it may be one of their own network.
    let settings = Settings {
        policy: TargetPolicy::AllowPrivate,
        user_agent: USER_AGENT.to_owned(),
        ..Settings::default()
    };
    let client = WebClient::new(settings).map_err(|error| error.to_string())?;
    let posted = client
        .post(url, &headers, body.into(), &patience(&report.ending))
        .await;
    posted.map(|_receipt| ()).map_err(|error| error.to_string())
}

fn patience(ending: &Ending) -> RetryPolicy {
    let usual = RetryPolicy::default();
    match ending {
        Ending::Interrupted => RetryPolicy {
            deadline: DEADLINE_AFTER_STOP,
            ..usual
        },
        Ending::Completed | Ending::Unreachable(_) | Ending::Cancelled { .. } => usual,
    }
}

/// `sha256=` and the HMAC-SHA256 of the body in lower-case hexadecimal.
fn signature(secret: &Secret, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, body);
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256={hex}")
}

fn body(request: &SendRequest, report: &RunReport) -> Value {
    let books = &report.tally.books;
    let mut body = json!({
        "job_id": report.campaign.job_id,
        "status": report.ending.as_str(),
        "total_recipients": books.accepted,
        "successful_deliveries": books.delivered,
        "failed_deliveries": books.failed(),
        "pending_deliveries": books.queued,
        "start_time": rfc3339(report.started_at),
        "end_time": rfc3339(report.ended_at),
        "duration_seconds": report.elapsed().as_secs(),
        "concurrent_workers": request.connections,
    });
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            body[key] = Value::from(value);
        }
    };
    match &request.list {
        ListSource::File(path) => add("csv_file", Some(path.display().to_string())),
        ListSource::Sheet(url) => add("sheet_url", Some(url.clone())),
        ListSource::One(_) => {}
    }
    add(
        "template_file",
        request
            .letter
            .html
            .as_ref()
            .map(|path| path.display().to_string()),
    );
    add("error_message", error_message(report));
    body
}

fn error_message(report: &RunReport) -> Option<String> {
    match &report.ending {
        Ending::Completed => None,
        Ending::Interrupted => Some("the run was interrupted and can be resumed".to_owned()),
        Ending::Unreachable(reason) => Some(reason.clone()),
        Ending::Cancelled { by } => {
            let taken_back = report.tally.books.cancelled;
            Some(format!(
                "cancelled by {by}; {taken_back} recipients were taken back"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_any_library_makes() {
        // RFC 4231 §4.3, test case 2.
        let signature = signature(&Secret::new("Jefe"), b"what do ya want for nothing?");
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature, expected);
    }
}
