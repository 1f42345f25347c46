//! A finished letter (RFC 5322) as a message of the service's API.
//!
//! What servers on the way write is left out, and so is how the letter was encoded: the service writes both anew.

use compose::mime::FieldName;
use mail_parser::{
    Addr, Address, HeaderForm, HeaderName, HeaderValue, Message, MessageParser, MessagePart,
    MimeHeaders, PartType,
};
use serde_json::{Map, Value, json};

use super::call::fields;
use super::messages::inline;

/// A field by which the service finds its own mail again; it writes that itself.
const TRACE_FIELD: &str = "X-Genro-Mail-ID";
/// What a part is called that has no name.
const UNNAMED: &str = "attachment";

/// Why a letter cannot be handed over.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// Nothing of it can be read.
    #[error("it has no header")]
    NoHeader,
    /// Nobody wrote it.
    #[error("the field From names nobody")]
    NoAuthor,
    /// A field that can be given once is there more often.
    #[error("the field {0} is there more than once, which the service's API cannot say")]
    Repeated(String),
}

/// The letter as a message, without account and tenant.
pub fn message(bytes: &[u8]) -> Result<Map<String, Value>, LetterError> {
    let letter = MessageParser::default().parse(bytes);
    let letter = letter.ok_or(LetterError::NoHeader)?;
    if letter.headers().is_empty() {
        return Err(LetterError::NoHeader);
    }
    let from = mailboxes(letter.from()).into_iter().next();
    let bodies = Bodies::of(&letter);
    let attachments: Vec<Value> = letter.attachments().map(attachment).collect();
    let mut message = fields(&json!({
        "from": from.ok_or(LetterError::NoAuthor)?,
        "to": mailboxes(letter.to()),
        "cc": mailboxes(letter.cc()),
        "bcc": mailboxes(letter.bcc()),
        "reply_to": mailboxes(letter.reply_to()),
        "return_path": letter.return_address(),
        "id": letter.message_id(),
        "message_id": letter.message_id(),
        "body_text": bodies.text,
        "body_html": bodies.html,
        "headers": free_fields(&letter)?,
        "attachments": attachments,
    }));
    let subject = letter.subject().unwrap_or_default();
    message.insert("subject".to_owned(), subject.into());
    Ok(message)
}

/// What a letter says.
#[derive(Default)]
struct Bodies {
    text: Option<String>,
    html: Option<String>,
}

impl Bodies {
    /// The parser shows a text as HTML where there is none, and the other way round: each counts as what it is.
    fn of(letter: &Message<'_>) -> Self {
        let mut bodies = Self::default();
        for part in letter.text_bodies() {
            if let PartType::Text(text) = &part.body {
                bodies.text.get_or_insert_default().push_str(text);
            }
        }
        for part in letter.html_bodies() {
            if let PartType::Html(html) = &part.body {
                bodies.html.get_or_insert_default().push_str(html);
            }
        }
        bodies
    }
}

/// Everybody whom a field names, as in `Name <a@b.c>`.
fn mailboxes(field: Option<&Address<'_>>) -> Vec<String> {
    let people = field.into_iter().flat_map(Address::iter);
    people.filter_map(mailbox).collect()
}

fn mailbox(one: &Addr<'_>) -> Option<String> {
    let address = one.address()?;
    let name = one.name().map(str::trim).filter(|name| !name.is_empty());
    Some(match name {
        Some(name) => {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{quoted}\" <{address}>")
        }
        None => address.to_owned(),
    })
}

/// The header fields that have no place of their own in a message, and are not written by servers.
fn free_fields(letter: &Message<'_>) -> Result<Map<String, Value>, LetterError> {
    let mut free = Map::new();
    for header in letter.headers() {
        let name = header.name.as_str();
        let is_free = FieldName::parse(name).is_ok_and(|name| !name.is_reserved());
        if !is_free || name.eq_ignore_ascii_case(TRACE_FIELD) || is_trace(name) {
            continue;
        }
        let value = text(letter, &header.name);
        if free.insert(name.to_owned(), value.into()).is_some() {
            return Err(LetterError::Repeated(name.to_owned()));
        }
    }
    Ok(free)
}

