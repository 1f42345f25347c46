//! Each hostile text in each field: it arrives as it is or is refused by its field, and adds nothing.

use model::{Address, HeaderText};
use prepare::{Draft, DraftError};
use serde_json::{Value, json};

use crate::seen::Seen;
use crate::support::{message, written};

/// Texts that broke somebody's mail somewhere.
fn hostile_texts() -> Vec<String> {
    let short = [
        "a\r\nBcc: evil@example.org",
        "a\nX-Evil: 1\n\nbody",
        "a\rBcc: evil@example.org",
        "a\r\n\r\n<script>alert(1)</script>",
        "a\r\n Bcc: evil@example.org",
        "a\0b",
        "a\u{2028}Bcc: evil@example.org\u{2029}b",
        "a\u{85}b\u{b}c\u{c}d",
        "\u{1b}[31mred\u{7f}",
        "=?utf-8?q?=0D=0ABcc:_evil@example.org?=",
        "=?utf-8?b?DQpCY2M6IGV2aWw=?= =?x",
        "=0D=0ABcc: evil@example.org",
        "%0d%0aBcc:%20evil@example.org",
        "\\r\\nBcc: evil@example.org",
        "invoice\u{202e}fdp.exe",
        "مرحبا بالعالم",
        "👩‍👩‍👧 family 😀",
        "Grüße an alle",
        "\"quoted\" and \\back\\slashed\\",
        "a, b; c: d <x@example.org> (comment)",
        "evil@example.org, more@example.org",
        "\" <evil@example.org>, \"x",
        "> evil@example.org, <",
        "<evil@example.org>",
        "undisclosed: evil@example.org;",
        "<script>alert('1')</script>&amp;",
        ".\r\n..\r\n.\r\nQUIT\r\n",
        "\n.\n\r.\r\n.\n.\r\n",
        "--=_mixed_0193526c-1d4e-7abc-9000-000000000001--",
        "From here",
        "../../etc/passwd",
        "a;filename=\"b\"",
        "  two  spaces  at each  edge  ",
        "tab\there\t",
    ];
    let long = ["word ".repeat(190), "wört".repeat(190), "x".repeat(998)];
    short.into_iter().map(str::to_owned).chain(long).collect()
}

/// A name in quotes beside an address.
fn quoted(text: &str, address: &str) -> Value {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\" <{address}>").into()
}

/// Puts a text into a message.
type Put = fn(&mut Value, &str);

/// One field: where the text goes, and where a reader sees it.
struct Field {
    name: &'static str,
    put: Put,
    seen: fn(&Seen) -> Option<&str>,
}

/// The fields whose text arrives as it is, unless it cannot stand in a header.
const LINES: [Field; 7] = [
    Field {
        name: "subject",
        put: |message, text| message["subject"] = text.into(),
        seen: |seen| Some(&seen.subject),
    },
    Field {
        name: "headers.X-Note",
        put: |message, text| message["headers"]["X-Note"] = text.into(),
        seen: |seen| seen.note.as_deref(),
    },
    Field {
        name: "from",
        put: |message, text| message["from"] = quoted(text, "ada@example.org"),
        seen: |seen| seen.from[0].0.as_deref(),
    },
    Field {
        name: "to[0]",
        put: |message, text| message["to"] = json!([quoted(text, "bob@example.net")]),
        seen: |seen| seen.to[0].0.as_deref(),
    },
    Field {
        name: "to",
        put: |message, text| message["to"] = quoted(text, "bob@example.net"),
        seen: |seen| seen.to[0].0.as_deref(),
    },
    Field {
        name: "cc",
        put: |message, text| message["cc"] = quoted(text, "cy@example.net"),
        seen: |seen| seen.cc[0].0.as_deref(),
    },
    Field {
        name: "reply_to",
        put: |message, text| message["reply_to"] = quoted(text, "eve@example.org"),
        seen: |seen| seen.reply_to[0].0.as_deref(),
    },
];

/// The fields of text that may be anything: a body, or a word that is checked by rules of its own.
const OTHERS: [(&str, Put); 17] = [
    ("from", |message, text| message["from"] = text.into()),
    ("from", |message, text| {
        message["from"] = format!("{text} <ada@example.org>").into()
    }),
    ("from", |message, text| {
        message["from"] = format!("ada{text}@example.org").into()
    }),
    ("to", |message, text| message["to"] = text.into()),
    ("to", |message, text| {
        message["to"] = json!(["bob@example.net", text])
    }),
    ("to", |message, text| {
        message["to"] = format!("bob@example.net{text}").into()
    }),
    ("to", |message, text| {
        message["to"] = json!([format!("{text} <bob@example.net>")])
    }),
    ("cc", |message, text| message["cc"] = json!([text])),
    ("bcc", |message, text| message["bcc"] = text.into()),
    ("reply_to", |message, text| {
        message["reply_to"] = text.into()
    }),
    ("return_path", |message, text| {
        message["return_path"] = text.into()
    }),
    ("message_id", |message, text| {
        message["message_id"] = text.into()
    }),
    ("message_id", |message, text| {
        message["message_id"] = format!("<a{text}@b>").into()
    }),
    ("content_type", |message, text| {
        message["content_type"] = text.into()
    }),
    ("headers", |message, text| {
        message["headers"] = json!({text: "value"})
    }),
    ("body", |message, text| message["body"] = text.into()),
    ("body_html", |message, text| {
        message["body_html"] = text.into()
    }),
];

