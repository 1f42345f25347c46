//! JSON objects read field by field, so that each error names its field and repeats no value.

use model::FieldError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What is left of an object while its fields are taken out.
pub(crate) struct Object {
    name: &'static str,
    fields: Map<String, Value>,
}

impl Object {
    /// Takes the object that is called `name` in errors.
    pub fn new(name: &'static str, value: Value) -> Result<Self, FieldError> {
        match value {
            Value::Object(fields) => Ok(Self { name, fields }),
            _ => Err(FieldError::new(name, "must be an object")),
        }
    }

    /// The value of a field, whose key is what follows the last dot of `field`. `null` is as good as
    /// nothing. `wanted` says what the field must be.
    pub fn take<T: DeserializeOwned>(
        &mut self,
        field: &'static str,
        wanted: &'static str,
    ) -> Result<Option<T>, FieldError> {
        let key = field.rsplit('.').next().unwrap_or(field);
        let value = self.fields.remove(key).unwrap_or_default();
        serde_json::from_value(value).map_err(|_| FieldError::new(field, wanted))
    }

    /// A text that may be missing.
    pub fn text(&mut self, field: &'static str) -> Result<Option<String>, FieldError> {
        self.take(field, "must be text")
    }

    /// A text that must be there.
    pub fn needed(&mut self, field: &'static str) -> Result<String, FieldError> {
        self.text(field)?
            .ok_or_else(|| FieldError::new(field, "is missing"))
    }

    /// Refuses fields that nobody took, so that a slip of the pen is not taken for an absent option.
    pub fn finish(self) -> Result<(), FieldError> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(key) => {
                let key: String = key.chars().take(40).collect();
                Err(FieldError::new(self.name, format!("has no field {key:?}")))
            }
        }
    }
}
