//! Why a letter cannot be used, or a message not be made.

use std::fmt;

use model::{AddressError, HeaderTextError};

use super::{ATTACHMENTS_MAX, COPIES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, LINKS_MAX};
use crate::go_template::{ParseError, RenderError};
use crate::mime::{FieldNameError, LinkError};

/// Why what a campaign says cannot be sent to anyone. Found before the first message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LetterError {
    /// One of the campaign's own addresses is wrong.
    #[error("{field} {text:?}: {source}")]
    Address {
        /// `from`, `reply-to`, `cc` or `bcc`.
        field: &'static str,
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// The next server would have to be told that the headers are UTF-8, which only the envelope's
    /// addresses do.
    #[error("reply-to {0:?}: the part before the @ has to be ASCII")]
    ReplyToNotAscii(String),
    /// More copies than a transaction may have recipients.
    #[error("cc and bcc have more than {COPIES_MAX} addresses: make them recipients of the list")]
    TooManyCopies,
    /// A template does not parse.
    #[error(transparent)]
    Template(#[from] ParseError),
    /// There is nothing to send.
    #[error("the letter has no text, no html and no attachment: give at least one")]
    NoBody,
    /// A header's name holds what no name may hold.
    #[error("header {name:?}: {source}")]
    HeaderName {
        /// What was given.
        name: String,
        /// What is wrong with it.
        source: FieldNameError,
    },
    /// A header that the letter itself or a server on the way sets.
    #[error("header {0:?}: this one cannot be set here, leave it out")]
    HeaderReserved(String),
    /// A header's value would end its line.
    #[error("header {name:?}: its value {source}")]
    HeaderValue {
        /// The header.
        name: String,
        /// What is wrong with its value.
        source: HeaderTextError,
    },
    /// More headers than anyone needs.
    #[error("there are more than {HEADERS_MAX} further headers")]
    TooManyHeaders,
    /// Fields that servers would not take.
    #[error("names, copies and further headers have more than {} KiB", HEAD_BYTES_MAX / 1024)]
    HeadTooLarge,
    /// No link, or too many.
    #[error("unsubscribe needs 1 to {LINKS_MAX} links")]
    UnsubscribeLinks,
    /// A link that is the same for everybody is none.
    #[error("unsubscribe {link:?}: {source}")]
    UnsubscribeLink {
        /// What was given.
        link: String,
        /// What is wrong with it.
        source: LinkError,
    },
    /// One click is promised and no link can be clicked so.
    #[error("unsubscribing by one click needs a link that begins with https: (RFC 8058)")]
    OneClickNeedsHttps,
    /// The files are not those that the letter was made with.
    #[error("attachment {0:?} is missing or not what it was when the letter was made")]
    AttachmentChanged(String),
    /// More files than anyone opens.
    #[error("there are more than {ATTACHMENTS_MAX} attachments: pack them into an archive")]
    TooManyAttachments,
}

/// Why a message to one recipient cannot be made. The other recipients' are not touched.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ComposeError {
    /// The recipient's data cannot be read.
    #[error("the recipient's data is not a JSON object: {0}")]
    Data(String),
    /// The data lacks a field that it needs.
    #[error("the {part} uses the field {field:?}, which the recipient's data lacks")]
    MissingField {
        /// Where it is used.
        part: Part,
        /// Its name.
        field: String,
    },
    /// A template does not render with this data.
    #[error("{part}: {source}")]
    Render {
        /// Which.
        part: Part,
        /// Why.
        source: RenderError,
    },
    /// A link to unsubscribe came out wrong.
    #[error("unsubscribe: with the recipient's data {0}")]
    Link(LinkError),
    /// One click is promised and no link came out as one that can be clicked so.
    #[error(
        "unsubscribe: with the recipient's data no link begins with https:, which one click needs"
    )]
    OneClickNeedsHttps,
}

/// A part of a letter that is a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The subject.
    Subject,
    /// The body as text.
    Text,
    /// The body as HTML.
    Html,
    /// A link to unsubscribe.
    Unsubscribe,
}

// === impl Part ===

impl Part {
    /// The word for it in errors and template names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
