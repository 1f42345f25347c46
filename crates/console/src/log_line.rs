//! Lines of the activity log in words.

use model::{Control, ControlAction, MessageId};
use observe::monitor::view::{Entry, Level, What};
use serde::Serialize;

use crate::status::Status;
use crate::time::Rfc3339;

/// One line of the log.
#[derive(Serialize)]
pub(crate) struct LogLine<'a> {
    number: u64,
    at: Rfc3339,
    level: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<MessageId>,
}

/// The same as MailGrid writes it.
#[derive(Serialize)]
pub(crate) struct MailGridLine<'a> {
    timestamp: Rfc3339,
    level: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

impl<'a> LogLine<'a> {
    pub(crate) fn new(entry: &'a Entry) -> Self {
        let (email, id) = whose(&entry.what);
        Self {
            number: entry.number,
            at: Rfc3339(entry.at),
            level: match entry.level {
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            },
            message: words(&entry.what),
            email,
            id,
        }
    }
}

impl<'a> MailGridLine<'a> {
    pub(crate) fn new(entry: &'a Entry) -> Self {
        Self {
            timestamp: Rfc3339(entry.at),
            level: match entry.level {
                Level::Info => "INFO",
                Level::Warn => "WARN",
                Level::Error => "ERROR",
            },
            message: mailgrid_words(&entry.what),
            email: whose(&entry.what).0,
        }
    }
}

fn whose(what: &What) -> (Option<&str>, Option<MessageId>) {
    match what {
        What::Message { id, email, .. } => (Some(email), Some(*id)),
        What::Control(_) | What::Milestone(_) => (None, None),
    }
}

/// `Email <address>: <status>`, in MailGrid's five words and nothing more.
fn mailgrid_words(what: &What) -> String {
    match what {
        What::Message { email, kind, .. } => {
            let status = Status::after(*kind, false).in_five_words().as_str();
            format!("Email {email}: {status}")
        }
        other => words(other),
    }
}

/// The same in six words, and why.
fn words(what: &What) -> String {
    match what {
        What::Message {
            email, kind, words, ..
        } => {
            let status = Status::after(*kind, false).as_str();
            match words.is_empty() {
                true => format!("Email {email}: {status}"),
                false => format!("Email {email}: {status}: {words}"),
            }
        }
        What::Control(control) => intervention(control),
        What::Milestone(words) => words.to_string(),
    }
}

fn intervention(control: &Control) -> String {
    let done = match control.action {
        ControlAction::Pause => "paused",
        ControlAction::Resume => "resumed",
        ControlAction::Cancel => "cancelled",
        ControlAction::RetryFailed => "failed messages retried",
    };
    format!("{done} by {}", control.by)
}
