//! An event as a line.

use model::{Event, EventKind, News, RATE_LIMIT_EXCEEDED, ReceiptKind};
use store::Logged;
use tracing::Level;

use super::Named;
use crate::log_lines::words;
use crate::reports::failure;

/// The longest part of a line that comes from outside, in bytes.
const WORDS_BYTES_MAX: usize = 512;

/// A line without its time.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub level: Level,
    pub text: String,
}

/// How much an event matters.
pub(super) fn level(event: &Event) -> Level {
    match event.kind {
        EventKind::Accepted => Level::DEBUG,
        EventKind::Delivered | EventKind::Cancelled => Level::INFO,
        EventKind::Deferred | EventKind::RateLimited | EventKind::Returned => Level::WARN,
        EventKind::Bounced | EventKind::Expired => Level::ERROR,
        EventKind::Dropped if is_over_limit(event) => Level::WARN,
        EventKind::Dropped => Level::ERROR,
        EventKind::Receipt => match event.news {
            Some(News::Receipt(ReceiptKind::Error | ReceiptKind::Timeout)) => Level::WARN,
            _ => Level::INFO,
        },
    }
}

fn is_over_limit(event: &Event) -> bool {
    event.reason.as_deref() == Some(RATE_LIMIT_EXCEEDED)
}

impl Line {
    pub fn new(logged: &Logged, named: &Named) -> Self {
        let event = &logged.event;
        let level = level(event);
        let text = text(event, named.client_id.as_str(), named.account_id.as_str());
        Self { level, text }
    }
}

fn text(event: &Event, id: &str, account: &str) -> String {
    match event.kind {
        EventKind::Accepted => format!("Message {id} accepted for {account}"),
        EventKind::Delivered => format!("Message {id} sent via {account}"),
        EventKind::Deferred => {
            let why = presentable(&words(event));
            let retry = retry(event);
            format!("Temporary SMTP error for {id}: {why}, retry scheduled{retry}")
        }
        EventKind::RateLimited => format!("Rate limit reached for {account}, deferring {id}"),
        EventKind::Bounced | EventKind::Expired => {
            format!("SMTP error for {id}: {}", presentable(&failure(event)))
        }
        EventKind::Dropped if is_over_limit(event) => {
            format!("Rate limit reached for {account}, rejecting {id}")
        }
        EventKind::Dropped => {
            format!(
                "Message {id} cannot be sent: {}",
                presentable(&failure(event))
            )
        }
        EventKind::Cancelled => format!("Message {id} taken back"),
        EventKind::Returned => format!("Message {id} bounced: {}", presentable(&words(event))),
        EventKind::Receipt => {
            let kind = match &event.news {
                Some(News::Receipt(kind)) => kind.as_str(),
                Some(News::Bounce { .. }) | None => event.kind.as_str(),
            };
            format!("Receipt for {id}: {kind}")
        }
    }
}

/// When it goes on, as a part of a line.
fn retry(event: &Event) -> String {
    let wait = event.due_at.map(|due_at| due_at.since(event.at));
    wait.map_or(String::new(), |wait| format!(" in {} s", wait.as_secs()))
}

/// A server's words for a log: on one line, of bounded length, and without the addresses that servers like to repeat.
fn presentable(words: &str) -> String {
    let cut = words.floor_char_boundary(WORDS_BYTES_MAX);
    let mut text = String::new();
    for piece in words[..cut].split_inclusive(is_boundary) {
        let (word, boundary) = match piece.char_indices().last() {
            Some((at, last)) if is_boundary(last) => piece.split_at(at),
            _ => (piece, ""),
        };
        text.push_str(if word.contains('@') { "…" } else { word });
        text.extend(
            boundary
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c }),
        );
    }
    text
}

/// What cannot stand in an address without quotes (RFC 5322 §3.2.3), but for the dot and the at sign.
fn is_boundary(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '"')
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;
    use crate::monitor::sample::event;

    fn line(event: &Event) -> (Level, String) {
        (level(event), text(event, "msg-1", "bulk-smtp"))
    }

    fn said(kind: EventKind) -> (Level, String) {
        let mut event = event(kind, 1_000);
        if matches!(kind, EventKind::Deferred | EventKind::RateLimited) {
            event.due_at = Some(Timestamp::from_millis(61_000));
        }
        line(&event)
    }

    #[test]
    fn each_kind_has_its_line() {
        let lines = [
            (
                EventKind::Accepted,
                Level::DEBUG,
                "Message msg-1 accepted for bulk-smtp",
            ),
            (
                EventKind::Delivered,
                Level::INFO,
                "Message msg-1 sent via bulk-smtp",
            ),
            (
                EventKind::Deferred,
                Level::WARN,
                "Temporary SMTP error for msg-1: 451 so it is, retry scheduled in 60 s",
            ),
            (
                EventKind::RateLimited,
                Level::WARN,
                "Rate limit reached for bulk-smtp, deferring msg-1",
            ),
            (
                EventKind::Bounced,
                Level::ERROR,
                "SMTP error for msg-1: 550 so it is",
            ),
            (
                EventKind::Expired,
                Level::ERROR,
                "SMTP error for msg-1: Max retries (0) exceeded: 451 so it is",
            ),
            (
                EventKind::Cancelled,
                Level::INFO,
                "Message msg-1 taken back",
            ),
        ];
        for (kind, level, text) in lines {
            assert_eq!(said(kind), (level, text.to_owned()));
        }
    }

    #[test]
    fn what_could_not_be_made_says_why() {
        let mut dropped = event(EventKind::Dropped, 1_000);
        dropped.attempt = None;
        dropped.reason = Some("Attachment fetch failed for a.pdf: 404".into());
        let text = "Message msg-1 cannot be sent: Attachment fetch failed for a.pdf: 404";
        assert_eq!(line(&dropped), (Level::ERROR, text.to_owned()));
        dropped.reason = Some(RATE_LIMIT_EXCEEDED.into());
        let text = "Rate limit reached for bulk-smtp, rejecting msg-1";
        assert_eq!(line(&dropped), (Level::WARN, text.to_owned()));
    }

    #[test]
    fn receipts_of_failures_are_warnings() {
        let mut receipt = event(EventKind::Receipt, 1_000);
        receipt.news = Some(News::Receipt(ReceiptKind::Delivery));
        let text = "Receipt for msg-1: pec_delivery";
        assert_eq!(line(&receipt), (Level::INFO, text.to_owned()));
        receipt.news = Some(News::Receipt(ReceiptKind::Timeout));
        assert_eq!(level(&receipt), Level::WARN);
    }

    #[test]
    fn no_line_repeats_an_address_that_a_server_repeats() {
        let texts = [
            (
                "550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown",
                "550 5.1.1 <…>: Recipient address rejected: User unknown",
            ),
            (
                "550 no such user ada@example.org, (bob+x@example.org)",
                "550 no such user …, (…)",
            ),
            ("550-one\n550 two\u{1b}[31m", "550-one 550 two [31m"),
            ("", ""),
        ];
        for (words, expected) in texts {
            assert_eq!(presentable(words), expected);
        }
        assert!(presentable(&"é ".repeat(1_000)).len() <= WORDS_BYTES_MAX);
    }
}
