//! A file that goes along with a message.

use std::fmt;

use model::HeaderText;
use serde::{Deserialize, Serialize};

use super::header::HeaderLine;
use super::{CRLF, FieldName, base64, parameter};

/// Longest media type in bytes.
const MEDIA_TYPE_BYTES_MAX: usize = 127;

/// A file that goes along with a message, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What the reader is offered as its name, any language, without a path.
    pub file_name: HeaderText,
    /// What kind of file it is.
    pub media_type: MediaType,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A kind of file such as `application/pdf`: lower case, without parameters.
///
/// `multipart/…` and `message/…` are not among them: these may not be written in base64 (RFC 2046
/// §5), so such a file goes as [`MediaType::default`].
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct MediaType(Box<str>);

/// A text is not a kind of file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a media type for an attachment: expected one such as application/pdf, but not multipart or message"
)]
pub struct MediaTypeError;

/// An attachment as a finished part: its headers and its base64, made once and copied into each
/// message.
#[derive(Clone)]
pub struct EncodedAttachment(Box<[u8]>);

// === impl MediaType ===

impl MediaType {
    /// Reads `type/subtype` (RFC 2045 §5.1).
    pub fn parse(text: &str) -> Result<Self, MediaTypeError> {
        let lower = text.trim().to_ascii_lowercase();
        let (kind, subtype) = lower.split_once('/').ok_or(MediaTypeError)?;
        let composite = matches!(kind, "multipart" | "message");
        if composite || !is_token(kind) || !is_token(subtype) || lower.len() > MEDIA_TYPE_BYTES_MAX
        {
            return Err(MediaTypeError);
        }
        Ok(Self(lower.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `token` (RFC 2045 §5.1).
fn is_token(text: &str) -> bool {
    let special = b"()<>@,;:\\\"/[]?=";
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !special.contains(&byte))
}

impl Default for MediaType {
    /// Any file: `application/octet-stream`.
    fn default() -> Self {
        Self("application/octet-stream".into())
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

// === impl EncodedAttachment ===

impl EncodedAttachment {
    /// Encodes an attachment.
    pub fn new(attachment: &Attachment) -> Self {
        let mut part = Vec::new();
        let mut line = HeaderLine::begin(&mut part, FieldName::CONTENT_TYPE);
        line.word(&[attachment.media_type.as_str().as_bytes()]);
        line.end();
        let mut line = HeaderLine::begin(&mut part, FieldName::CONTENT_DISPOSITION);
        line.word(&[b"attachment;"]);
        parameter::write(&mut line, "filename", attachment.file_name.as_str());
        line.end();
        part.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n");
        part.extend_from_slice(CRLF);
        base64::write(&mut part, &attachment.bytes);
        Self(part.into_boxed_slice())
    }

    /// How much it adds to a message, in bytes.
    pub fn encoded_bytes(&self) -> usize {
        self.0.len()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for EncodedAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedAttachment({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_plain_and_discrete() {
        assert_eq!(MediaType::parse(" Text/CSV ").unwrap().as_str(), "text/csv");
        for bad in [
            "",
            "text",
            "text/",
            "/csv",
            "text/c v",
            "text/csv; a=b",
            "a/b\r\nX: y",
            "message/rfc822",
            "multipart/mixed",
        ] {
            assert!(MediaType::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_part_has_its_headers_and_its_base64() {
        let part = EncodedAttachment::new(&Attachment {
            file_name: HeaderText::parse("a.txt").unwrap(),
            media_type: MediaType::parse("text/plain").unwrap(),
            bytes: b"hello".to_vec(),
        });
        let expected = "Content-Type: text/plain\r\n\
            Content-Disposition: attachment; filename=\"a.txt\"\r\n\
            Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n";
        assert_eq!(std::str::from_utf8(part.as_bytes()).unwrap(), expected);
        assert_eq!(part.encoded_bytes(), expected.len());
    }
}
