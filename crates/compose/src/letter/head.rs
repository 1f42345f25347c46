//! The header fields that are the same in each message of a letter, written once.

use model::{HeaderText, Mailbox};

use super::error::LetterError;
use super::source::{CustomHeader, LetterSource};
use super::{COPIES_MAX, HEAD_BYTES_MAX, HEADERS_MAX};
use crate::mime::{FieldName, header};

/// Names that the letter sets, beside those that every message has.
const RESERVED: [&str; 2] = ["List-Unsubscribe", "List-Unsubscribe-Post"];

/// Who a letter comes from and who gets copies, and the fields that never change.
#[derive(Debug)]
pub(super) struct Head {
    /// The sender.
    pub from: Mailbox,
    /// Everyone in cc and bcc.
    pub copies: Vec<Mailbox>,
    /// The field `From`.
    pub from_field: Vec<u8>,
    /// `Cc` and `Reply-To`, where given.
    pub copies_fields: Vec<u8>,
    /// The user's own fields.
    pub custom_fields: Vec<u8>,
}

// === impl Head ===

impl Head {
    pub fn compile(source: &LetterSource) -> Result<Self, LetterError> {
        if source.cc.len() + source.bcc.len() > COPIES_MAX {
            return Err(LetterError::TooManyCopies);
        }
        let from = mailbox("from", &source.from)?;
        let mut copies = mailboxes("cc", &source.cc)?;
        let mut copies_fields = Vec::new();
        if !copies.is_empty() {
            header::mailboxes(&mut copies_fields, FieldName::CC, &copies);
        }
        if let Some(text) = &source.reply_to {
            header::mailboxes(&mut copies_fields, FieldName::REPLY_TO, &[reply_to(text)?]);
        }
        copies.extend(mailboxes("bcc", &source.bcc)?);
        let mut from_field = Vec::new();
        header::mailboxes(
            &mut from_field,
            FieldName::FROM,
            std::slice::from_ref(&from),
        );
        let custom_fields = custom_fields(&source.headers)?;
        if from_field.len() + copies_fields.len() + custom_fields.len() > HEAD_BYTES_MAX {
            return Err(LetterError::HeadTooLarge);
        }
        Ok(Self {
            from,
            copies,
            from_field,
            copies_fields,
            custom_fields,
        })
    }
}

fn mailbox(field: &'static str, text: &str) -> Result<Mailbox, LetterError> {
    Mailbox::parse(text).map_err(|source| LetterError::Address {
        field,
        text: text.to_owned(),
        source,
    })
}

fn mailboxes(field: &'static str, texts: &[String]) -> Result<Vec<Mailbox>, LetterError> {
    texts.iter().map(|text| mailbox(field, text)).collect()
}

fn reply_to(text: &str) -> Result<Mailbox, LetterError> {
    let reply_to = mailbox("reply-to", text)?;
    match reply_to.address.is_ascii() {
        true => Ok(reply_to),
        false => Err(LetterError::ReplyToNotAscii(text.to_owned())),
    }
}

fn custom_fields(headers: &[CustomHeader]) -> Result<Vec<u8>, LetterError> {
    if headers.len() > HEADERS_MAX {
        return Err(LetterError::TooManyHeaders);
    }
    let mut fields = Vec::new();
    for custom in headers {
        let name = free_name(&custom.name)?;
        let value =
            HeaderText::parse(&custom.value).map_err(|source| LetterError::HeaderValue {
                name: custom.name.clone(),
                source,
            })?;
        header::text(&mut fields, name, &value);
    }
    Ok(fields)
}

/// A name that is one, and that is not set by other means.
fn free_name(text: &str) -> Result<FieldName<'_>, LetterError> {
    let name = FieldName::parse(text).map_err(|source| LetterError::HeaderName {
        name: text.to_owned(),
        source,
    })?;
    let is_ours = RESERVED.iter().any(|own| own.eq_ignore_ascii_case(text));
    match is_ours || name.is_reserved() {
        true => Err(LetterError::HeaderReserved(text.to_owned())),
        false => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> LetterSource {
        LetterSource {
            from: "Ada <ada@example.org>".to_owned(),
            ..LetterSource::default()
        }
    }

    fn with_header(name: &str, value: &str) -> LetterSource {
        LetterSource {
            headers: vec![CustomHeader {
                name: name.to_owned(),
                value: value.to_owned(),
            }],
            ..source()
        }
    }

    #[test]
    fn fields_that_never_change_are_written_once() {
        let head = Head::compile(&LetterSource {
            cc: vec!["Bob <b@x.org>".to_owned(), "c@x.org".to_owned()],
            bcc: vec!["d@x.org".to_owned()],
            reply_to: Some("r@x.org".to_owned()),
            ..with_header("X-Campaign", "spring")
        })
        .unwrap();
        assert_eq!(head.from_field, b"From: Ada <ada@example.org>\r\n");
        assert_eq!(
            head.copies_fields,
            b"Cc: Bob <b@x.org>, c@x.org\r\nReply-To: r@x.org\r\n"
        );
        assert_eq!(head.custom_fields, b"X-Campaign: spring\r\n");
        assert_eq!(head.copies.len(), 3);
    }

    #[test]
    fn names_that_break_or_repeat_are_refused() {
        for bad in ["", "a b", "a:b", "ä", "a\r\nb", &"x".repeat(65)] {
            let error = Head::compile(&with_header(bad, "v")).unwrap_err();
            assert!(matches!(error, LetterError::HeaderName { .. }), "{bad:?}");
        }
        for taken in ["BCC", "From", "content-type", "Resent-To", "Message-Id"] {
            let error = Head::compile(&with_header(taken, "v")).unwrap_err();
            assert!(matches!(error, LetterError::HeaderReserved(_)), "{taken}");
        }
        let error = Head::compile(&with_header("X-A", "v\r\nBcc: x@y.z")).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("\"X-A\": its value holds a line break"),
            "{error}"
        );
    }

    #[test]
    fn errors_name_the_address() {
        let error = Head::compile(&LetterSource {
            cc: vec!["nobody".to_owned()],
            ..source()
        });
        let text = error.unwrap_err().to_string();
        assert_eq!(text, "cc \"nobody\": the address has no @");
        let error = Head::compile(&LetterSource {
            reply_to: Some("jörg@x.org".to_owned()),
            ..source()
        });
        assert!(matches!(error, Err(LetterError::ReplyToNotAscii(_))));
        let long = "x".repeat(HEAD_BYTES_MAX);
        let error = Head::compile(&with_header("X-A", &long)).unwrap_err();
        assert_eq!(error, LetterError::HeadTooLarge);
        let many = LetterSource {
            bcc: vec!["a@x.org".to_owned(); COPIES_MAX + 1],
            ..source()
        };
        assert_eq!(
            Head::compile(&many).unwrap_err(),
            LetterError::TooManyCopies
        );
    }
}
