//! A tenant's webhook: each report posted by itself, signed, in the log's order.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use bytes::Bytes;
use model::{EventKind, MessageId, Secret, Seq, Tenant, Timestamp, Webhook};
use serde_json::{Value, json};
use store::submissions::{Channel, Report, SubmissionState};
use tokio::time::Instant;
use webclient::header::CONTENT_TYPE;
use webclient::{Exchange, HeaderMap, HeaderName, HeaderValue, Method};

use super::call::{CallError, Caller};
use super::item::{item, speaks_for_all};
use super::lane::{Answered, Outcome};

/// The header of the signature.
const SIGNATURE: HeaderName = HeaderName::from_static("glasspost-signature");
/// Events posted in one call, one after another. They are acknowledged together, so that so many may come twice.
const EVENTS_MAX: usize = 50;
/// The longest answer, in bytes; nothing in it is read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

impl Caller {
    /// Posts what waits for a tenant's webhook, up to the first event that is not taken. What was taken before it counts:
    /// that one is tried again at once, and with a growing wait when it is the first.
    pub(super) async fn tell_each(
        &self,
        tenant: &Tenant,
        after: Seq,
    ) -> Result<Outcome, CallError> {
        let Some(webhook) = tenant.webhook.as_ref().filter(|_| tenant.is_active) else {
            return Ok(Outcome::NoTarget);
        };
        let reports = self
            .submissions
            .reports(&tenant.id, Channel::Webhook, after, EVENTS_MAX)
            .await?;
        if reports.is_empty() {
            return Ok(Outcome::Nothing);
        }
        let (is_page, began) = (reports.len() == EVENTS_MAX, Instant::now());
        let (count, mut taken) = (reports.len(), Vec::new());
        for report in reports {
            match self.post_event(webhook, &report).await {
                Ok(()) => taken.push(report.seq),
                Err(error) if taken.is_empty() => return Err(error),
                Err(_) => break,
            }
            // A slow application keeps its place among the calls for no longer than another.
            if began.elapsed() > self.settings.deadline {
                break;
            }
        }
        let (told, last) = (taken.len(), taken.last().copied());
        let acknowledged = self
            .submissions
            .acknowledge(&tenant.id, Channel::Webhook, taken);
        acknowledged.await?;
        tracing::info!(tenant_id = %tenant.id, events = told, "Webhook events posted");
        Ok(Outcome::Answered(Answered {
            acknowledged: told as u64,
            last,
            has_more: is_page || told < count,
            ..Answered::default()
        }))
    }

    async fn post_event(&self, webhook: &Webhook, report: &Report) -> Result<(), CallError> {
        let followed = self.followed(report).await?;
        let body = event(report, item(report, followed.as_ref())).to_string();
        let exchange = Exchange {
            method: Method::POST,
            headers: headers(webhook.secret(), self.clock.now(), &body),
            body: Bytes::from(body),
            deadline: self.settings.deadline,
            body_bytes_max: ANSWER_BYTES_MAX,
        };
        self.web.exchange(webhook.url(), exchange).await?;
        Ok(())
    }
}

/// A report as an event. Its id is the same each time that it is told.
fn event(report: &Report, data: Value) -> Value {
    let event = &report.logged.event;
    let id = MessageId::new(event.at, report.submission.message_id.store(), event.seq);
    json!({
        "id": id.to_string(),
        "type": type_of(report),
        "created_at": event.at.as_millis() as f64 / 1e3,
        "data": data,
    })
}

fn type_of(report: &Report) -> &'static str {
    if speaks_for_all(report) {
        return match report.submission.state() {
            SubmissionState::Sent => "message.sent",
            SubmissionState::Failed | SubmissionState::Pending => "message.failed",
        };
    }
    match report.logged.event.kind {
        // Acceptance is answered and never reported.
        EventKind::Delivered | EventKind::Accepted => "message.sent",
        EventKind::Deferred | EventKind::RateLimited => "message.deferred",
        EventKind::Bounced | EventKind::Expired | EventKind::Dropped | EventKind::Cancelled => {
            "message.failed"
        }
        EventKind::Returned => "message.bounced",
        EventKind::Receipt => "message.receipt",
    }
}

fn headers(secret: &Secret, at: Timestamp, body: &str) -> HeaderMap {
    let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut headers = HeaderMap::from_iter([json]);
    // Digits, letters and three signs: always a value.
    if let Ok(value) = HeaderValue::from_str(&signature(secret, at.as_secs(), body)) {
        headers.insert(SIGNATURE, value);
    }
    headers
}

/// When it was signed, and the HMAC-SHA256 of that moment, a dot and the body: an old call cannot be played again.
fn signature(secret: &Secret, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let mut signature = format!("t={seconds},v1=");
    for byte in tag.as_ref() {
        // Writing into a text cannot fail.
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_any_library_makes() {
        // printf '1795355000.{"id":"a"}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let secret = Secret::new("0123456789abcdef");
        let made = signature(&secret, 1_795_355_000, r#"{"id":"a"}"#);
        assert_eq!(
            made,
            "t=1795355000,v1=640cfc7b3f3830a744e8727559d86b97786bb93f8e137c615c0d17ba3c85d40c"
        );
    }
}
