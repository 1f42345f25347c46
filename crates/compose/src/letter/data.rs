//! A recipient's data, as templates see it.

use model::{Address, Message};

use super::error::ComposeError;
use crate::go_template::{Map, Value};

/// The field that every template has: the recipient's address.
const EMAIL: &str = "email";

/// Whom a message is for and what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// Where mail goes.
    pub address: &'a Address,
    /// A JSON object; the names are those that templates use.
    pub data: &'a str,
}

// === impl Recipient ===

impl<'a> Recipient<'a> {
    /// The data as templates see it: what there is, and the address as `email`.
    pub(super) fn values(self) -> Result<Value<'a>, ComposeError> {
        let mut values: Map<'a> = match serde_json::from_str(self.data) {
            Ok(Value::Map(map)) => map,
            Ok(_) => return Err(ComposeError::Data("it is another kind of value".to_owned())),
            Err(error) => return Err(ComposeError::Data(error.to_string())),
        };
        values.insert(EMAIL, self.address.as_str());
        Ok(Value::Map(values))
    }
}

impl<'a> From<&'a Message> for Recipient<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            address: &message.address,
            data: &message.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(data: &str) -> Result<String, ComposeError> {
        let address = Address::parse("ada@example.org").unwrap();
        let recipient = Recipient {
            address: &address,
            data,
        };
        recipient.values().map(|values| format!("{values:?}"))
    }

    #[test]
    fn the_address_is_always_there() {
        for data in ["{}", r#"{"email":"other@example.org"}"#] {
            let values = values(data).unwrap();
            assert!(
                values.contains("ada@example.org") && !values.contains("other"),
                "{values}"
            );
        }
    }

    #[test]
    fn other_than_objects_are_refused() {
        for data in ["", "[]", "\"x\"", "{", "{}x", "null"] {
            assert!(matches!(values(data), Err(ComposeError::Data(_))), "{data}");
        }
        let deep = "[".repeat(100_000);
        assert!(values(&deep).is_err());
    }
}
