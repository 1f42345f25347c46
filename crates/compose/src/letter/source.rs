//! What a campaign says, as it is written down once.

use aws_lc_rs::digest::{Context, SHA256};
use model::{ContentHash, HeaderText};
use serde::{Deserialize, Serialize};

use crate::mime::{Attachment, MediaType};

/// What a campaign says to everyone: stored once, compiled into a [`Letter`](super::Letter) by each
/// process that delivers it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterSource {
    /// Who it comes from: `ada@example.org` or `Ada Lovelace <ada@example.org>`.
    pub from: String,
    /// Where answers go, if not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The subject, a text template.
    pub subject: String,
    /// The body as HTML, an HTML template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The body as text, a text template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Who gets a copy of every message, and is named in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// Who gets a copy of every message without being named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    /// How to leave the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe: Option<Unsubscribe>,
    /// More header fields, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<CustomHeader>,
    /// The files that go along, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentSource>,
    /// What becomes of a message whose data lacks a field that a body uses.
    #[serde(default)]
    pub missing_fields: MissingFields,
}

/// How a recipient leaves the list (RFC 2369 §3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    /// `https`, `http` or `mailto` links, text templates, the preferred first.
    pub links: Vec<String>,
    /// Whether a POST to the first `https` link unsubscribes without asking back (RFC 8058).
    #[serde(default)]
    pub one_click: bool,
}

/// A header field of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomHeader {
    /// Its name, such as `X-Campaign`.
    pub name: String,
    /// Its value, the same in each message.
    pub value: String,
}

/// An attachment, known by what it is called and what is in it; the bytes are kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachmentSource {
    /// What it is called.
    pub file_name: HeaderText,
    /// What kind of file it is.
    pub media_type: MediaType,
    /// The hash of its bytes.
    #[serde(with = "hash_as_hex")]
    pub hash: ContentHash,
}

/// What becomes of a message whose data lacks a field that a body uses. In a subject it is never
/// sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingFields {
    /// The field renders as nothing, and is counted.
    #[default]
    Empty,
    /// The message is not sent.
    Refuse,
}

// === impl LetterSource ===

impl LetterSource {
    /// What tells one campaign from another when it has no name: SHA-256 over sender, subject,
    /// bodies and attachments.
    ///
    /// A resumed run finds its campaign by it, so it never changes for a given letter. It says how
    /// each campaign speaks, not how it is sent: copies, links and further headers may change
    /// between a run and its resumption.
    pub fn digest(&self) -> ContentHash {
        let mut digest = Digest(Context::new(&SHA256));
        digest.add(Some(&self.from));
        digest.add(Some(&self.subject));
        digest.add(self.html.as_deref());
        digest.add(self.text.as_deref());
        for attachment in &self.attachments {
            digest.add(Some(attachment.file_name.as_str()));
            digest.add(Some(attachment.media_type.as_str()));
            digest.0.update(&attachment.hash.0);
        }
        digest.finish()
    }
}

/// A hash over a sequence of texts, each with its length in front, so that no two sequences look
/// alike.
struct Digest(Context);

// === impl Digest ===

impl Digest {
    /// The length that stands for no text at all.
    const ABSENT: u64 = u64::MAX;

    fn add(&mut self, text: Option<&str>) {
        let bytes = text.map_or(Self::ABSENT, |text| text.len() as u64);
        self.0.update(&bytes.to_le_bytes());
        self.0.update(text.unwrap_or_default().as_bytes());
    }

    fn finish(self) -> ContentHash {
        let mut hash = ContentHash([0; 32]);
        hash.0.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}

// === impl AttachmentSource ===

impl AttachmentSource {
    /// Describes an attachment.
    pub fn of(attachment: &Attachment) -> Self {
        let mut digest = Digest(Context::new(&SHA256));
        digest.0.update(&attachment.bytes);
        Self {
            file_name: attachment.file_name.clone(),
            media_type: attachment.media_type.clone(),
            hash: digest.finish(),
        }
    }
}

/// A hash as 64 hexadecimal digits.
mod hash_as_hex {
    use std::fmt::Write;

    use model::ContentHash;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(hash: &ContentHash, serializer: S) -> Result<S::Ok, S::Error> {
        let text = hash.0.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ContentHash, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = ContentHash([0; 32]);
        let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.len() != 2 * hash.0.len() || !digits {
            return Err(D::Error::custom(
                "expected a SHA-256 as 64 hexadecimal digits",
            ));
        }
        for (index, byte) in hash.0.iter_mut().enumerate() {
            let pair = &text[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(D::Error::custom)?;
        }
        Ok(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> LetterSource {
        LetterSource {
            from: "Ada <ada@example.org>".to_owned(),
            subject: "Hi {{.name}}".to_owned(),
            html: Some("<p>{{.name}}</p>".to_owned()),
            attachments: vec![AttachmentSource::of(&Attachment {
                file_name: HeaderText::parse("a.txt").unwrap(),
                media_type: MediaType::default(),
                bytes: b"abc".to_vec(),
            })],
            ..LetterSource::default()
        }
    }

    #[test]
    fn a_source_survives_being_stored() {
        let json = serde_json::to_string(&source()).unwrap();
        assert!(json.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
        assert_eq!(
            serde_json::from_str::<LetterSource>(&json).unwrap(),
            source()
        );
        let broken = json.replace("ba7816bf", "ba7816bü");
        assert!(serde_json::from_str::<LetterSource>(&broken).is_err());
    }

    #[test]
    fn the_digest_tells_letters_apart_and_stays() {
        let digest = source().digest();
        let changes: [fn(&mut LetterSource); 6] = [
            |it| it.from = "Ada <eve@example.org>".to_owned(),
            |it| it.subject.push('!'),
            |it| it.html = None,
            |it| it.text = Some(String::new()),
            |it| it.attachments[0].hash.0[31] ^= 1,
            |it| std::mem::swap(&mut it.html, &mut it.text),
        ];
        for change in changes {
            let mut other = source();
            change(&mut other);
            assert_ne!(other.digest(), digest);
        }
        let mut same = source();
        same.bcc.push("boss@example.org".to_owned());
        assert_eq!(same.digest(), digest);
        // As Python's hashlib has it over the same sequence. A change would lose every unnamed
        // campaign.
        assert_eq!(
            digest.0[..8],
            [0x59, 0xd7, 0x53, 0xfc, 0xda, 0x23, 0xc8, 0xc2]
        );
    }
}
