//! A verb as the request that it makes, and the shape of its answer.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use webclient::Method;

use super::stdin::StandardInput;
use super::table::Shape;
use crate::exit::Failure;

/// A group of verbs, each of which is a request.
pub trait Ask {
    /// The request that a verb makes.
    fn call(self, desk: &Desk<'_>) -> Result<Call, Failure>;
}

/// What verbs need beside their flags.
pub struct Desk<'a> {
    /// What standard input may be read for.
    pub stdin: StandardInput,
    /// The tenant that is meant, where one was named.
    pub tenant: Option<&'a str>,
}

/// A request. It may hold secrets, so it cannot be shown.
pub struct Call {
    /// GET, POST or PUT.
    pub method: Method,
    /// Where below the service's address.
    pub path: Cow<'static, str>,
    /// Behind the question mark of a GET, else the body.
    pub fields: Map<String, Value>,
    /// Whom it is about.
    pub about: About,
    /// How its answer is shown to people.
    pub shape: Shape,
}

/// Whom a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The tenant that is meant.
    Tenant,
    /// The service as a whole.
    Service,
}

impl Call {
    /// A request that changes nothing, about the tenant that is meant.
    pub fn get(path: impl Into<Cow<'static, str>>, flags: &impl Serialize) -> Self {
        Self::new(Method::GET, path.into(), fields(flags))
    }

    /// A request that changes something of the tenant that is meant.
    pub fn post(path: impl Into<Cow<'static, str>>, flags: &impl Serialize) -> Self {
        Self::new(Method::POST, path.into(), fields(flags))
    }

    /// A request that changes something, with a body of any method.
    pub fn new(method: Method, path: Cow<'static, str>, fields: Map<String, Value>) -> Self {
        Self {
            method,
            path,
            fields,
            about: About::Tenant,
            shape: Shape::Record,
        }
    }

    /// The same about the service as a whole.
    #[must_use]
    pub fn about_service(mut self) -> Self {
        self.about = About::Service;
        self
    }

    /// The same with an answer of this shape.
    #[must_use]
    pub fn shown_as(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// The same with one more field, where it has a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.fields.insert(name.to_owned(), value.into());
        }
        self
    }
}

/// What flags say, as fields. What was not said is not among them.
pub fn fields(flags: &impl Serialize) -> Map<String, Value> {
    // Flags are texts, numbers and lists of them, which always are JSON.
    let all = serde_json::to_value(flags).unwrap_or_default();
    match said(all) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// A value without what was not said.
fn said(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Object(fields) => {
            let fields: Map<String, Value> = fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, said(value)?)))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_said_is_no_field() {
        let flags = json!({
            "name": "", "url": null, "limits": {"hourly": null}, "auth": {"method": "none", "user": null},
            "active": false, "to": [], "cc": ["a"],
        });
        let expected =
            json!({"name": "", "auth": {"method": "none"}, "active": false, "cc": ["a"]});
        assert_eq!(Value::Object(fields(&flags)), expected);
        assert!(fields(&()).is_empty());
    }
}
