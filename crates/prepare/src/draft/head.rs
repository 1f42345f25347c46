//! The header fields that a draft brings along, and how all of them are written.

use compose::mime::{FieldName, IdText, header};
use model::{HeaderText, Timestamp};
use serde_json::Value;

use super::Draft;
use super::error::DraftError;
use super::fields::Fields;
use super::{HEADER_VALUE_BYTES_MAX, HEADERS_BYTES_MAX, HEADERS_MAX, MESSAGE_ID_BYTES_MAX};

/// By it news of a message finds back to it; who makes the message writes it.
const TRACE_FIELD: &str = "X-Genro-Mail-ID";

/// Reads `headers`, and gives them as lines.
pub(super) fn custom_fields(fields: Fields<'_>) -> Result<Vec<u8>, DraftError> {
    let mut lines = Vec::new();
    let Some(given) = fields.object("headers")? else {
        return Ok(lines);
    };
    if given.len() > HEADERS_MAX {
        let problem = format!("has more than {HEADERS_MAX} fields");
        return Err(DraftError::new("headers", problem));
    }
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let name = free_name(name)?;
        header::text(&mut lines, name, &header_value(name, value)?);
        if lines.len() > HEADERS_BYTES_MAX {
            let problem = format!("is longer than {HEADERS_BYTES_MAX} bytes");
            return Err(DraftError::new("headers", problem));
        }
    }
    Ok(lines)
}

/// A name that is one, and that is not set by other means.
fn free_name(text: &str) -> Result<FieldName<'_>, DraftError> {
    let name = FieldName::parse(text).map_err(|error| {
        let start: String = text.chars().take(40).collect();
        DraftError::new("headers", format!("{start:?}: {error}"))
    })?;
    match name.is_reserved() || text.eq_ignore_ascii_case(TRACE_FIELD) {
        true => {
            let problem = "is set by the message's own fields or by servers on the way";
            Err(DraftError::new(format!("headers.{text}"), problem))
        }
        false => Ok(name),
    }
}

fn header_value(name: FieldName<'_>, value: &Value) -> Result<HeaderText, DraftError> {
    let bad = |problem| DraftError::new(format!("headers.{}", name.as_str()), problem);
    match value {
        Value::String(text) if text.len() <= HEADER_VALUE_BYTES_MAX => {
            HeaderText::parse(text).map_err(|error| bad(error.to_string()))
        }
        Value::String(_) => Err(bad(format!(
            "is longer than {HEADER_VALUE_BYTES_MAX} bytes"
        ))),
        _ => Err(bad("must be text".to_owned())),
    }
}

/// Reads `message_id`, with or without its angle brackets.
pub(super) fn message_id(fields: Fields<'_>) -> Result<Option<HeaderText>, DraftError> {
    let field = "message_id";
    let Some(text) = fields.word(field, MESSAGE_ID_BYTES_MAX)? else {
        return Ok(None);
    };
    let inner = text
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    let inner = inner.unwrap_or(text);
    let wrong = || DraftError::new(field, "must be as in <part@domain>, ASCII without spaces");
    // A reader may decode what looks like an encoded word, even where none may stand.
    if !is_message_id(inner) || inner.contains("=?") {
        return Err(wrong());
    }
    HeaderText::parse(&format!("<{inner}>"))
        .map(Some)
        .map_err(|_| wrong())
}

/// `id-left "@" id-right` (RFC 5322 §3.6.4), each of any characters that cannot end it.
fn is_message_id(text: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty()
            && bytes.all(|byte| byte.is_ascii_graphic() && !b"<>@(),;\"\\".contains(&byte))
    };
    text.split_once('@')
        .is_some_and(|(left, right)| is_part(left) && is_part(right))
}

impl Draft {
    /// Writes the header fields, all but those that describe the body.
    pub(crate) fn write_head(&self, out: &mut Vec<u8>, id: &IdText, at: Timestamp) {
        let people = &self.people;
        let from = std::slice::from_ref(&people.from);
        header::date(out, at);
        match &self.message_id {
            Some(given) => header::text(out, FieldName::MESSAGE_ID, given),
            None => header::message_id(out, id, &people.from.address),
        }
        let lists = [
            (FieldName::FROM, from),
            (FieldName::TO, &people.to),
            (FieldName::CC, &people.cc),
            (FieldName::REPLY_TO, &people.reply_to),
        ];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            header::mailboxes(out, name, list);
        }
        header::text(out, FieldName::SUBJECT, &self.subject);
        out.extend_from_slice(&self.custom_fields);
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }
}
