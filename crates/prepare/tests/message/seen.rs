//! What a reader sees of a message.

use mail_parser::{Address, HeaderForm, MessageParser, MimeHeaders};

/// A message as another parser understands it.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// The names of the header fields, as they stand there.
    pub names: Vec<String>,
    pub from: People,
    pub to: People,
    pub cc: People,
    pub reply_to: People,
    pub subject: String,
    pub note: Option<String>,
    pub message_id: String,
    pub text: Option<String>,
    pub html: Option<String>,
    /// Names, types and contents.
    pub attachments: Vec<(String, String, Vec<u8>)>,
}

/// Names and addresses.
pub type People = Vec<(Option<String>, String)>;

impl Seen {
    pub fn of(wire: &[u8]) -> Self {
        assert_lines(wire);
        let message = MessageParser::default().parse(wire).unwrap();
        let notes = message.header_as("X-Note", HeaderForm::Text);
        let note = notes.first().and_then(|value| value.as_text());
        let attachments = message.attachments().map(|part| {
            let kind = part.content_type().unwrap();
            let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default());
            let name = part.attachment_name().unwrap_or_default().to_owned();
            (name, kind, part.contents().to_vec())
        });
        let has = |kind: &str| {
            let parts = message.parts.iter();
            let kinds = parts.filter_map(|part| part.content_type()?.subtype());
            kinds.filter(|subtype| *subtype == kind).count() > 0
        };
        Self {
            names: names(wire),
            from: people(message.from()),
            to: people(message.to()),
            cc: people(message.cc()),
            reply_to: people(message.reply_to()),
            subject: message.subject().unwrap_or_default().to_owned(),
            note: note.map(str::to_owned),
            message_id: message.message_id().unwrap_or_default().to_owned(),
            text: has("plain").then(|| message.body_text(0).unwrap().into_owned()),
            html: has("html").then(|| message.body_html(0).unwrap().into_owned()),
            attachments: attachments.collect(),
        }
    }
}

/// Every line ends with CRLF, is not too long, and holds neither CR, LF nor NUL.
fn assert_lines(wire: &[u8]) {
    assert!(wire.ends_with(b"\r\n"));
    let text = std::str::from_utf8(wire).unwrap();
    for line in text.split("\r\n") {
        assert!(line.len() <= 998, "{} bytes", line.len());
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
}

fn names(wire: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(wire).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let fields = head.split("\r\n").filter(|line| !line.starts_with(' '));
    let name = |line: &str| line.split_once(':').expect("a field").0.to_owned();
    fields.map(name).collect()
}

fn people(list: Option<&Address<'_>>) -> People {
    let Some(list) = list else {
        return Vec::new();
    };
    let text = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().map(str::to_owned);
    list.iter()
        .map(|one| (text(&one.name), text(&one.address).unwrap_or_default()))
        .collect()
}
