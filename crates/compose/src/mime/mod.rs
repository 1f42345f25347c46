//! The exact bytes on the wire: headers, bodies and attachments, written as 7-bit ASCII lines.
//!
//! Everything is appended to a buffer of the caller's. What is written here always has CRLF at the
//! end of each line and never a CR or LF elsewhere, has no line over [`LINE_BYTES_MAX`], and ends
//! with CRLF. (The one exception to ASCII is an address whose local part is UTF-8: RFC 6532 has it
//! written as it is, and its envelope says so.)
//!
//! - [`attachment`]: a file that goes along, encoded once for all messages
//! - [`body`]: the text, the HTML, the attachments, and the parts they make
//! - [`header`]: one header field, folded
//! - [`FieldName`], [`Link`]: a name and a link that can stand in a header
//! - `base64`, `quoted_printable`, `transfer`: how a body becomes lines of ASCII
//! - `date`, `encoded_word`, `mailbox`, `parameter`: how values become words of a header

mod base64;
mod date;
mod encoded_word;
mod field_name;
mod link;
mod mailbox;
mod parameter;
mod quoted_printable;
mod transfer;

pub mod attachment;
pub mod body;
pub mod header;

pub use attachment::{Attachment, EncodedAttachment, MediaType, MediaTypeError};
pub use body::Body;
pub use field_name::{FIELD_NAME_BYTES_MAX, FieldName, FieldNameError};
pub use link::{Link, LinkError};

use std::fmt;

use model::MessageId;

/// Longest line in octets, without its CRLF (RFC 5322 §2.1.1).
pub const LINE_BYTES_MAX: usize = 998;
/// Length up to which lines of a header are kept where its words allow it: 78 (RFC 5322 §2.1.1), or
/// 76 with encoded words in them (RFC 2047 §2).
pub const LINE_BYTES_GOOD: usize = 76;

const CRLF: &[u8] = b"\r\n";

/// A message's id as text, made once for its several places in the message.
#[derive(Clone, Copy)]
pub struct IdText([u8; Self::BYTES]);

// === impl IdText ===

impl IdText {
    /// The length of a UUID as text.
    const BYTES: usize = 36;

    fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<MessageId> for IdText {
    fn from(id: MessageId) -> Self {
        let mut text = [b'0'; Self::BYTES];
        for (place, byte) in text.iter_mut().zip(id.to_string().bytes()) {
            *place = byte;
        }
        Self(text)
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}
