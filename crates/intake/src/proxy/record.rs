//! A message as it is shown: what was handed over, and where it stands.

use model::{Event, EventKind, MessageState, News, Timestamp};
use serde_json::{Value, json};
use store::Logged;
use store::submissions::{Followed, FollowedMessage, SubmissionState};

use super::answer::without_nulls;
use super::history;
use super::wire::secrets::hide;

/// What a record says that the submission does not know.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around<'a> {
    /// The tenant's name for people.
    pub(super) tenant_name: Option<&'a str>,
    /// Whether its account is one of certified mail.
    pub(super) is_pec: bool,
}

/// Whether a record cannot be made without the history: news came after what it tells.
pub(super) fn needs_history(followed: &Followed) -> bool {
    let is_news = |kind| matches!(kind, EventKind::Returned | EventKind::Receipt);
    followed.messages.iter().any(|one| is_news(one.last.kind))
}

/// The record of a submission, with its fields that are null. `log` is its history, where it was read.
pub(super) fn record(followed: &Followed, around: Around<'_>, log: Option<&[Logged]>) -> Value {
    let submission = &followed.submission;
    let events: Vec<&Event> = match log {
        Some(log) => log.iter().map(|logged| &logged.event).collect(),
        None => followed.messages.iter().map(|one| &one.last).collect(),
    };
    let state = submission.state();
    let sent = latest(&events, is_sent).filter(|_| state == SubmissionState::Sent);
    let failed = latest(&events, is_failed).filter(|_| state == SubmissionState::Failed);
    let bounce = latest(&events, |kind| kind == EventKind::Returned);
    let (bounce_type, bounce_code) = bounce.map_or((None, None), permanence);
    let deferred_until = deferred_until(followed);
    json!({
        "pk": submission.message_id,
        "id": submission.client_id.as_str(),
        "tenant_id": submission.tenant.as_str(),
        "tenant_name": around.tenant_name,
        "account_id": submission.account_id.as_str(),
        "status": status(followed, deferred_until),
        "priority": submission.priority.code(),
        "batch_code": submission.batch.as_ref().map(model::BatchCode::as_str),
        "deferred_ts": deferred_until.map(Timestamp::as_secs),
        "sent_ts": sent.map(|event| event.at.as_secs()),
        "error_ts": failed.map(|event| event.at.as_secs()),
        "error": failed.and_then(|last| error(followed, last)),
        "bounce_type": bounce_type,
        "bounce_code": bounce_code,
        "bounce_reason": bounce.and_then(history::words),
        "bounce_ts": bounce.map(|event| event.at.as_secs()),
        "created_at": moment(submission.created_at),
        "updated_at": moment(submission.updated_at),
        "message": message(&followed.payload),
        "is_pec": around.is_pec,
        "recipients": followed.messages.iter().map(recipient).collect::<Vec<_>>(),
    })
}

fn latest<'a>(events: &[&'a Event], is: impl Fn(EventKind) -> bool) -> Option<&'a Event> {
    let wanted = events.iter().filter(|event| is(event.kind));
    wanted.max_by_key(|event| (event.at, event.seq)).copied()
}

fn is_sent(kind: EventKind) -> bool {
    kind == EventKind::Delivered
}

fn is_failed(kind: EventKind) -> bool {
    match kind.state() {
        MessageState::Queued | MessageState::Delivered => false,
        MessageState::Bounced
        | MessageState::Expired
        | MessageState::Dropped
        | MessageState::Cancelled => true,
    }
}

fn permanence(event: &Event) -> (Option<&str>, Option<&str>) {
    match &event.news {
        Some(News::Bounce { permanence, code }) => (Some(permanence.as_str()), code.as_deref()),
        Some(News::Receipt(_)) | None => (None, None),
    }
}

/// Why it failed; of several recipients, how many of them and why the first.
fn error(followed: &Followed, last: &Event) -> Option<String> {
    let (failed, all) = (followed.submission.failed, followed.submission.recipients);
    let mut failures = followed
        .messages
        .iter()
        .filter(|one| is_failed(one.last.kind));
    match failures.next().filter(|_| all > 1) {
        None => history::words(last),
        Some(first) => {
            let words = history::words(&first.last).unwrap_or_default();
            let address = &first.message.address;
            Some(format!(
                "{failed} of {all} recipients failed: {address}: {words}"
            ))
        }
    }
}

/// Until when it waits: for its next try, or as its client said.
fn deferred_until(followed: &Followed) -> Option<Timestamp> {
    let next = followed
        .messages
        .iter()
        .filter(|one| is_put_off(one))
        .filter_map(|one| one.due_at);
    next.min().or(followed.submission.deferred_until)
}

fn is_put_off(one: &FollowedMessage) -> bool {
    let is_put_off = matches!(one.last.kind, EventKind::Deferred | EventKind::RateLimited);
    is_put_off && one.message.state == MessageState::Queued
}

/// Where it stands in one word.
fn status(followed: &Followed, deferred_until: Option<Timestamp>) -> &'static str {
    match followed.submission.state() {
        SubmissionState::Sent => "sent",
        SubmissionState::Failed => "error",
        SubmissionState::Pending if followed.submission.is_held => "suspended",
        SubmissionState::Pending if deferred_until.is_some() => "deferred",
        SubmissionState::Pending => "pending",
    }
}

/// Where one recipient's message stands.
fn recipient(one: &FollowedMessage) -> Value {
    let (state, last) = (one.message.state, &one.last);
    let status = match state {
        MessageState::Queued if is_put_off(one) => "deferred",
        MessageState::Queued => "pending",
        MessageState::Delivered if last.kind == EventKind::Returned => "bounced",
        MessageState::Delivered => "sent",
        MessageState::Bounced | MessageState::Expired | MessageState::Dropped => "error",
        MessageState::Cancelled => "cancelled",
    };
    let is_well = matches!(
        last.kind,
        EventKind::Accepted | EventKind::Delivered | EventKind::Receipt
    );
    without_nulls(json!({
        "address": one.message.address.as_str(),
        "status": status,
        "code": history::code(last),
        "error": history::words(last).filter(|_| !is_well),
        "attempts": one.message.attempts,
        "ts": last.at.as_secs(),
        "deferred_ts": one.due_at.filter(|_| is_put_off(one)).map(Timestamp::as_secs),
    }))
}

/// What was handed over, without the secrets in it.
fn message(payload: &str) -> Value {
    let mut message = serde_json::from_str(payload).unwrap_or_default();
    hide(&mut message);
    message
}

/// A moment as RFC 3339 has it, in UTC with milliseconds.
pub(super) fn moment(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    format!("{moment:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_handed_over_comes_back_without_its_secrets() {
        let payload = r#"{"subject":"token","attachments":[{"filename":"a","auth":
            {"method":"basic","user":"u","Password":"hunter2","token":null}}],
            "x":[[{"api_key":{"deep":"hunter2"}}]]}"#;
        let shown = message(payload);
        assert!(!shown.to_string().contains("hunter2"), "{shown}");
        assert_eq!(shown["subject"], "token");
        assert_eq!(shown["attachments"][0]["auth"]["user"], "u");
        assert!(shown["attachments"][0]["auth"]["token"].is_null());
    }

    #[test]
    fn a_moment_is_a_date() {
        let at = Timestamp::from_millis(1_795_355_000_120);
        assert_eq!(moment(at), "2026-11-22T13:43:20.120Z");
    }
}
