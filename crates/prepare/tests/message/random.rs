//! Any texts at all.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::seen::Seen;
use crate::support::written;

/// Texts with more of what breaks things than chance would give.
fn any_text() -> impl Strategy<Value = String> {
    let breaking = vec![
        "\r", "\n", "\r\n", ".", " ", "\t", "=?", "?=", "=", "\0", "é", "😀", "\u{2028}", "<", ">",
        "\"", "\\", ",", "@", "x@y.org",
    ];
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => "[ -~]{0,40}",
        1 => "[ -~]{900,1100}",
        4 => prop::sample::select(breaking).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// An address with any name, or any text in its place.
fn any_mailbox() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => any_text(),
        2 => any_text().prop_map(|name| format!("{name} <one@example.net>")),
        2 => any_text().prop_map(|name| {
            let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{escaped}\" <two@example.net>")
        }),
        4 => "[a-z]{1,5}@[a-z]{1,5}\\.org",
    ]
}

fn any_message() -> impl Strategy<Value = Value> {
    let people = (
        any_mailbox(),
        prop::collection::vec(any_mailbox(), 1..4),
        any_mailbox(),
    );
    let texts = (any_text(), any_text(), any_text(), any_text(), any_text());
    (people, texts).prop_map(|((from, to, cc), (subject, body, html, value, file))| {
        json!({"from": from, "to": to, "cc": cc, "subject": subject, "body": body, "body_html": html,
            "headers": {"X-Note": value},
            "attachments": [{"filename": file, "storage_path": "base64:aGk="}]})
    })
}

/// The same with lines that a draft may have, so that nearly all can be made.
fn any_good_message() -> impl Strategy<Value = Value> {
    any_message().prop_map(|mut message| {
        message["from"] = "ada@example.org".into();
        message["to"] = "bob@example.net".into();
        message["cc"] = Value::Null;
        message["subject"] = cleaned(&message["subject"]);
        message["headers"]["X-Note"] = cleaned(&message["headers"]["X-Note"]);
        let file = &mut message["attachments"][0]["filename"];
        *file = format!(
            "{}.pdf",
            file.as_str().unwrap().chars().take(250).collect::<String>()
        )
        .into();
        message
    })
}

fn cleaned(text: &Value) -> Value {
    let text = model::HeaderText::cleaned(text.as_str().unwrap());
    text.as_str().chars().take(998).collect::<String>().into()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #[test]
    fn any_message_is_refused_or_has_its_fields_and_parts_and_no_others(message in any_message()) {
        if let Ok((draft, wire)) = run(written(&message)) {
            let seen = Seen::of(&wire);
            prop_assert_eq!(seen.names.len(), 9 - usize::from(seen.cc.is_empty()));
            prop_assert_eq!(seen.to.len(), message["to"].as_array().unwrap().len());
            prop_assert_eq!(seen.attachments.len(), 1);
            prop_assert!(draft.recipients().len() <= seen.to.len() + seen.cc.len());
        }
    }

    #[test]
    fn any_text_arrives_as_it_was(message in any_good_message()) {
        let (_, wire) = run(written(&message)).unwrap();
        let seen = Seen::of(&wire);
        prop_assert_eq!(Some(&*seen.subject), message["subject"].as_str());
        prop_assert_eq!(seen.note.as_deref().or(Some("")), message["headers"]["X-Note"].as_str());
    }
}
