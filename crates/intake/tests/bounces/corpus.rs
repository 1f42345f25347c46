//! Each message of the corpus says exactly what the file beside it holds.

use std::fs;
use std::path::{Path, PathBuf};

use intake::bounce::{Evidence, Kind, Learned, News, Original, Permanence, Receipt, read};
use serde_json::{Map, Value, json};

/// How many messages there are at least: a wrong path must not pass.
const MESSAGES_MIN: usize = 60;

/// The messages of the corpus.
pub fn messages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/bounces");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut messages: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .collect();
    messages.sort();
    assert!(messages.len() >= MESSAGES_MIN, "{}", messages.len());
    messages
}

#[test]
fn every_message_says_what_is_expected() {
    let differences: Vec<String> = messages()
        .iter()
        .filter_map(|path| difference(path))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_ends_of_lines_make_no_difference() {
    for path in messages() {
        let message = fs::read(&path).unwrap();
        let crlf = String::from_utf8_lossy(&message).replace('\n', "\r\n");
        let lf = String::from_utf8_lossy(&message).into_owned();
        assert_eq!(
            read(crlf.as_bytes()),
            read(lf.as_bytes()),
            "{}",
            path.display()
        );
    }
}

/// What differs between a message and the file beside it.
fn difference(path: &Path) -> Option<String> {
    let expected = fs::read_to_string(path.with_extension("json")).unwrap();
    let mut expected: Value = serde_json::from_str(&expected).unwrap();
    let learned = read(&fs::read(path).unwrap()).unwrap();
    let mut found = describe(&learned);
    for (expected, found) in entries(&mut expected).into_iter().zip(entries(&mut found)) {
        let words = expected.remove("reason_holds").unwrap();
        let reason = found.remove("reason").unwrap();
        let (words, reason) = (words.as_str().unwrap(), reason.as_str().unwrap());
        assert!(
            reason.contains(words),
            "{}: {reason:?} holds no {words:?}",
            path.display()
        );
        assert!(
            reason.chars().count() <= 500 && !reason.contains(char::is_control),
            "{reason:?}"
        );
    }
    let name = path.file_name().unwrap().to_str().unwrap();
    (found != expected).then(|| format!("{name}\n  expected {expected}\n  found    {found}"))
}

fn entries(description: &mut Value) -> Vec<&mut Map<String, Value>> {
    let listed = description.as_object_mut().unwrap().values_mut();
    let entries = listed.flat_map(|value| match value {
        Value::Array(entries) => entries.iter_mut().collect(),
        entry => vec![entry],
    });
    entries
        .map(|entry| entry.as_object_mut().unwrap())
        .collect()
}

fn describe(learned: &Learned) -> Value {
    match learned {
        Learned::Nothing => json!({"news": []}),
        Learned::Report(news) => json!({"news": news.iter().map(entry).collect::<Vec<_>>()}),
        Learned::Receipt(receipt) => json!({"receipt": pec(receipt)}),
    }
}

fn entry(news: &News) -> Value {
    let kind = match news.kind {
        Kind::Bounced(Permanence::Hard) => "bounced_hard",
        Kind::Bounced(Permanence::Soft) => "bounced_soft",
        Kind::Delayed => "delayed",
        Kind::Delivered => "delivered",
        Kind::Relayed => "relayed",
        Kind::Expanded => "expanded",
    };
    let evidence = match news.evidence {
        Evidence::Report => "report",
        Evidence::Text => "text",
    };
    let (mail_id, message_id) = names(news.about.as_ref());
    let mut entry = json!({
        "kind": kind,
        "recipient": news.recipient,
        "mail_id": mail_id,
        "message_id": message_id,
        "status": news.status.map(|status| status.to_string()),
        "reply_code": news.reply_code,
        "evidence": evidence,
        "reason": news.reason,
    });
    if let Some(original) = &news.original_recipient {
        entry["original_recipient"] = json!(original);
    }
    entry
}

fn pec(receipt: &Receipt) -> Value {
    let (mail_id, message_id) = names(receipt.about.as_ref());
    json!({
        "event": receipt.kind.event(),
        "recipient": receipt.recipient,
        "mail_id": mail_id,
        "message_id": message_id,
        "reason": receipt.reason,
    })
}

fn names(about: Option<&Original>) -> (Value, Value) {
    let about = about.cloned().unwrap_or_default();
    (json!(about.mail_id), json!(about.message_id))
}
