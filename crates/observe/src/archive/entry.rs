//! An event as a line of the archive.

use std::collections::HashMap;

use model::{
    Attempt, Category, EventKind, LaneId, MessageId, News, Phase, Seq, SubmissionId, Timestamp,
};
use serde::Serialize;
use store::{Logged, Submission};

/// The longest text of one field, in bytes.
const TEXT_BYTES_MAX: usize = 2_000;
/// Refused copies that are named.
const COPIES_MAX: usize = 50;
/// Digits and signs of a year and a month: `2026-11`.
const MONTH_BYTES: usize = 7;

/// What is known beside the log, of what some events are about.
pub(super) struct Names {
    /// The submissions that are still there.
    pub submissions: HashMap<SubmissionId, Submission>,
    /// The ids of campaigns' runs.
    pub runs: HashMap<LaneId, String>,
}

/// A line that is to stand in a file once.
pub(super) struct Line {
    /// The event's place in the log.
    pub seq: Seq,
    /// Its message's id.
    pub message_id: String,
    /// When it happened, as the line says it.
    pub at: String,
    /// The line, with its end.
    pub text: String,
}

/// What a line says. What does not apply is left out.
#[derive(Serialize)]
struct Entry<'a> {
    /// The event's place in the log: no other event of the store has it, and those of a file grow.
    seq: Seq,
    /// What happened: `accepted`, `delivered`, `deferred`, `bounced`, `expired`, `dropped`, `cancelled`, `rate_limited`,
    /// `returned`, `receipt`.
    event: EventKind,
    /// When, as RFC 3339 has it, in UTC with milliseconds.
    at: &'a str,
    /// The id of the message: what one recipient gets.
    message_id: MessageId,
    /// Whom it is for.
    recipient: &'a str,
    /// The id of what was handed over (`pk` in the API): that of its first message. What follows to `account_id` is left
    /// out of a submission that its client had removed by the time it was archived.
    submission_id: Option<MessageId>,
    /// The client's own id of it (`id` in the API).
    client_id: Option<&'a str>,
    /// Whose it is.
    tenant_id: Option<&'a str>,
    /// The account that it leaves through.
    account_id: Option<&'a str>,
    /// The run of a campaign that it belongs to, where no submission was handed over.
    job_id: Option<&'a str>,
    /// Attempts so far, this one included.
    attempts: u32,
    /// When it is tried next.
    due_at: Option<String>,
    /// In our own words, what the attempt does not say: why it was taken back, which limit was reached.
    reason: Option<&'a str>,
    /// The attempt that led to it.
    #[serde(flatten)]
    attempt: Option<Tried<'a>>,
    /// Of mail that came back: `hard` or `soft`.
    bounce_type: Option<&'static str>,
    /// The digits of the code that it came back with.
    bounce_code: Option<&'a str>,
    /// What a receipt of certified mail says: `pec_acceptance`, `pec_delivery` and so on.
    receipt: Option<&'static str>,
}

/// What a line says of an attempt.
#[derive(Serialize)]
struct Tried<'a> {
    /// The relay that was spoken to, `host:port`.
    remote: &'a str,
    /// TLS version and cipher.
    tls: Option<&'a str>,
    /// Where in the dialogue it was decided: `connect`, `recipient`, `final` and so on.
    phase: Phase,
    /// The reply's three digits.
    code: Option<u16>,
    /// Its enhanced code, such as `5.1.1`.
    enhanced_code: Option<String>,
    /// Its text.
    text: Option<&'a str>,
    /// What kind of failure it was: `mailbox_full`, `policy` and so on.
    category: Option<Category>,
    /// What went wrong, where no reply tells it.
    error: Option<&'a str>,
    /// How long the attempt took, in milliseconds.
    duration_ms: f64,
    /// Copies that were refused although the message was taken: `address: reply`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused_copies: Vec<&'a str>,
}

impl Line {
    /// An event's line.
    pub(super) fn of(logged: &Logged, names: &Names) -> Result<Self, serde_json::Error> {
        let (event, message) = (&logged.event, &logged.message);
        let at = moment(event.at);
        let submission = message.content.submission();
        let submission = submission.and_then(|id| names.submissions.get(&id));
        let (bounce_type, bounce_code, receipt) = match &event.news {
            Some(News::Bounce { permanence, code }) => {
                (Some(permanence.as_str()), code.as_deref(), None)
            }
            Some(News::Receipt(kind)) => (None, None, Some(kind.as_str())),
            None => (None, None, None),
        };
        let entry = Entry {
            seq: event.seq,
            event: event.kind,
            at: &at,
            message_id: message.id,
            recipient: message.address.as_str(),
            submission_id: submission.map(|one| one.message_id),
            client_id: submission.map(|one| one.client_id.as_str()),
            tenant_id: submission.map(|one| one.tenant.as_str()),
            account_id: submission.map(|one| one.account_id.as_str()),
            job_id: names.runs.get(&event.lane).map(String::as_str),
            attempts: event.attempts,
            due_at: event.due_at.map(moment),
            reason: event.reason.as_deref().map(bounded),
            attempt: event.attempt.as_ref().map(Tried::of),
            bounce_type,
            bounce_code: bounce_code.map(bounded),
            receipt,
        };
        let mut value = serde_json::to_value(entry)?;
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        Ok(Self {
            seq: event.seq,
            message_id: message.id.to_string(),
            at,
            text: format!("{value}\n"),
        })
    }

