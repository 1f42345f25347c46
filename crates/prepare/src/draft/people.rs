//! Whom a draft is from and for.

use std::collections::HashSet;

use model::{Address, Mailbox};
use serde_json::Value;

use super::error::DraftError;
use super::fields::Fields;
use super::{MAILBOX_BYTES_MAX, RECIPIENTS_MAX, SHOWN_BYTES_MAX};

/// The field that says where bounces go.
const RETURN_PATH: &str = "return_path";
/// What stands for "nobody gets bounces" (RFC 5321 §4.5.5).
const NULL_PATH: &str = "<>";

/// Everybody whom a draft names.
pub(super) struct People {
    pub from: Mailbox,
    /// Where bounces go; `None` is the null sender.
    pub sender: Option<Address>,
    /// Whether it said so itself.
    pub names_return_path: bool,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub bcc: Vec<Mailbox>,
    pub reply_to: Vec<Mailbox>,
}

impl People {
    pub fn read(fields: Fields<'_>) -> Result<Self, DraftError> {
        let (from_field, from) = author(fields)?;
        let people = Self {
            sender: sender(fields, &from)?,
            names_return_path: fields.word(RETURN_PATH, MAILBOX_BYTES_MAX)?.is_some(),
            from,
            to: mailboxes(fields, "to")?,
            cc: mailboxes(fields, "cc")?,
            bcc: mailboxes(fields, "bcc")?,
            reply_to: mailboxes(fields, "reply_to")?,
        };
        if people.to.is_empty() {
            return Err(DraftError::missing("to"));
        }
        people.check_counts()?;
        people.check_shown(from_field)?;
        Ok(people)
    }

    /// Everybody who gets the message, each once whatever the case of the address.
    pub fn recipients(&self) -> impl Iterator<Item = &Address> {
        let all = [&self.to, &self.cc, &self.bcc];
        let mut seen = HashSet::new();
        all.into_iter()
            .flatten()
            .map(|mailbox| &mailbox.address)
            .filter(move |address| seen.insert(address.key()))
    }

    fn check_counts(&self) -> Result<(), DraftError> {
        let mut count = 0;
        for (field, list) in [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)] {
            count += list.len();
            if count > RECIPIENTS_MAX {
                let problem = format!("brings the recipients to more than {RECIPIENTS_MAX}");
                return Err(DraftError::new(field, problem));
            }
        }
        if self.reply_to.len() > RECIPIENTS_MAX {
            let problem = format!("has more than {RECIPIENTS_MAX} addresses");
            return Err(DraftError::new("reply_to", problem));
        }
        Ok(())
    }

    /// What stands in the header is of a size that servers take. An address beyond ASCII stands there only
    /// where each envelope asks for SMTPUTF8 anyway (RFC 6531 §3.1): all recipients get the same header.
    fn check_shown(&self, from_field: &'static str) -> Result<(), DraftError> {
        let sent_as_utf8 = self
            .sender
            .as_ref()
            .is_some_and(|sender| !sender.is_ascii())
            || self.recipients().all(|address| !address.is_ascii());
        let from = std::slice::from_ref(&self.from);
        let fields = [(from_field, from), ("to", &self.to), ("cc", &self.cc)];
        for (field, list) in fields.into_iter().chain([("reply_to", &*self.reply_to)]) {
            if list.iter().map(shown_bytes).sum::<usize>() > SHOWN_BYTES_MAX {
                let problem = format!("is longer than {SHOWN_BYTES_MAX} bytes");
                return Err(DraftError::new(field, problem));
            }
            if !sent_as_utf8 && !list.iter().all(|mailbox| mailbox.address.is_ascii()) {
                let problem = "has a local part beyond ASCII, which cannot be shown to recipients whose own \
                    address is ASCII";
                return Err(DraftError::new(field, problem));
            }
        }
        Ok(())
    }
}

fn shown_bytes(mailbox: &Mailbox) -> usize {
    let name = mailbox.name.as_ref().map_or(0, |name| name.as_str().len());
    mailbox.address.as_str().len() + name
}

