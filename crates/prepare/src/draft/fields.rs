//! A JSON object read field by field, without taking it apart: its client's text stays whole.

use serde_json::{Map, Value};

use super::error::DraftError;

/// The fields of a draft. `null` is as good as nothing.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The fields of a message.
    pub fn of(message: &'a Value) -> Result<Self, DraftError> {
        match message {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(DraftError::new("message", "must be an object")),
        }
    }

    /// The value of a field.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text of at most so many bytes.
    pub fn text(self, name: &str, bytes_max: usize) -> Result<Option<&'a str>, DraftError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= bytes_max => Ok(Some(text)),
            Some(Value::String(_)) => {
                let problem = format!("is longer than {bytes_max} bytes");
                Err(DraftError::new(name, problem))
            }
            Some(_) => Err(DraftError::new(name, "must be text")),
        }
    }

    /// A text in which blanks alone are as good as nothing.
    pub fn word(self, name: &str, bytes_max: usize) -> Result<Option<&'a str>, DraftError> {
        let text = self.text(name, bytes_max)?.map(str::trim);
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// The items of a list.
    pub fn list(self, name: &str) -> Result<&'a [Value], DraftError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(DraftError::new(name, "must be a list")),
        }
    }

    /// The fields of an object inside.
    pub fn object(self, name: &str) -> Result<Option<&'a Map<String, Value>>, DraftError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(fields)),
            Some(_) => Err(DraftError::new(name, "must be an object")),
        }
    }
}
