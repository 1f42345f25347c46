//! A report as JSON.

use model::{Event, EventKind, News, Timestamp};
use serde_json::{Map, Value, json};
use store::submissions::{Followed, Report, Submission, SubmissionState};

use crate::log_lines::words;

/// The longest text of one field, in bytes.
const TEXT_BYTES_MAX: usize = 2_000;

type Fields = Map<String, Value>;

/// Whether a report speaks for several recipients, so that it says what became of each: an outcome is reported when it
/// is the last one.
pub(super) fn speaks_for_all(report: &Report) -> bool {
    let kind = report.logged.event.kind;
    let is_outcome = kind == EventKind::Delivered || is_failure(kind);
    is_outcome && report.submission.recipients > 1
}

/// A report as its application gets it; with what became of each recipient, where it speaks for several.
pub(super) fn item(report: &Report, followed: Option<&Followed>) -> Value {
    let (submission, event) = (&report.submission, &report.logged.event);
    let mut item = identity(submission);
    if speaks_for_all(report) {
        item.extend(verdict(submission, event, followed));
        if let Some(followed) = followed {
            let messages = followed.messages.iter();
            let each = messages.map(|each| recipient(each.message.address.as_str(), &each.last));
            item.insert("recipients".to_owned(), each.collect());
        }
        return Value::Object(item);
    }
    item.extend(facts(event));
    if submission.recipients > 1 {
        let one = recipient(report.logged.message.address.as_str(), event);
        item.insert("recipients".to_owned(), json!([one]));
    }
    Value::Object(item)
}

fn identity(submission: &Submission) -> Fields {
    fields([
        ("id", json!(submission.client_id.as_str())),
        ("tenant_id", json!(submission.tenant.as_str())),
        ("pk", json!(submission.message_id.to_string())),
    ])
}

/// What became of a whole submission.
fn verdict(submission: &Submission, event: &Event, followed: Option<&Followed>) -> Fields {
    let at = seconds(event.at);
    if submission.state() == SubmissionState::Sent {
        return fields([("sent_ts", at)]);
    }
    let (failed, all) = (submission.failed, submission.recipients);
    let mut error = format!("{failed} of {all} recipients failed");
    let mut failures = followed.into_iter().flat_map(|followed| &followed.messages);
    if let Some(first) = failures.find(|each| is_failure(each.last.kind)) {
        let address = first.message.address.as_str();
        error = format!("{error}: {address}: {}", failure(&first.last));
    }
    fields([("error_ts", at), ("error", text(&error))])
}

/// What happened to one recipient's message.
fn recipient(address: &str, event: &Event) -> Value {
    let mut recipient = fields([
        ("address", json!(address)),
        ("status", json!(status(event.kind))),
    ]);
    recipient.extend(facts(event));
    Value::Object(recipient)
}

fn status(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Accepted => "pending",
        EventKind::Deferred | EventKind::RateLimited => "deferred",
        EventKind::Delivered | EventKind::Receipt => "sent",
        EventKind::Bounced | EventKind::Expired | EventKind::Dropped => "error",
        EventKind::Cancelled => "cancelled",
        EventKind::Returned => "bounced",
    }
}

/// An event in the fields that belong to its kind.
fn facts(event: &Event) -> Fields {
    let at = seconds(event.at);
    match event.kind {
        EventKind::Accepted => Fields::new(),
        EventKind::Delivered => fields([("sent_ts", at)]),
        EventKind::Deferred | EventKind::RateLimited => {
            let mut deferral = fields([
                ("deferred_ts", at),
                ("deferred_reason", text(&deferral(event))),
            ]);
            if let Some(due_at) = event.due_at {
                deferral.insert("retry_ts".to_owned(), seconds(due_at));
            }
            deferral
        }
        EventKind::Bounced | EventKind::Expired | EventKind::Dropped | EventKind::Cancelled => {
            fields([("error_ts", at), ("error", text(&failure(event)))])
        }
        EventKind::Returned => bounce(event),
        EventKind::Receipt => receipt(event),
    }
}

fn bounce(event: &Event) -> Fields {
    let mut bounce = fields([
        ("bounce_ts", seconds(event.at)),
        ("bounce_reason", text(&words(event))),
    ]);
    if let Some(News::Bounce { permanence, code }) = &event.news {
        bounce.insert("bounce_type".to_owned(), json!(permanence.as_str()));
        if let Some(code) = code {
            bounce.insert("bounce_code".to_owned(), text(code));
        }
    }
    bounce
}

fn receipt(event: &Event) -> Fields {
    let mut receipt = fields([
        ("pec_ts", seconds(event.at)),
        ("pec_details", text(&words(event))),
    ]);
    if let Some(News::Receipt(kind)) = &event.news {
        receipt.insert("pec_event".to_owned(), json!(kind.as_str()));
    }
    receipt
}

fn is_failure(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Bounced | EventKind::Expired | EventKind::Dropped | EventKind::Cancelled
    )
}

/// Why a message failed, never empty.
pub(crate) fn failure(event: &Event) -> String {
    let words = words(event);
    if event.kind != EventKind::Expired {
        return or_kind(words, event.kind);
    }
    let opening = "Max retries (";
    match event.reason.as_deref() {
        Some(reason) if reason.starts_with(opening) => reason.to_owned(),
        _ => {
            let retries = event.attempts.saturating_sub(1);
            format!("{opening}{retries}) exceeded: {words}")
        }
    }
}

/// Why a message waits, never empty.
fn deferral(event: &Event) -> String {
    match event.kind {
        EventKind::RateLimited if words(event).is_empty() => "rate_limit".to_owned(),
        kind => or_kind(words(event), kind),
    }
}

fn or_kind(words: String, kind: EventKind) -> String {
    match words.is_empty() {
        true => kind.as_str().to_owned(),
        false => words,
    }
}

/// A text of one line, of bounded length.
fn text(text: &str) -> Value {
    let cut = text.floor_char_boundary(TEXT_BYTES_MAX);
    Value::String(text[..cut].replace(['\r', '\n'], " "))
}

/// A moment in seconds since 1970.
fn seconds(at: Timestamp) -> Value {
    json!(at.as_millis() as f64 / 1e3)
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    let owned = fields.map(|(name, value)| (name.to_owned(), value));
    owned.into_iter().collect()
}

#[cfg(test)]
mod tests;
