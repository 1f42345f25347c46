//! Messages and events as they stand in JSON.

use std::borrow::Cow;

use model::{Attempt, Event, EventKind, Message, MessageId, Phase, Seq};
use observe::monitor::view::Recent;
use serde::Serialize;

use crate::status::Status;
use crate::time::{Rfc3339, millis};

/// One message of a run.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    id: MessageId,
    seq: Seq,
    email: &'a str,
    status: Status,
    state: &'static str,
    attempts: u32,
    accepted_at: Rfc3339,
    at: Rfc3339,
    duration_ms: Option<f64>,
    code: Option<u16>,
    enhanced: Option<String>,
    category: Option<&'static str>,
    error: Option<Cow<'a, str>>,
    retry_of: Option<MessageId>,
}

/// One message as MailGrid shows it: one of five words, whole milliseconds, `error` only where there is one.
#[derive(Serialize)]
pub(crate) struct RecipientStatus<'a> {
    email: &'a str,
    status: Status,
    attempts: u32,
    last_attempt: Rfc3339,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
    duration_ms: u64,
}

/// One thing that happened to a message.
#[derive(Serialize)]
pub(crate) struct EventJson<'a> {
    seq: Seq,
    at: Rfc3339,
    kind: EventKind,
    attempts: u32,
    reason: Option<&'a str>,
    /// Until when the event puts the message off.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Rfc3339>,
    attempt: Option<AttemptJson<'a>>,
}

#[derive(Serialize)]
struct AttemptJson<'a> {
    remote: &'a str,
    tls: Option<&'a str>,
    phase: Phase,
    code: Option<u16>,
    enhanced: Option<String>,
    text: Option<&'a str>,
    category: Option<&'static str>,
    error: Option<&'a str>,
    times: TimesJson,
    refused_copies: &'a [Box<str>],
    dialogue: Option<&'a str>,
}

#[derive(Serialize)]
struct TimesJson {
    connect_ms: f64,
    hello_ms: f64,
    tls_ms: f64,
    authenticate_ms: f64,
    transaction_ms: f64,
    total_ms: f64,
}

impl<'a> Row<'a> {
    /// A message with its latest event, and the message that it repeats.
    pub(crate) fn new(
        message: &'a Message,
        latest: &'a Event,
        is_sending: bool,
        retry_of: Option<MessageId>,
    ) -> Self {
        let attempt = latest.attempt.as_ref();
        let enhanced = attempt.and_then(enhanced);
        let category = attempt.and_then(|attempt| attempt.category);
        Self {
            id: message.id,
            seq: message.seq,
            email: message.address.as_str(),
            status: Status::of(message.state, message.attempts, is_sending),
            state: message.state.as_str(),
            attempts: message.attempts,
            accepted_at: Rfc3339(message.accepted_at),
            at: Rfc3339(latest.at),
            duration_ms: attempt.map(|attempt| millis(attempt.times.total_us())),
            code: attempt.map(code),
            enhanced,
            category: category.map(model::Category::as_str),
            error: error(latest),
            retry_of,
        }
    }
}

impl<'a> RecipientStatus<'a> {
    /// A message with its latest event.
    pub(crate) fn new(message: &'a Message, latest: &'a Event, is_sending: bool) -> Self {
        let status = Status::of(message.state, message.attempts, is_sending);
        let attempt = latest.attempt.as_ref();
        Self {
            email: message.address.as_str(),
            status: status.in_five_words(),
            attempts: message.attempts,
            last_attempt: Rfc3339(latest.at),
            error: error(latest).map(|error| in_five_words(status, error)),
            duration_ms: attempt.map_or(0, |attempt| whole_millis(attempt.times.total_us())),
        }
    }

    /// A message that changed lately.
    pub(crate) fn of_recent(recent: &'a Recent, is_sending: bool) -> Self {
        let status = Status::after(recent.kind, is_sending);
        let error = (!recent.error.is_empty()).then_some(Cow::Borrowed(&*recent.error));
        Self {
            email: &recent.email,
            status: status.in_five_words(),
            attempts: recent.attempts,
            last_attempt: Rfc3339(recent.at),
            error: error.map(|error| in_five_words(status, error)),
            duration_ms: whole_millis(recent.duration_us),
        }
    }
}

impl<'a> EventJson<'a> {
    pub(crate) fn new(event: &'a Event) -> Self {
        Self {
            seq: event.seq,
            at: Rfc3339(event.at),
            kind: event.kind,
            attempts: event.attempts,
            reason: event.reason.as_deref(),
            due_at: event.due_at.map(Rfc3339),
            attempt: event.attempt.as_ref().map(AttemptJson::new),
        }
    }
}

impl<'a> AttemptJson<'a> {
    fn new(attempt: &'a Attempt) -> Self {
        let times = &attempt.times;
        let reply = attempt.reply.as_ref();
        Self {
            remote: &attempt.remote,
            tls: attempt.tls.as_deref(),
            phase: attempt.phase,
            code: reply.map(|reply| reply.code),
            enhanced: enhanced(attempt),
            text: reply.map(|reply| &*reply.text),
            category: attempt.category.map(model::Category::as_str),
            error: attempt.error.as_deref(),
            times: TimesJson {
                connect_ms: millis(times.connect_us.into()),
                hello_ms: millis(times.hello_us.into()),
                tls_ms: millis(times.tls_us.into()),
                authenticate_ms: millis(times.authenticate_us.into()),
                transaction_ms: millis(times.transaction_us.into()),
                total_ms: millis(times.total_us()),
            },
            refused_copies: &attempt.refused_copies,
            dialogue: attempt.dialogue.as_deref(),
        }
    }
}

/// The reply's code; 0 stands for no answer.
pub(crate) fn code(attempt: &Attempt) -> u16 {
    attempt.reply.as_ref().map_or(0, |reply| reply.code)
}

fn enhanced(attempt: &Attempt) -> Option<String> {
    let code = attempt.reply.as_ref()?.enhanced?;
    Some(code.to_string())
}

/// Why a message is not delivered: in the server's words, or else in ours.
pub(crate) fn error(latest: &Event) -> Option<Cow<'_, str>> {
    if matches!(latest.kind, EventKind::Accepted | EventKind::Delivered) {
        return None;
    }
    let attempt = latest.attempt.as_ref();
    let said = attempt.and_then(|attempt| attempt.reply.as_ref());
    let ours = attempt.and_then(|attempt| attempt.error.as_deref());
    said.map(|reply| Cow::Owned(reply.to_string()))
        .or(ours.or(latest.reason.as_deref()).map(Cow::Borrowed))
}

/// Five words do not tell a message that was taken back from one that failed; its error does.
fn in_five_words(status: Status, error: Cow<'_, str>) -> Cow<'_, str> {
    match status {
        Status::Cancelled => Cow::Owned(format!("cancelled: {error}")),
        _ => error,
    }
}

/// Microseconds as whole milliseconds; what took any time took at least one.
fn whole_millis(micros: u64) -> u64 {
    micros.div_ceil(1_000)
}