/// Whether a field tells of the way that a letter took, and not of the letter.
fn is_trace(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("arc-")
        || matches!(
            name.as_str(),
            "authentication-results" | "received-spf" | "x-original-to" | "envelope-to"
        )
}

/// The text of a field, unfolded and decoded.
fn text(letter: &Message<'_>, name: &HeaderName<'_>) -> String {
    let values = letter.header_as(name.as_str().to_owned(), HeaderForm::Text);
    values
        .into_iter()
        .find_map(|value| match value {
            HeaderValue::Text(text) => Some(text.into_owned()),
            _ => None,
        })
        .unwrap_or_default()
}

fn attachment(part: &MessagePart<'_>) -> Value {
    let kind = part.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()),
        None => kind.ctype().to_owned(),
    });
    json!({
        "filename": part.attachment_name().unwrap_or(UNNAMED),
        "mime_type": kind,
        "storage_path": inline(part.contents()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: &str = "Received: from a by b\r\n\
        Return-Path: <bounces@example.org>\r\n\
        DKIM-Signature: v=1\r\n\
        Authentication-Results: b; spf=pass\r\n\
        From: =?utf-8?q?Ad=C3=A8le?= <ada@example.org>\r\n\
        To: \"Doe, Bob\" <bob@example.com>, carol@example.com\r\n\
        Cc: Team: dan@example.com;\r\n\
        Bcc: eve@example.com\r\n\
        Reply-To: answers@example.org\r\n\
        Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\
        Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n\
        Message-ID: <one@example.org>\r\n\
        References: <a@x>\r\n <b@x>\r\n\
        X-Note: =?utf-8?q?caf=C3=A9?=\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=m\r\n\r\n\
        --m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
        --a\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        caf=C3=A9\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n--a--\r\n\
        --m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--m--\r\n";

    #[test]
    fn a_letter_becomes_a_message_with_all_that_is_its_own() {
        let message = message(LETTER.as_bytes()).unwrap();
        let expected = json!({
            "id": "one@example.org",
            "message_id": "one@example.org",
            "from": "\"Adèle\" <ada@example.org>",
            "to": ["\"Doe, Bob\" <bob@example.com>", "carol@example.com"],
            "cc": ["dan@example.com"],
            "bcc": ["eve@example.com"],
            "reply_to": ["answers@example.org"],
            "return_path": "bounces@example.org",
            "subject": "Grüße",
            "body_text": "café",
            "body_html": "<p>Hi</p>",
            "headers": {"References": "<a@x> <b@x>", "X-Note": "café"},
            "attachments": [{"filename": "a.pdf", "mime_type": "application/pdf", "storage_path": "base64:AAEC"}],
        });
        assert_eq!(Value::Object(message), expected);
    }

    #[test]
    fn a_plain_letter_has_no_html_and_an_html_letter_no_text() {
        let with = |kind: &str| format!("From: a@b.c\nContent-Type: {kind}\n\nHi\n");
        let plain = message(with("text/plain").as_bytes()).unwrap();
        assert_eq!(plain["body_text"], "Hi\n");
        assert!(!plain.contains_key("body_html"));
        let html = message(with("text/html").as_bytes()).unwrap();
        assert_eq!(html["body_html"], "Hi\n");
        assert!(!html.contains_key("body_text"));
        assert_eq!(plain["subject"], "");
    }

    #[test]
    fn what_is_no_letter_says_what_it_lacks() {
        assert_eq!(message(b""), Err(LetterError::NoHeader));
        assert_eq!(message(b"To: a@b.c\n\nx"), Err(LetterError::NoAuthor));
        let twice = message(b"From: a@b.c\nX-A: 1\nX-A: 2\n\nx");
        assert_eq!(twice, Err(LetterError::Repeated("X-A".to_owned())));
    }
}
