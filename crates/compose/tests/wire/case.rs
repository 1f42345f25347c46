//! One message of a test: what is put in, and what has to come out.

use compose::letter::{
    AttachmentSource, ComposeError, CustomHeader, Letter, LetterError, LetterSource, Preview,
    Recipient, Scratch, Unsubscribe,
};
use compose::mime::{Attachment, MediaType};
use model::{
    Address, Content, ContentHash, HeaderText, LaneId, Message, MessageId, MessageState, Priority,
    Seq, Timestamp,
};
use serde_json::{Value, json};

/// 2026-11-22T14:13:39Z
const DATE: Timestamp = Timestamp::from_millis(1_795_356_819_000);

/// The texts that fill a message. Each may be anything.
#[derive(Clone, Debug)]
pub struct Case {
    pub recipient: String,
    pub from_name: String,
    pub cc_name: String,
    pub reply_to_name: String,
    pub subject: String,
    pub text: Option<String>,
    pub html: Option<String>,
    pub link: String,
    pub custom_value: String,
    pub file_names: Vec<String>,
}

/// A message as composed, and what was meant by it.
pub struct Composed {
    pub wire: Vec<u8>,
    pub meant: Value,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            recipient: "Eve+News@example.org".to_owned(),
            from_name: "Ada Lovelace".to_owned(),
            cc_name: String::new(),
            reply_to_name: "Answers, please".to_owned(),
            subject: "Hello".to_owned(),
            text: Some("Hello,\nyou.\n".to_owned()),
            html: None,
            link: "eve".to_owned(),
            custom_value: "spring".to_owned(),
            file_names: Vec::new(),
        }
    }
}

impl Case {
    /// The same with every header's text cleaned, as a user has to do it when the letter is
    /// refused.
    pub fn cleaned(&self) -> Self {
        let clean = |text: &String| HeaderText::cleaned(text).as_str().to_owned();
        Self {
            from_name: clean(&self.from_name),
            cc_name: clean(&self.cc_name),
            reply_to_name: clean(&self.reply_to_name),
            custom_value: clean(&self.custom_value),
            file_names: self.file_names.iter().map(clean).collect(),
            ..self.clone()
        }
    }

    fn attachments(&self) -> Vec<Attachment> {
        let attachment = |name: &String| Attachment {
            file_name: HeaderText::cleaned(name),
            media_type: MediaType::parse("application/pdf").unwrap(),
            bytes: name.as_bytes().to_vec(),
        };
        self.file_names.iter().map(attachment).collect()
    }

    pub fn letter(&self) -> Result<Letter, LetterError> {
        let attachments = self.attachments();
        let source = LetterSource {
            from: mailbox(&self.from_name, "ada@example.com"),
            cc: vec![mailbox(&self.cc_name, "cc@example.com")],
            bcc: vec!["bcc@example.com".to_owned()],
            reply_to: Some(mailbox(&self.reply_to_name, "re@example.com")),
            subject: "{{.subject}}".to_owned(),
            text: self.text.as_ref().map(|_| "{{.text}}".to_owned()),
            html: self.html.as_ref().map(|_| "<p>{{.html}}</p>".to_owned()),
            unsubscribe: Some(Unsubscribe {
                links: vec!["https://example.com/u?e={{.link}}#".to_owned()],
                one_click: true,
            }),
            headers: vec![CustomHeader {
                name: "X-Campaign".to_owned(),
                value: self.custom_value.clone(),
            }],
            attachments: attachments.iter().map(AttachmentSource::of).collect(),
            ..LetterSource::default()
        };
        Letter::compile(&source, &attachments)
    }

    fn data(&self) -> String {
        json!({"subject": self.subject, "text": self.text, "html": self.html, "link": self.link})
            .to_string()
    }

    fn message(&self) -> Message {
        let accepted_at = Timestamp::from_millis(1_795_000_000_000);
        Message {
            seq: Seq::new(1),
            id: MessageId::new(accepted_at, 7, Seq::new(1)),
            lane: LaneId(1),
            content: Content::Letter(ContentHash([0; 32])),
            priority: Priority::Medium,
            address: Address::parse(&self.recipient).unwrap(),
            data: self.data().into_boxed_str(),
            accepted_at,
            attempts: 0,
            state: MessageState::Queued,
            retry_of: None,
        }
    }

    pub fn compose(&self) -> Result<Composed, ComposeError> {
        let letter = self
            .letter()
            .unwrap_or_else(|error| panic!("{self:?}: {error}"));
        let message = self.message();
        let mut wire = Vec::new();
        letter.compose(&message, DATE, &mut Scratch::default(), &mut wire)?;
        let envelope = letter.envelope(&message.address);
        assert_eq!(
            envelope
                .recipients
                .iter()
                .map(Address::as_str)
                .collect::<Vec<_>>(),
            [&self.recipient, "cc@example.com", "bcc@example.com"]
        );
        let preview = letter.preview(Recipient::from(&message))?;
        let meant = self.meant(&message.id, preview);
        Ok(Composed { wire, meant })
    }

    fn meant(&self, id: &MessageId, preview: Preview) -> Value {
        let shape = self.shape();
        let mut names = vec![
            "Date",
            "From",
            "To",
            "Cc",
            "Reply-To",
            "Subject",
            "Message-ID",
            "MIME-Version",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
            "X-Campaign",
            "Content-Type",
        ];
        if shape.is_string() {
            names.push("Content-Transfer-Encoding");
        }
        let mut bodies: Vec<_> = [preview.text, preview.html].into_iter().flatten().collect();
        if bodies.is_empty() {
            bodies.push(String::new());
        }
        json!({
            "names": names,
            "Date": "2026-11-22T14:13:39+00:00",
            "From": [[self.from_name, "ada@example.com"]],
            "To": [["", self.recipient]],
            "Cc": [[self.cc_name, "cc@example.com"]],
            "Reply-To": [[self.reply_to_name, "re@example.com"]],
            "Subject": HeaderText::cleaned(&self.subject).as_str(),
            "Message-ID": format!("<{id}@example.com>"),
            "List-Unsubscribe": [format!("https://example.com/u?e={}#", self.link)],
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "custom": [["X-Campaign", self.custom_value]],
            "shape": shape,
            "bodies": bodies,
            "attachments": self.attachments().iter().map(meant_attachment).collect::<Vec<_>>(),
        })
    }

    fn shape(&self) -> Value {
        let content = match (&self.text, &self.html) {
            (Some(_), Some(_)) => json!(["multipart/alternative", ["text/plain", "text/html"]]),
            (None, Some(_)) => json!("text/html"),
            _ => json!("text/plain"),
        };
        if self.file_names.is_empty() {
            return content;
        }
        let mut parts = vec![content];
        parts.extend(self.file_names.iter().map(|_| json!("application/pdf")));
        json!(["multipart/mixed", parts])
    }
}

fn meant_attachment(attachment: &Attachment) -> Value {
    json!([attachment.file_name.as_str(), attachment.bytes])
}

fn mailbox(name: &str, address: &str) -> String {
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\" <{address}>")
}
