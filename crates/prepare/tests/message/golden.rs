//! Whole messages, byte for byte.

use serde_json::{Value, json};

use crate::seen::Seen;
use crate::support::{AT, id, made, message, tenant, workshop, written};

/// The message with its line ends shown as one character each, which none of its lines holds.
async fn shown(message: Value) -> String {
    let (_, wire) = written(&message).await.unwrap();
    Seen::of(&wire);
    String::from_utf8(wire).unwrap().replace("\r\n", "\n")
}

#[tokio::test]
async fn a_plain_text() {
    let message = json!({"from": "ada@example.org", "to": "bob@example.net", "subject": "Hi",
        "body": "Hello Bob,\n.\nFrom Ada\n"});
    insta::assert_snapshot!("plain", shown(message).await);
}

#[tokio::test]
async fn an_accented_html() {
    let message = json!({"from_addr": "Jörg Winter <j@example.org>", "subject": "Schöne Grüße an alle",
        "to": "\"Bücher, Bernd\" <b@example.net>, c@example.net", "content_type": "html",
        "body": "<p>Schöne Grüße</p>\n", "message_id": "m1@app.example.org",
        "headers": {"List-Unsubscribe": "<https://example.org/u?x=1>", "X-Note": "für dich"}});
    insta::assert_snapshot!("html", shown(message).await);
}

#[tokio::test]
async fn everything_at_once() {
    insta::assert_snapshot!("everything", shown(message()).await);
}

#[tokio::test]
async fn nothing_but_an_attachment() {
    let message = json!({"from": "ada@example.org", "to": "bob@example.net", "subject": "",
        "return_path": "<>", "attachments":
            [{"filename": "Übersicht.csv", "storage_path": "base64:YSxiCg==", "mime_type": "text/csv"}]});
    insta::assert_snapshot!("attachment", shown(message).await);
}

#[tokio::test]
async fn each_part_is_read_as_it_was_meant() {
    let (draft, wire) = written(&message()).await.unwrap();
    let seen = Seen::of(&wire);
    let one = |name: &str, address: &str| vec![(Some(name.to_owned()), address.to_owned())];
    assert_eq!(
        seen.names,
        [
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
        ]
    );
    assert_eq!(seen.from, one("Ada", "ada@example.org"));
    assert_eq!(seen.to, one("Bob", "bob@example.net"));
    assert_eq!(seen.cc, one("Cy", "cy@example.net"));
    assert_eq!(seen.reply_to, one("Eve", "eve@example.org"));
    assert_eq!(seen.message_id, format!("{}@example.org", id()));
    assert_eq!(seen.text.as_deref(), Some("Hello\r\n"));
    assert_eq!(seen.html.as_deref(), Some("<p>Hello</p>\r\n"));
    let attachment = (
        "a.pdf".to_owned(),
        "application/pdf".to_owned(),
        b"hi".to_vec(),
    );
    assert_eq!(seen.attachments, [attachment]);
    let recipients: Vec<_> = draft.recipients().iter().map(ToString::to_string).collect();
    assert_eq!(
        recipients,
        ["bob@example.net", "cy@example.net", "di@example.net"]
    );
    assert!(!String::from_utf8(wire).unwrap().contains("di@example.net"));
}

#[tokio::test]
async fn every_try_has_the_same_bytes() {
    let draft = prepare::Draft::read(&message()).unwrap();
    let workshop = workshop();
    let first = workshop
        .make(&tenant(), None, &draft, id(), AT)
        .await
        .unwrap();
    let again = workshop
        .make(&tenant(), None, &draft, id(), AT)
        .await
        .unwrap();
    let elsewhere = made(&draft).await.unwrap();
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(first.bytes, elsewhere.bytes);
}

#[tokio::test]
async fn a_body_that_takes_long_to_write_is_the_same_as_a_short_one() {
    let line = "Ein Gruß an alle, die dies lesen.\r\n";
    let mut message = message();
    message["body"] = line.repeat(20_000).into();
    let (_, wire) = written(&message).await.unwrap();
    assert_eq!(Seen::of(&wire).text.unwrap(), line.repeat(20_000));
}
