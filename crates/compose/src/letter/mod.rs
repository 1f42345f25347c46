//! A letter: what a campaign says, compiled once, composed for each recipient.
//!
//! [`LetterSource`] is the written form. [`Letter`] is what every worker shares: templates parsed,
//! fixed header fields and attachments as finished bytes. [`Scratch`] is each worker's own: buffers
//! that one message leaves to the next.

mod compile;
mod data;
mod error;
mod head;
mod render;
mod source;

pub use data::Recipient;
pub use error::{ComposeError, LetterError, Part};
pub use source::{AttachmentSource, CustomHeader, LetterSource, MissingFields, Unsubscribe};

use std::collections::{BTreeSet, HashSet};

use model::{Address, Envelope, HeaderText, Message, Timestamp};

use crate::go_template::Template;
use crate::mime::{self, Body, EncodedAttachment, FieldName, IdText, Link, header};
use head::Head;

/// Most addresses in cc and bcc together: with the recipient they make the hundred that every
/// server takes (RFC 5321 §4.5.3.1.8).
pub const COPIES_MAX: usize = 99;
/// Most further header fields.
pub const HEADERS_MAX: usize = 50;
/// Most bytes of the header fields that are the same in each message.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// Most attachments.
pub const ATTACHMENTS_MAX: usize = 100;
/// Most links to unsubscribe.
pub const LINKS_MAX: usize = 4;
/// Most bytes of a rendered subject or link.
pub const RENDERED_LINE_BYTES_MAX: usize = 64 << 10;

/// What a campaign says, ready to be composed for any number of recipients by any number of
/// threads.
#[derive(Debug)]
pub struct Letter {
    head: Head,
    subject: Template,
    text: Option<Template>,
    html: Option<Template>,
    links: Vec<Template>,
    one_click: bool,
    missing_fields: MissingFields,
    attachments: Vec<EncodedAttachment>,
}

/// One worker's buffers.
#[derive(Debug, Default)]
pub struct Scratch {
    line: String,
    text: String,
    html: String,
}

/// What is known of a message that was composed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// Its subject.
    pub subject: HeaderText,
    /// How often a body used a field that the data lacks; each rendered as nothing.
    pub missing_fields: u32,
}

/// What one recipient would read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The subject.
    pub subject: HeaderText,
    /// The body as text, if the letter has one.
    pub text: Option<String>,
    /// The body as HTML, if the letter has one.
    pub html: Option<String>,
    /// The fields that the bodies use and the data lacks, each once; they rendered as nothing.
    pub missing_fields: BTreeSet<String>,
}

/// A field that a part uses and a recipient's data lacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MissingField {
    /// Where it is used.
    pub part: Part,
    /// Its name.
    pub field: String,
}

// === impl Letter ===

impl Letter {
    /// Appends the message to `out`, as it goes on the wire.
    ///
    /// The same message and date give the same bytes, so every attempt sends the same; `out` is as
    /// it was when there is an error.
    pub fn compose(
        &self,
        message: &Message,
        date: Timestamp,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Composed, ComposeError> {
        let values = Recipient::from(message).values()?;
        let subject = self.subject_of(&values, &mut scratch.line)?;
        let links = self.links_of(&values, &mut scratch.line)?;
        let missing_fields = self.render_bodies(&values, scratch)?.missing_uses;
        let id = IdText::from(message.id);
        header::date(out, date);
        out.extend_from_slice(&self.head.from_field);
        header::address(out, FieldName::TO, &message.address);
        out.extend_from_slice(&self.head.copies_fields);
        header::text(out, FieldName::SUBJECT, &subject);
        header::message_id(out, &id, &self.head.from.address);
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        self.write_links(&links, out);
        out.extend_from_slice(&self.head.custom_fields);
        mime::body::write(out, &self.body(scratch), &self.attachments, &id);
        Ok(Composed {
            subject,
            missing_fields,
        })
    }

    /// The envelope of a message: from the sender to the recipient, then the copies, each address
    /// once.
    pub fn envelope(&self, recipient: &Address) -> Envelope {
        let mut envelope = Envelope::new(Some(self.head.from.address.clone()), recipient.clone());
        if self.head.copies.is_empty() {
            return envelope;
        }
        let mut seen = HashSet::from([recipient.key()]);
        for copy in &self.head.copies {
            if seen.insert(copy.address.key()) {
                envelope.recipients.push(copy.address.clone());
            }
        }
        envelope
    }

    /// The subject that one recipient would read.
    pub fn render_subject(&self, recipient: Recipient<'_>) -> Result<HeaderText, ComposeError> {
        self.subject_of(&recipient.values()?, &mut String::new())
    }

    /// What one recipient would read.
    pub fn preview(&self, recipient: Recipient<'_>) -> Result<Preview, ComposeError> {
        let values = recipient.values()?;
        let mut scratch = Scratch::default();
        let subject = self.subject_of(&values, &mut scratch.line)?;
        self.links_of(&values, &mut scratch.line)?;
        let rendered = self.render_bodies(&values, &mut scratch)?;
        Ok(Preview {
            subject,
            text: self.text.is_some().then_some(scratch.text),
            html: self.html.is_some().then_some(scratch.html),
            missing_fields: rendered
                .missing_names
                .into_iter()
                .map(str::to_owned)
                .collect(),
        })
    }

    /// What the bodies say, once rendered. A letter of attachments alone has an empty text before
    /// them.
    fn body<'a>(&self, scratch: &'a Scratch) -> Body<'a> {
        let (text, html) = (&scratch.text, &scratch.html);
        match (&self.text, &self.html) {
            (Some(_), Some(_)) => Body::Alternative { text, html },
            (None, Some(_)) => Body::Html(html),
            (Some(_) | None, None) => Body::Text(text),
        }
    }

    fn write_links(&self, links: &[Link], out: &mut Vec<u8>) {
        if links.is_empty() {
            return;
        }
        header::links(out, FieldName::LIST_UNSUBSCRIBE, links);
        if self.one_click {
            // The whole field, as RFC 8058 §3.1 has it.
            out.extend_from_slice(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
        }
    }
}

#[cfg(test)]
mod tests;