const NAMES: [&str; 10] = [
    "Date",
    "Message-ID",
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "X-Note",
    "MIME-Version",
    "Content-Type",
];

/// Whom the envelope is for is named by the client, and whom a reader sees is in the envelope.
fn assert_people(message: &Value, draft: &Draft, seen: &Seen) {
    let recipients: Vec<_> = draft.recipients().iter().map(Address::key).collect();
    let named = ["to", "cc", "bcc"].map(|field| message[field].to_string().to_lowercase());
    for address in &recipients {
        assert!(named.iter().any(|text| text.contains(address)), "{address}");
    }
    for (_, address) in seen.to.iter().chain(&seen.cc) {
        assert!(recipients.contains(&address.to_lowercase()), "{address}");
    }
    assert_eq!(seen.from.len(), 1);
    assert_eq!(seen.from[0].1, draft.from().address.as_str());
}

fn named(error: &DraftError, field: &str) -> bool {
    let start = field.split(['[', '.']).next().unwrap();
    error.field.starts_with(start)
}

#[tokio::test]
async fn a_line_arrives_as_it_is_or_is_refused_by_its_field() {
    let mut count = 0;
    for text in hostile_texts() {
        for field in LINES {
            let mut message = message();
            (field.put)(&mut message, &text);
            let fits = HeaderText::parse(&text).is_ok() && text.len() < 940;
            match written(&message).await {
                Ok((draft, wire)) => {
                    let seen = Seen::of(&wire);
                    assert_eq!((field.seen)(&seen), Some(&*text), "{}", field.name);
                    assert_eq!(seen.names, NAMES, "{}: {text:?}", field.name);
                    assert_people(&message, &draft, &seen);
                }
                Err(error) => {
                    assert!(!fits, "{}: {text:?}: {error}", field.name);
                    assert_eq!(error.field, field.name, "{text:?}");
                }
            }
            count += 1;
        }
    }
    assert!(count >= 250, "{count}");
}

#[tokio::test]
async fn any_other_text_adds_no_header_and_no_recipient() {
    for text in hostile_texts() {
        for (field, put) in OTHERS {
            let mut message = message();
            put(&mut message, &text);
            match written(&message).await {
                Ok((draft, wire)) => {
                    let seen = Seen::of(&wire);
                    let name = if field == "headers" { &text } else { "X-Note" };
                    let expected = NAMES.map(|usual| if usual == "X-Note" { name } else { usual });
                    assert_eq!(seen.names, expected, "{field}: {text:?}");
                    assert_people(&message, &draft, &seen);
                }
                Err(error) => assert!(named(&error, field), "{field}: {text:?}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn a_body_arrives_as_it_is_whatever_it_holds() {
    for text in hostile_texts() {
        let mut message = message();
        message["body"] = text.clone().into();
        message["body_html"] = text.clone().into();
        let (_, wire) = written(&message).await.unwrap();
        let seen = Seen::of(&wire);
        let mut lines = text.replace("\r\n", "\n").replace(['\r', '\n'], "\r\n");
        if !lines.ends_with("\r\n") {
            lines += "\r\n";
        }
        assert_eq!(seen.text.as_deref(), Some(&*lines));
        assert_eq!(seen.html.as_deref(), Some(&*lines));
        assert_eq!(seen.attachments.len(), 1);
        assert_eq!(seen.names, NAMES);
    }
}

#[tokio::test]
async fn a_file_name_stays_a_file_name() {
    for text in hostile_texts() {
        let mut message = message();
        message["attachments"][0]["filename"] = text.clone().into();
        message["attachments"][0]["mime_type"] = text.clone().into();
        match written(&message).await {
            Ok((_, wire)) => {
                let seen = Seen::of(&wire);
                assert_eq!(seen.names, NAMES, "{text:?}");
                assert_eq!(seen.attachments.len(), 1, "{text:?}");
                let (name, _, content) = &seen.attachments[0];
                let last = text.rsplit(['/', '\\']).next().unwrap().trim();
                assert_eq!(name, HeaderText::cleaned(last).as_str());
                assert_eq!(content, b"hi");
            }
            Err(error) => assert_eq!(error.field, "attachments[0].filename", "{text:?}"),
        }
    }
}

#[tokio::test]
async fn a_body_with_the_boundary_in_it_stays_one_part() {
    let mut message = message();
    let id = crate::support::id();
    let hostile = format!(
        "--=_alternative_{id}--\r\n--=_mixed_{id}\r\nContent-Type: text/html\r\n\r\nevil\r\n"
    );
    message["body"] = hostile.clone().into();
    message["body_html"] = hostile.clone().into();
    message["attachments"][0]["filename"] = format!("--=_mixed_{id}--").into();
    let (_, wire) = written(&message).await.unwrap();
    let seen = Seen::of(&wire);
    assert_eq!(
        (seen.text.as_ref(), seen.html.as_ref()),
        (Some(&hostile), Some(&hostile))
    );
    assert_eq!(seen.attachments[0].0, format!("--=_mixed_{id}--"));
}
