//! What a client asked to be sent: one submission, read from its JSON and checked, whole or not at all.
//!
//! | field | what it may be |
//! |---|---|
//! | `from` or `from_addr` | `a@b` or `Name <a@b>`; needed |
//! | `to`, `cc`, `bcc` | a text with commas, or a list of texts with one address each; `to` is needed |
//! | `reply_to` | the same |
//! | `return_path` | where bounces go, if not to the author; `<>` for nowhere |
//! | `subject` | text of one line; needed, and may be empty |
//! | `body`, `content_type` | the text; `plain` (also `text/plain`), which is the default, or `html` (also `text/html`) |
//! | `body_text`, `body_html` | the same by its kind. With both kinds, however they were given, a reader shows the one it can (`multipart/alternative`) |
//! | `message_id` | with or without angle brackets |
//! | `headers` | an object of further header fields, each a text; not those that have a field here or that servers set |
//! | `attachments` | a list of [`AttachmentRequest`]s |
//!
//! `null` is as good as nothing, and so are blanks where an address, an id or a type is due. Other fields are
//! not looked at.
//!
//! - `error`: what cannot be said, by its field
//! - `fields`: JSON read without taking it apart
//! - `head`: header fields, read and written
//! - `people`: whom it is from and for

mod error;
mod fields;
mod head;
mod people;

#[cfg(test)]
mod tests;

pub use error::DraftError;

use std::fmt;

use model::{Address, HeaderText, Mailbox};
use serde_json::Value;

use crate::fetch::request::AttachmentRequest;
use fields::Fields;
use people::People;

/// Most recipients of a draft, to, cc and bcc together.
pub const RECIPIENTS_MAX: usize = 1000;
/// Longest subject, in characters.
pub const SUBJECT_CHARS_MAX: usize = 998;
/// Longest body of either kind, in bytes.
pub const BODY_BYTES_MAX: usize = 25 << 20;
/// Most attachments.
pub const ATTACHMENTS_MAX: usize = 100;
/// Longest address with its name, in bytes.
const MAILBOX_BYTES_MAX: usize = 998;
/// Most bytes of addresses and names in one header field; common servers cut off a field at 100 KiB.
const SHOWN_BYTES_MAX: usize = 64 << 10;
/// Most further header fields.
const HEADERS_MAX: usize = 100;
/// Longest value of one, in bytes.
const HEADER_VALUE_BYTES_MAX: usize = 8 << 10;
/// Most bytes of all of them, as lines.
const HEADERS_BYTES_MAX: usize = 64 << 10;
/// Longest id of a message, in bytes.
const MESSAGE_ID_BYTES_MAX: usize = 250;
/// Longest content type, in bytes.
const CONTENT_TYPE_BYTES_MAX: usize = 100;

/// A submission that can be made into a message, once its attachments are there.
pub struct Draft {
    people: People,
    subject: HeaderText,
    message_id: Option<HeaderText>,
    /// As finished lines.
    custom_fields: Vec<u8>,
    bodies: Bodies,
    attachments: Vec<AttachmentRequest>,
}

/// What a draft says.
#[derive(Default)]
pub(crate) struct Bodies {
    pub text: Option<String>,
    pub html: Option<String>,
}

// === impl Draft ===

impl Draft {
    /// Reads the JSON of a message; see the module for its fields. The first field that cannot be is the error.
    pub fn read(message: &Value) -> Result<Self, DraftError> {
        let fields = Fields::of(message)?;
        Ok(Self {
            people: People::read(fields)?,
            subject: subject(fields)?,
            message_id: head::message_id(fields)?,
            custom_fields: head::custom_fields(fields)?,
            bodies: Bodies::read(fields)?,
            attachments: attachments(fields)?,
        })
    }

    /// Whom it is for: everybody in to, cc and bcc, in that order, each once whatever the case. At least one.
    pub fn recipients(&self) -> Vec<Address> {
        self.people.recipients().cloned().collect()
    }

    pub(crate) fn has_several_recipients(&self) -> bool {
        self.people.recipients().nth(1).is_some()
    }

    /// Where bounces go, which is the envelope's sender; `None` is the null sender.
    pub fn sender(&self) -> Option<&Address> {
        self.people.sender.as_ref()
    }

    /// Whether it says where bounces go. If not, they go to who wrote it.
    pub fn names_return_path(&self) -> bool {
        self.people.names_return_path
    }

    /// Who wrote it.
    pub fn from(&self) -> &Mailbox {
        &self.people.from
    }

    /// Its subject.
    pub fn subject(&self) -> &HeaderText {
        &self.subject
    }

    /// What goes along.
    pub fn attachments(&self) -> &[AttachmentRequest] {
        &self.attachments
    }

    /// Whether all that it needs is in it: no attachment has to be fetched.
    pub fn is_whole(&self) -> bool {
        self.attachments.iter().all(AttachmentRequest::is_inside)
    }

    pub(crate) fn bodies(&self) -> &Bodies {
        &self.bodies
    }
}

fn subject(fields: Fields<'_>) -> Result<HeaderText, DraftError> {
    let field = "subject";
    let text = fields.text(field, SUBJECT_CHARS_MAX * 4)?;
    let text = text.ok_or_else(|| DraftError::missing(field))?;
    if text.chars().count() > SUBJECT_CHARS_MAX {
        let problem = format!("is longer than {SUBJECT_CHARS_MAX} characters");
        return Err(DraftError::new(field, problem));
    }
    HeaderText::parse(text).map_err(|error| DraftError::new(field, error.to_string()))
}

fn attachments(fields: Fields<'_>) -> Result<Vec<AttachmentRequest>, DraftError> {
    let items = fields.list("attachments")?;
    if items.len() > ATTACHMENTS_MAX {
        let problem = format!("more than {ATTACHMENTS_MAX}");
        return Err(DraftError::new("attachments", problem));
    }
    let read = |(index, item): (usize, &Value)| {
        let request = AttachmentRequest::try_from(item.clone())
            .and_then(|request| request.check().map(|()| request));
        request.map_err(|error| DraftError::of_attachment(index, error))
    };
    items.iter().enumerate().map(read).collect()
}

impl fmt::Debug for Draft {
    /// Nobody's address and nothing that was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("recipients", &self.people.recipients().count())
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}

// === impl Bodies ===

impl Bodies {
    fn read(fields: Fields<'_>) -> Result<Self, DraftError> {
        let text = |field| fields.text(field, BODY_BYTES_MAX);
        let mut bodies = Self {
            text: text("body_text")?.map(str::to_owned),
            html: text("body_html")?.map(str::to_owned),
        };
        let (place, field) = match is_html(fields)? {
            true => (&mut bodies.html, "body_html"),
            false => (&mut bodies.text, "body_text"),
        };
        let Some(body) = text("body")? else {
            return Ok(bodies);
        };
        match place.replace(body.to_owned()) {
            None => Ok(bodies),
            Some(_) => Err(DraftError::new(field, "is given already, as body")),
        }
    }
}

/// What `body` is.
fn is_html(fields: Fields<'_>) -> Result<bool, DraftError> {
    let field = "content_type";
    let given = fields.word(field, CONTENT_TYPE_BYTES_MAX)?;
    // Parameters, such as a charset, say nothing about text that came as JSON.
    let kind = given
        .and_then(|text| text.split(';').next())
        .unwrap_or("plain");
    match kind.trim().to_ascii_lowercase().as_str() {
        "plain" | "text/plain" => Ok(false),
        "html" | "text/html" => Ok(true),
        _ => Err(DraftError::new(
            field,
            "must be plain, html, text/plain or text/html",
        )),
    }
}