    /// The month that it belongs to, such as `2026-11`.
    pub(super) fn month(&self) -> &str {
        self.at.get(..MONTH_BYTES).unwrap_or_default()
    }
}

impl<'a> Tried<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        let reply = attempt.reply.as_ref();
        let enhanced = reply.and_then(|reply| reply.enhanced);
        let copies = attempt.refused_copies.iter().take(COPIES_MAX);
        Self {
            remote: bounded(&attempt.remote),
            tls: attempt.tls.as_deref().map(bounded),
            phase: attempt.phase,
            code: reply.map(|reply| reply.code),
            enhanced_code: enhanced.map(|code| code.to_string()),
            text: reply.map(|reply| bounded(&reply.text)),
            category: attempt.category,
            error: attempt.error.as_deref().map(bounded),
            duration_ms: attempt.times.total_us() as f64 / 1e3,
            refused_copies: copies.map(|copy| bounded(copy)).collect(),
        }
    }
}

/// A text of bounded length.
fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// A moment as RFC 3339 has it, in UTC with milliseconds. One beyond the year 9999 has no such form.
fn moment(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    format!("{moment:.3}")
}

#[cfg(test)]
mod tests {
    use model::Permanence;
    use serde_json::{Value, json};

    use super::*;
    use crate::monitor::sample;

    fn nobody() -> Names {
        Names {
            submissions: HashMap::new(),
            runs: [(LaneId(1), "run-7".to_owned())].into(),
        }
    }

    fn parsed(logged: &Logged) -> Value {
        let line = Line::of(logged, &nobody()).unwrap();
        assert!(line.text.ends_with('\n') && line.text.matches('\n').count() == 1);
        serde_json::from_str(&line.text).unwrap()
    }

    #[test]
    fn a_line_says_what_happened_and_leaves_out_what_does_not_apply() {
        let mut logged = sample::logged(
            EventKind::Deferred,
            12,
            "ada@example.org",
            1_795_355_000_120,
        );
        logged.event.due_at = Some(Timestamp::from_millis(1_795_355_060_120));
        let expected = json!({
            "seq": 1, "event": "deferred", "at": "2026-11-22T13:43:20.120Z", "message_id": logged.message.id.to_string(),
            "recipient": "ada@example.org", "job_id": "run-7", "attempts": 1, "due_at": "2026-11-22T13:44:20.120Z",
            "remote": "mx.example.org:25", "phase": "final", "code": 451, "text": "so it is", "category": "policy",
            "duration_ms": 1.5,
        });
        assert_eq!(parsed(&logged), expected);
    }

    #[test]
    fn news_say_what_was_learned() {
        let mut logged = sample::logged(EventKind::Returned, 12, "ada@example.org", 0);
        logged.event.news = Some(News::Bounce {
            permanence: Permanence::Hard,
            code: Some("511".into()),
        });
        logged.event.reason = Some("no such\nuser".into());
        let line = parsed(&logged);
        let said = ["event", "bounce_type", "bounce_code", "reason"].map(|name| &line[name]);
        assert_eq!(said, ["returned", "hard", "511", "no such\nuser"]);
        assert!(line.get("code").is_none() && line.get("due_at").is_none());
    }

    #[test]
    fn a_line_belongs_to_its_month_in_utc_and_stays_short_whatever_a_server_says() {
        for (millis, month) in [
            (1_796_083_199_999, "2026-11"),
            (1_796_083_200_000, "2026-12"),
            (i64::MAX, "1970-01"),
        ] {
            let mut logged = sample::logged(EventKind::Bounced, 1, "ada@example.org", millis);
            let attempt = logged.event.attempt.as_mut().unwrap();
            attempt.refused_copies = vec!["\u{1}".repeat(9_999).into(); 999];
            attempt.reply.as_mut().unwrap().text = "\u{1}".repeat(99_999).into();
            let line = Line::of(&logged, &nobody()).unwrap();
            assert_eq!(line.month(), month);
            assert!(line.text.len() < super::super::files::LINE_BYTES_MAX);
        }
    }
}
