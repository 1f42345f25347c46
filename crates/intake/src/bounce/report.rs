//! Bounces and delays: by the standard where there is a delivery status, else by their words.

use model::EnhancedCode;

use super::fields::Fields;
use super::mime::{Message, Refused};
use super::news::{Evidence, Kind, News, Original, Permanence, REASON_CHARS_MAX, one_line};
use super::original::message_id;
use super::status::{Codes, enhanced};
use super::text::{self, Failure, failures, is_from_a_mail_system};

const STATUS_KINDS: [&str; 2] = ["message/delivery-status", "message/global-delivery-status"];
/// What a report encloses of the message that it is about (RFC 3462, RFC 6522, RFC 6533).
const RETURNED_KINDS: [&str; 5] = [
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
];
/// Reports about something else: that somebody read a message (RFC 8098), or complained (RFC 5965).
const OTHER_REPORTS: [&str; 3] = [
    "message/disposition-notification",
    "message/global-disposition-notification",
    "message/feedback-report",
];
/// How much of a returned message is searched for its names, in bytes.
const RETURNED_BYTES_MAX: usize = 256 * 1024;
/// Longest address, in characters (RFC 5321 §4.5.3.1.3, and some for those who are more generous).
const ADDRESS_CHARS_MAX: usize = 320;

/// What a message says about others that were sent, one entry a recipient. Ordinary mail, automatic replies, read
/// receipts and complaints say nothing.
///
/// # Errors
/// The message is built to cost time or memory, and was not read.
pub fn report(message: &[u8]) -> Result<Vec<News>, Refused> {
    Ok(report_in(&Message::parse(message)?))
}

pub(crate) fn report_in(message: &Message<'_>) -> Vec<News> {
    if message.part(&OTHER_REPORTS).is_some() {
        return Vec::new();
    }
    let by_status = by_status(message);
    if !by_status.is_empty() {
        return by_status;
    }
    text::news(message)
}

/// The entries of a delivery status. A person may forward one; then its sender is no mail system and its form none
/// of a report.
fn by_status(message: &Message<'_>) -> Vec<News> {
    let Some(status) = message.part(&STATUS_KINDS) else {
        return Vec::new();
    };
    if message.headers.kind() != "multipart/report" && !is_from_a_mail_system(&message.headers) {
        return Vec::new();
    }
    let about = original(message);
    let explained = failures(&message.text());
    let blocks = Fields::blocks(&status.text());
    blocks
        .iter()
        .filter_map(|block| recipient_news(block, about.as_ref(), &explained))
        .collect()
}

/// What a block says about its recipient; `None` for the block about the whole message.
fn recipient_news(block: &Fields, about: Option<&Original>, explained: &[Failure]) -> Option<News> {
    let last = block.typed("final-recipient").map(address);
    let first = block.typed("original-recipient").map(address);
    let diagnostic = block.typed("diagnostic-code");
    let codes = Codes::find(diagnostic.unwrap_or_default());
    let status = exact_status(block.get("status"), codes.enhanced);
    if last.is_none() && first.is_none() && (status.is_none() || block.get("action").is_none()) {
        return None;
    }
    let recipient = last.or_else(|| first.clone());
    let in_words = || {
        explained
            .iter()
            .find(|failure| Some(&failure.recipient) == recipient.as_ref())
    };
    let reason = match diagnostic {
        Some(diagnostic) => diagnostic,
        None => in_words().map_or(block.get("status").unwrap_or_default(), |failure| {
            &failure.reason
        }),
    };
    Some(News {
        about: about.cloned(),
        kind: kind(block.get("action"), status, codes.reply)?,
        status,
        reply_code: codes.reply,
        reason: one_line(reason, REASON_CHARS_MAX),
        evidence: Evidence::Report,
        original_recipient: first.filter(|first| Some(first) != recipient.as_ref()),
        recipient,
    })
}

