//! The ends of a run told to another system (the campaign contract, section 7: "Webhook").
//!
//! Each end is told, also that of a run which went on after an end because failed messages were tried again: `end`
//! in the body counts the ends of this process from 1, and a later one replaces an earlier one.

use std::time::Duration;

use aws_lc_rs::hmac;
use model::Secret;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webclient::{HeaderMap, HeaderValue, RetryPolicy, Settings, TargetPolicy, WebClient};

use super::Tools;
use crate::report::{Ending, RunReport, rfc3339};
use crate::request::{ListSource, SendRequest};

/// How the seed's program names itself; receivers may look for it.
const USER_AGENT: &str = "Mailgrid-Webhook/1.0";
/// The header of the signature.
const SIGNATURE: &str = "x-mailgrid-signature";

/// How long a webhook may go on after a stop was asked for, retries included (promise: P-06).
const DEADLINE_AFTER_STOP: Duration = Duration::from_secs(8);

/// How a webhook went.
type Told = Result<(), String>;

/// Tells the ends of a run one after another, while the run is watched or goes on.
pub(super) struct Webhook<'a> {
    request: &'a SendRequest,
    tools: &'a Tools,
    /// The ends so far.
    ends: u32,
    /// The latest one on its way; it waits for those before it.
    telling: Option<JoinHandle<Told>>,
}

impl<'a> Webhook<'a> {
    /// One that has nothing to tell yet.
    pub(super) fn new(request: &'a SendRequest, tools: &'a Tools) -> Self {
        Self {
            request,
            tools,
            ends: 0,
            telling: None,
        }
    }

    /// Sends an end on its way, where somebody wants to be told.
    pub(super) fn tell(&mut self, report: &RunReport) {
        let Some(url) = self.request.webhook.clone() else {
            return;
        };
        self.ends += 1;
        let body = body(self.request, report, self.ends).to_string();
        let (secret, stop) = (self.tools.webhook_secret.clone(), self.tools.stop.clone());
        let earlier = self.telling.take();
        self.telling = Some(tokio::spawn(async move {
            if let Some(earlier) = earlier {
                arrive(earlier, &stop).await;
            }
            let patience = patience(&stop);
            let posting = post(&url, secret.as_ref(), body, &patience);
            within(&stop, posting).await
        }));
    }

    /// Waits until the latest end is told; `None` when there was none to tell (promise: a webhook is sent before the
    /// process ends).
    pub(super) async fn told(&mut self) -> Option<Told> {
        let told = self.telling.take()?.await;
        Some(told.unwrap_or_else(|error| Err(error.to_string())))
    }
}

/// Lets an earlier end arrive before the next is told. After a stop there is time for the last one only.
async fn arrive(mut earlier: JoinHandle<Told>, stop: &CancellationToken) {
    let told = tokio::select! {
        biased;
        told = &mut earlier => told.unwrap_or_else(|error| Err(error.to_string())),
        () = stop.cancelled() => {
            earlier.abort();
            Err("a later end is told instead, since a stop was asked for".to_owned())
        }
    };
    if let Err(error) = told {
        tracing::warn!(%error, "the webhook of an earlier end was not delivered");
    }
}

/// Waits for the webhook as long as a stop leaves time.
async fn within(stop: &CancellationToken, posting: impl Future<Output = Told>) -> Told {
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(DEADLINE_AFTER_STOP).await;
    };
    tokio::select! {
        told = posting => told,
        () = too_late => {
            let seconds = DEADLINE_AFTER_STOP.as_secs();
            Err(format!("it was not taken within {seconds} s of the stop"))
        }
    }
}

/// Posts the body and waits for the answer, with retries.
async fn post(url: &str, secret: Option<&Secret>, body: String, patience: &RetryPolicy) -> Told {
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
    let posted = client.post(url, &headers, body.into(), patience).await;
    posted.map(|_receipt| ()).map_err(|error| error.to_string())
}

/// After a stop the retries end in time to say what went wrong.
fn patience(stop: &CancellationToken) -> RetryPolicy {
    let usual = RetryPolicy::default();
    match stop.is_cancelled() {
        true => RetryPolicy {
            deadline: DEADLINE_AFTER_STOP,
            ..usual
        },
        false => usual,
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

fn body(request: &SendRequest, report: &RunReport, end: u32) -> Value {
    let books = &report.tally.books;
    let mut body = json!({
        "job_id": report.campaign.job_id,
        "status": report.ending.as_str(),
        "end": end,
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

    #[tokio::test(start_paused = true)]
    async fn a_stop_cuts_the_time_of_a_webhook_that_is_on_its_way() {
        let stop = CancellationToken::new();
        let begun = tokio::time::Instant::now();
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(50)).await;
            stop.cancel();
        };
        let (told, ()) = tokio::join!(within(&stop, std::future::pending()), stopping);
        assert_eq!(told.unwrap_err(), "it was not taken within 8 s of the stop");
        let took = begun.elapsed() - Duration::from_secs(50);
        assert!(took.abs_diff(DEADLINE_AFTER_STOP) < Duration::from_millis(100));
    }
}
