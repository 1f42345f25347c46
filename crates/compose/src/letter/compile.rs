//! From what a campaign says to a letter that can be composed.

use super::error::{LetterError, Part};
use super::head::Head;
use super::source::{AttachmentSource, LetterSource, Unsubscribe};
use super::{ATTACHMENTS_MAX, LINKS_MAX, Letter};
use crate::go_template::Template;
use crate::mime::{Attachment, EncodedAttachment, Link};

/// What every action of a template begins with.
const ACTION_START: &str = "{{";

// === impl Letter ===

impl Letter {
    /// Checks everything that can be checked before the first message, parses the templates and
    /// encodes the attachments, which are those of the source, in its order.
    pub fn compile(source: &LetterSource, attachments: &[Attachment]) -> Result<Self, LetterError> {
        check_attachments(source, attachments)?;
        if source.html.is_none() && source.text.is_none() && attachments.is_empty() {
            return Err(LetterError::NoBody);
        }
        let unsubscribe = source.unsubscribe.as_ref();
        Ok(Self {
            head: Head::compile(source)?,
            subject: Template::parse_text(Part::Subject.as_str(), &source.subject)?,
            text: optional(source.text.as_deref(), |text| {
                Template::parse_text(Part::Text.as_str(), text)
            })?,
            html: optional(source.html.as_deref(), |html| {
                Template::parse_html(Part::Html.as_str(), html)
            })?,
            links: optional(unsubscribe, links)?.unwrap_or_default(),
            one_click: unsubscribe.is_some_and(|unsubscribe| unsubscribe.one_click),
            missing_fields: source.missing_fields,
            attachments: attachments.iter().map(EncodedAttachment::new).collect(),
        })
    }
}

fn optional<T, U, E>(
    given: Option<T>,
    read: impl FnOnce(T) -> Result<U, E>,
) -> Result<Option<U>, E> {
    given.map(read).transpose()
}

fn check_attachments(source: &LetterSource, attachments: &[Attachment]) -> Result<(), LetterError> {
    if source.attachments.len().max(attachments.len()) > ATTACHMENTS_MAX {
        return Err(LetterError::TooManyAttachments);
    }
    let given: Vec<_> = attachments.iter().map(AttachmentSource::of).collect();
    let differing = (0..given.len().max(source.attachments.len()))
        .find(|&index| given.get(index) != source.attachments.get(index));
    let Some(index) = differing else {
        return Ok(());
    };
    let named = source.attachments.get(index).or(given.get(index));
    let name = named.map(|attachment| attachment.file_name.to_string());
    Err(LetterError::AttachmentChanged(name.unwrap_or_default()))
}

fn links(unsubscribe: &Unsubscribe) -> Result<Vec<Template>, LetterError> {
    if !(1..=LINKS_MAX).contains(&unsubscribe.links.len()) {
        return Err(LetterError::UnsubscribeLinks);
    }
    // What begins with a field of the recipient's is only known later.
    let may_be_https = |link: &String| {
        let start = link.trim_start().to_ascii_lowercase();
        start.starts_with("https:") || start.starts_with(ACTION_START)
    };
    if unsubscribe.one_click && !unsubscribe.links.iter().any(may_be_https) {
        return Err(LetterError::OneClickNeedsHttps);
    }
    unsubscribe.links.iter().map(|text| link(text)).collect()
}

/// A link without an action is the same for everybody: wrong, it would cost every recipient their mail.
fn link(text: &str) -> Result<Template, LetterError> {
    if !text.contains(ACTION_START) {
        Link::parse(text).map_err(|source| LetterError::UnsubscribeLink {
            link: text.to_owned(),
            source,
        })?;
    }
    Ok(Template::parse_text(Part::Unsubscribe.as_str(), text)?)
}