/// The author, and the field that the client gave it in.
fn author(fields: Fields<'_>) -> Result<(&'static str, Mailbox), DraftError> {
    for field in ["from", "from_addr"] {
        if let Some(text) = fields.word(field, MAILBOX_BYTES_MAX)? {
            return Ok((field, mailbox(text, field)?));
        }
    }
    Err(DraftError::missing("from"))
}

/// Where bounces go: to the author, unless the draft says otherwise.
fn sender(fields: Fields<'_>, from: &Mailbox) -> Result<Option<Address>, DraftError> {
    match fields.word(RETURN_PATH, MAILBOX_BYTES_MAX)? {
        None => Ok(Some(from.address.clone())),
        Some(NULL_PATH) => Ok(None),
        Some(text) => Ok(Some(mailbox(text, RETURN_PATH)?.address)),
    }
}

/// A list of mailboxes: a list of texts with one each, or one text with commas between them.
fn mailboxes(fields: Fields<'_>, field: &'static str) -> Result<Vec<Mailbox>, DraftError> {
    match fields.get(field) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => split_list(text)
            .take(RECIPIENTS_MAX + 1)
            .enumerate()
            .map(|(index, one)| mailbox_of_text(field, index, one))
            .collect(),
        Some(Value::Array(items)) => items
            .iter()
            .take(RECIPIENTS_MAX + 1)
            .enumerate()
            .map(|(index, item)| mailbox_of_item(field, index, item))
            .collect(),
        Some(_) => Err(DraftError::new(field, "must be text or a list of texts")),
    }
}

fn mailbox_of_item(field: &str, index: usize, item: &Value) -> Result<Mailbox, DraftError> {
    // The place is only spelled out for an error.
    let at_place = |error: DraftError| DraftError::new(format!("{field}[{index}]"), error.problem);
    match item.as_str() {
        Some(text) => mailbox(text, field).map_err(at_place),
        None => Err(at_place(DraftError::new(field, "must be text"))),
    }
}

/// Of a text with commas, errors tell which of its addresses they are about.
fn mailbox_of_text(field: &str, index: usize, text: &str) -> Result<Mailbox, DraftError> {
    mailbox(text, field).map_err(|error| match index {
        0 => error,
        _ => DraftError::new(field, format!("address {}: {}", index + 1, error.problem)),
    })
}

fn mailbox(text: &str, field: &str) -> Result<Mailbox, DraftError> {
    if text.len() > MAILBOX_BYTES_MAX {
        let problem = format!("is longer than {MAILBOX_BYTES_MAX} bytes");
        return Err(DraftError::new(field, problem));
    }
    Mailbox::parse(text).map_err(|error| DraftError::new(field, error.to_string()))
}

/// The parts of a text between its commas. A comma in quotes or angle brackets belongs to its address.
fn split_list(text: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped, mut is_bracketed) = (false, false, false);
    let is_end = move |c| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_quoted,
            '"' => is_quoted = !is_quoted,
            '<' if !is_quoted => is_bracketed = true,
            '>' if !is_quoted => is_bracketed = false,
            ',' => return !is_quoted && !is_bracketed,
            _ => {}
        }
        false
    };
    text.split(is_end)
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_commas_outside_of_quotes_and_brackets() {
        let cases: [(&str, &[&str]); 6] = [
            ("a@x, b@y", &["a@x", "b@y"]),
            (",, a@x ,\n,", &["a@x"]),
            (r#""D, J" <d@x>,b@y"#, &[r#""D, J" <d@x>"#, "b@y"]),
            (r#""a\",b" <d@x>, c@z"#, &[r#""a\",b" <d@x>"#, "c@z"]),
            (r#"<"a,b"@x>, "c,d"@y"#, &[r#"<"a,b"@x>"#, r#""c,d"@y"#]),
            (r#""open, a@x"#, &[r#""open, a@x"#]),
        ];
        for (text, parts) in cases {
            assert_eq!(split_list(text).collect::<Vec<_>>(), parts, "{text}");
        }
    }
}