/// The status of the report, unless the server's own words hold a more exact one of the same class.
fn exact_status(named: Option<&str>, in_words: Option<EnhancedCode>) -> Option<EnhancedCode> {
    let first_word = named.and_then(|named| named.split([' ', '\t', '(', ';']).next());
    match (first_word.and_then(enhanced), in_words) {
        (Some(EnhancedCode(class, 0, 0)), Some(exact)) if exact.0 == class => Some(exact),
        (named, in_words) => named.or(in_words),
    }
}

/// By the action (RFC 3464 §2.3.3); where it is missing, by the class of the code.
fn kind(
    action: Option<&str>,
    status: Option<EnhancedCode>,
    reply_code: Option<u16>,
) -> Option<Kind> {
    let failed = Kind::Bounced(Permanence::of(status, reply_code));
    let word = action.and_then(|action| action.split([' ', '\t', '(', ';']).next());
    match word.unwrap_or_default().to_ascii_lowercase().as_str() {
        "failed" | "failure" => Some(failed),
        "delayed" => Some(Kind::Delayed),
        "delivered" => Some(Kind::Delivered),
        "relayed" => Some(Kind::Relayed),
        "expanded" => Some(Kind::Expanded),
        _ => match (status.map(|status| status.0), reply_code) {
            (Some(2), _) => Some(Kind::Delivered),
            (Some(4), _) => Some(Kind::Delayed),
            (None, None) => None,
            _ => Some(failed),
        },
    }
}

/// An address as a report writes it, without angle brackets.
fn address(written: &str) -> Box<str> {
    let bare = written.trim().trim_start_matches('<').trim_end_matches('>');
    one_line(bare, ADDRESS_CHARS_MAX)
}

/// The names of the message that a report is about: from what it encloses, else from a copy within its text, else
/// from the headers that tie a reply to what it answers.
pub(crate) fn original(message: &Message<'_>) -> Option<Original> {
    let enclosed = message.part(&RETURNED_KINDS).map(|part| {
        let bytes = part.bytes();
        let head = &bytes[..bytes.len().min(RETURNED_BYTES_MAX)];
        Original::in_headers(&String::from_utf8_lossy(head))
    });
    let found = enclosed.unwrap_or_else(|| Original::in_text(&message.text()));
    let answered = ["In-Reply-To", "References"]
        .iter()
        .filter_map(|name| message.headers.raw(name))
        .find_map(message_id);
    let tied = Original {
        mail_id: None,
        message_id: answered,
    };
    // With our own id the message is known already; a tie could only confuse it with another.
    let found = if found.mail_id.is_some() {
        found
    } else {
        found.or(tied)
    };
    found.known()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> Option<EnhancedCode> {
        exact_status(Some(text), None)
    }

    #[test]
    fn a_general_status_gives_way_to_the_exact_one_in_the_words() {
        let exact = Some(EnhancedCode(5, 1, 1));
        assert_eq!(exact_status(Some("5.0.0"), exact), exact);
        assert_eq!(
            exact_status(Some("4.0.0"), exact),
            Some(EnhancedCode(4, 0, 0))
        );
        assert_eq!(
            exact_status(Some("5.7.1"), exact),
            Some(EnhancedCode(5, 7, 1))
        );
        assert_eq!(status("5.1.1 (bad mailbox)"), exact);
        assert_eq!(status("nonsense"), None);
    }

    #[test]
    fn without_an_action_the_class_decides() {
        let soft = Some(Kind::Bounced(Permanence::Soft));
        assert_eq!(
            kind(Some("FAILED (final)"), Some(EnhancedCode(4, 4, 7)), None),
            soft
        );
        assert_eq!(
            kind(None, Some(EnhancedCode(4, 4, 7)), None),
            Some(Kind::Delayed)
        );
        assert_eq!(
            kind(None, Some(EnhancedCode(2, 0, 0)), None),
            Some(Kind::Delivered)
        );
        assert_eq!(
            kind(Some("?"), None, Some(550)),
            Some(Kind::Bounced(Permanence::Hard))
        );
        assert_eq!(kind(None, None, None), None);
    }
}
