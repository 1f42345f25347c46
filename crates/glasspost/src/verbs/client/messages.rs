//! `glasspost messages` as requests.

use std::path::Path;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::call::{Ask, Call, Desk, fields};
use super::letter;
use super::table::Shape;
use crate::cli::{AddMessages, Content, MessagesVerb, SendLetter, Terms};
use crate::exit::Failure;
use crate::service::random_secret;
use crate::terminal;

/// The longest file that is handed over, in bytes: longer ones the service refuses.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// How HTML names a part of its own letter (RFC 2392).
const INLINE: &str = "\"cid:";

const COLUMNS: &[&str] = &[
    "id",
    "status",
    "account_id",
    "priority",
    "batch_code",
    "created_at",
    "message.to",
    "message.subject",
    "error",
];
const EVENT_COLUMNS: &[&str] = &[
    "event_ts",
    "event_type",
    "event_data.recipient",
    "event_data.code",
    "event_data.description",
];

impl Ask for MessagesVerb {
    fn call(self, desk: &Desk<'_>) -> Result<Call, Failure> {
        Ok(match self {
            Self::List(list) => {
                Call::get("/messages", &list).shown_as(Shape::List("messages", COLUMNS))
            }
            Self::Get(message) => Call::get("/messages/get", &message),
            Self::Send(letter) => send(&letter, desk)?,
            Self::Add(messages) => add(&messages, desk)?,
            Self::Delete(messages) => Call::post("/commands/delete-messages", &messages),
            Self::Cleanup(old) => Call::post("/commands/cleanup-messages", &old),
            Self::Events(message) => Call::get(events_path(&message.id), &())
                .shown_as(Shape::List("events", EVENT_COLUMNS)),
            Self::Count(batch) => Call::get("/messages/count_active", &batch),
        })
    }
}

/// Where the events of a message are. Its id may hold whatever a Message-ID holds.
fn events_path(id: &str) -> String {
    let mut path = String::from("/messages/");
    for byte in id.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            true => path.push(char::from(byte)),
            false => path += &format!("%{byte:02X}"),
        }
    }
    path + "/events"
}

// === a finished letter ===

fn send(said: &SendLetter, desk: &Desk<'_>) -> Result<Call, Failure> {
    let bytes = desk.stdin.read(&said.file, FILE_BYTES_MAX)?;
    let mut message =
        letter::message(&bytes).with_context(|| format!("{} is no letter", said.file.display()))?;
    let html = message.get("body_html").and_then(Value::as_str);
    if html.is_some_and(|html| html.contains(INLINE)) {
        terminal::remark(
            "the HTML shows parts of the letter by cid:, which the service's API cannot say: they go along as attachments",
        );
    }
    if !said.to.is_empty() {
        for field in ["cc", "bcc"] {
            message.remove(field);
        }
        message.insert("to".to_owned(), json!(said.to));
    }
    message.insert("account_id".to_owned(), json!(said.account));
    one(message, &said.terms)
}

// === messages from JSON or flags ===

fn add(said: &AddMessages, desk: &Desk<'_>) -> Result<Call, Failure> {
    let Some(file) = &said.file else {
        let mut message = fields(said);
        message.extend(content(&said.content, desk)?);
        return one(message, &said.terms);
    };
    let text = desk.stdin.text(file, FILE_BYTES_MAX)?;
    let json =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
    match json {
        Value::Object(mut request) if request.contains_key("messages") => {
            let messages = request.get_mut("messages").and_then(Value::as_array_mut);
            name_tenant(messages.into_iter().flatten(), desk);
            Ok(many(request))
        }
        Value::Object(message) => Ok(Call::new(POST, "/messages/add".into(), message)),
        Value::Array(mut messages) => {
            name_tenant(messages.iter_mut(), desk);
            Ok(many(Map::from_iter([(
                "messages".to_owned(),
                messages.into(),
            )])))
        }
        _ => Err(anyhow!(
            "{} holds neither a message nor a list of messages",
            file.display()
        )
        .into()),
    }
}

const POST: webclient::Method = webclient::Method::POST;

fn many(request: Map<String, Value>) -> Call {
    Call::new(POST, "/commands/add-messages".into(), request)
}

/// One message. It has an id of its own if nobody gives it one.
fn one(mut message: Map<String, Value>, terms: &Terms) -> Result<Call, Failure> {
    message.extend(fields(terms));
    if !message.contains_key("id") {
        let id = random_secret().context("cannot make an id")?;
        message.insert("id".to_owned(), id.expose().into());
    }
    Ok(Call::new(POST, "/messages/add".into(), message))
}

/// The service asks of each message in a list whose it is.
fn name_tenant<'a>(messages: impl Iterator<Item = &'a mut Value>, desk: &Desk<'_>) {
    let Some(tenant) = desk.tenant else {
        return;
    };
    for message in messages.filter_map(Value::as_object_mut) {
        let unnamed = || Value::from(tenant);
        message.entry("tenant_id").or_insert_with(unnamed);
    }
}

/// What a message says, from flags and the files that they name.
fn content(said: &Content, desk: &Desk<'_>) -> Result<Map<String, Value>, Failure> {
    let text = |file: &Option<std::path::PathBuf>| match file {
        Some(file) => desk.stdin.text(file, FILE_BYTES_MAX).map(Some),
        None => Ok(None),
    };
    let attachments: Result<Vec<Value>, Failure> = said
        .attachments
        .iter()
        .map(|file| attachment(file, desk))
        .collect();
    let headers: Map<String, Value> = said
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    Ok(fields(&json!({
        "body_text": text(&said.text_file)?.or_else(|| said.text.clone()),
        "body_html": text(&said.html_file)?,
        "headers": headers,
        "attachments": attachments?,
    })))
}

fn attachment(file: &Path, desk: &Desk<'_>) -> Result<Value, Failure> {
    let bytes = desk.stdin.read(file, FILE_BYTES_MAX)?;
    let name = file.file_name().map(|name| name.to_string_lossy());
    let name = name.with_context(|| format!("{} names no file", file.display()))?;
    Ok(json!({ "filename": name, "storage_path": inline(&bytes) }))
}

/// Bytes as the API takes them within a message.
pub fn inline(bytes: &[u8]) -> String {
    format!("base64:{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stands_in_a_path_whatever_it_holds() {
        assert_eq!(events_path("m-1"), "/messages/m-1/events");
        assert_eq!(
            events_path("a/b?c@d.e"),
            "/messages/a%2Fb%3Fc%40d%2Ee/events"
        );
    }
}
