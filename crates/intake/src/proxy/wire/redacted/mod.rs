//! What of a request may be written down: no secret, and no more than [`COMMAND_BYTES_MAX`].
//!
//! Of mail that is handed over, only what tells messages apart is; of a storage, nothing of its settings.
//!
//! A body is read only as far as there is room, so that a batch of megabytes costs no more than its beginning.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Value, json};
use store::directory::COMMAND_BYTES_MAX;

use super::secrets::{self, is_secret, is_secret_in_auth, place};

/// The longest text that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 512;
/// The longest name of a field that is kept, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// What stands for a secret.
const SECRET: &str = "\"***\"";
/// What stands for what had no room, in the place where it would be.
const MORE: &str = "\"…\"";
/// Room for [`MORE`] as a field, with its comma.
const MORE_BYTES: usize = 16;
/// The fields that say whom or what a request is about.
const TENANT: &str = "tenant_id";
const ID: &str = "id";

/// What of mail that is handed over is shown, in a message or around all of them.
const OF_MAIL: [&str; 6] = [
    ID,
    TENANT,
    "account_id",
    "priority",
    "default_priority",
    "batch_code",
];
/// What of a message is counted.
const COUNTED: [&str; 4] = ["to", "cc", "bcc", "attachments"];
/// The messages of a request.
const MESSAGES: &str = "messages";
/// What of a storage is shown.
const OF_STORAGE: [&str; 3] = [TENANT, "name", "protocol"];

/// What a request is about: that says what of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum About {
    /// Mail that is handed over.
    Mail,
    /// Where attachments lie.
    Storage,
    /// Anything else: all but its secrets is shown.
    Other,
}

/// What is done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Show {
    /// It is shown, with what is in it.
    All,
    /// What is in it is shown as far as its names say; it is no text.
    Fields,
    /// It is shown where it is one value.
    Plain,
    /// Only how many it holds.
    Count,
    /// Only that it was there.
    Secret,
    /// Not at all.
    Nothing,
}

impl About {
    fn whole(self) -> Show {
        match self {
            Self::Mail | Self::Storage => Show::Fields,
            Self::Other => Show::All,
        }
    }

    fn field(self, name: &str, is_in_auth: bool) -> Show {
        match self {
            Self::Mail if OF_MAIL.contains(&name) => Show::Plain,
            Self::Mail if COUNTED.contains(&name) => Show::Count,
            Self::Mail if name == MESSAGES => Show::Fields,
            Self::Mail => Show::Nothing,
            Self::Storage if OF_STORAGE.contains(&name) => Show::Plain,
            Self::Storage => Show::Secret,
            Self::Other if is_secret(name) || is_in_auth && is_secret_in_auth(name) => Show::Secret,
            Self::Other => Show::All,
        }
    }
}

/// What may be written down of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::proxy) struct Redacted {
    /// The JSON of it.
    pub(in crate::proxy) payload: String,
    /// The tenant that it names.
    pub(in crate::proxy) tenant: Option<String>,
    /// The id that it names.
    pub(in crate::proxy) id: Option<String>,
}

/// Reads a body. What is no JSON object is `null`.
pub(in crate::proxy) fn redacted(body: &[u8], about: About) -> Redacted {
    let mut page = Page::default();
    let item = Item {
        page: &mut page,
        name: None,
        about,
        show: about.whole(),
    };
    let read = item.deserialize(&mut serde_json::Deserializer::from_slice(body));
    if read.is_err() {
        page.cut();
    }
    let payload = match page.text.starts_with('{') {
        true => page.text,
        false => Value::Null.to_string(),
    };
    Redacted {
        payload,
        tenant: page.tenant,
        id: page.id,
    }
}

/// What was written so far. Whenever it is cut, it can be closed to a JSON text.
#[derive(Default)]
struct Page {
    text: String,
    open: Vec<Open>,
    tenant: Option<String>,
    id: Option<String>,
}

/// An object or a list that is not closed.
struct Open {
    close: char,
    is_empty: bool,
}

impl Page {
    /// Writes an item, under its name in an object. `false` when there is no room.
    fn write(&mut self, name: Option<&str>, text: &str) -> bool {
        let comma = match self.open.last() {
            Some(open) if !open.is_empty => ",",
            _ => "",
        };
        let name = name.map(|name| format!("{}:", json!(start(name, NAME_BYTES_MAX))));
        let name = name.unwrap_or_default();
        let needed = comma.len() + name.len() + text.len() + self.open.len() + MORE_BYTES;
        if self.text.len() + needed > COMMAND_BYTES_MAX {
            return false;
        }
        self.text.extend([comma, name.as_str(), text]);
        if let Some(open) = self.open.last_mut() {
            open.is_empty = false;
        }
        true
    }

    fn open(&mut self, name: Option<&str>, open: char, close: char) -> bool {
        let is_written = self.write(name, open.encode_utf8(&mut [0; 4]));
        if is_written {
            let is_empty = true;
            self.open.push(Open { close, is_empty });
        }
        is_written
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            self.text.push(open.close);
        }
    }

    /// Says that there was more, and closes everything.
    fn cut(&mut self) {
        if let Some(open) = self.open.last() {
            let comma = if open.is_empty { "" } else { "," };
            let value = if open.close == '}' { ":true" } else { "" };
            self.text.extend([comma, MORE, value]);
        }
        while !self.open.is_empty() {
            self.close();
        }
    }
}

/// One value, which goes onto the page.
struct Item<'p> {
    page: &'p mut Page,
    /// Its name in an object.
    name: Option<String>,
    about: About,
    show: Show,
}

impl Item<'_> {
    fn write<E: de::Error>(self, text: &str) -> Result<(), E> {
        room(self.page.write(self.name.as_deref(), text))
    }

    /// Whether it can be an object of credentials, of which some are none.
    fn is_auth(&self) -> bool {
        self.about == About::Other && self.name.as_deref().is_some_and(secrets::is_auth)
    }

    /// Whether what it holds is shown, where it holds something.
    fn is_open(&self) -> bool {
        matches!(self.show, Show::All | Show::Fields) || self.is_auth()
    }

    /// Notes whom the whole request is about.
    fn note(&mut self, text: &str) {
        if self.page.open.len() != 1 {
            return;
        }
        let noted = match self.name.as_deref() {
            Some(TENANT) => &mut self.page.tenant,
            Some(ID) => &mut self.page.id,
            _ => return,
        };
        *noted = Some(start(text, NAME_BYTES_MAX).to_owned());
    }
}

fn room<E: de::Error>(is_written: bool) -> Result<(), E> {
    match is_written {
        true => Ok(()),
        false => Err(E::custom("no more room")),
    }
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.show {
            Show::Secret if !self.is_auth() => {
                match Option::<IgnoredAny>::deserialize(deserializer)? {
                    Some(_) => self.write(SECRET),
                    None => self.write("null"),
                }
            }
            Show::Nothing => IgnoredAny::deserialize(deserializer).map(|_| ()),
            Show::All | Show::Fields | Show::Plain | Show::Count | Show::Secret => {
                deserializer.deserialize_any(self)
            }
        }
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.write(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.write(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.write(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.write(&json!(value).to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.write("null")
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        match self.show {
            Show::All | Show::Plain => {
                self.note(text);
                self.write(&json!(shown(text)).to_string())
            }
            Show::Count => self.write(&text.split(',').count().to_string()),
            Show::Fields | Show::Secret | Show::Nothing => self.write(SECRET),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if !self.is_open() || self.show == Show::Secret {
            let mut count = 0;
            while items.next_element::<IgnoredAny>()?.is_some() {
                count += 1;
            }
            return match self.show {
                Show::Count => self.write(&count.to_string()),
                Show::All | Show::Fields | Show::Plain | Show::Secret | Show::Nothing => {
                    self.write(SECRET)
                }
            };
        }
        room(self.page.open(self.name.as_deref(), '[', ']'))?;
        let mut is_more = true;
        while is_more {
            let item = Item {
                page: &mut *self.page,
                name: None,
                about: self.about,
                show: self.show,
            };
            is_more = items.next_element_seed(item)?.is_some();
        }
        self.page.close();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let is_auth = self.is_auth();
        if !self.is_open() {
            while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.write(SECRET);
        }
        room(self.page.open(self.name.as_deref(), '{', '}'))?;
        while let Some(name) = fields.next_key::<String>()? {
            fields.next_value_seed(Item {
                page: &mut *self.page,
                about: self.about,
                show: self.about.field(&name, is_auth),
                name: Some(name),
            })?;
        }
        self.page.close();
        Ok(())
    }
}

/// A text as it is kept: its beginning; of a file only that it is one, of an address on the web only the place.
fn shown(text: &str) -> Cow<'_, str> {
    let kept = match text.starts_with("base64:") {
        true => Cow::Borrowed("base64:"),
        false => place(text),
    };
    let beginning = start(&kept, TEXT_BYTES_MAX);
    if beginning.len() == text.len() {
        return kept;
    }
    let bytes = text.len();
    Cow::Owned(format!("{beginning}… ({bytes} bytes)"))
}

/// The beginning of a text, so many bytes at most.
fn start(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests;
