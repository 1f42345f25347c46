//! Which fields of a request hold secrets.

use std::borrow::Cow;

use serde_json::Value;

/// Parts of the names of fields that hold secrets. They are short, so that a slip of the pen in a name shows no secret.
const SECRET_NAMES: [&str; 13] = [
    "pas",
    "psw",
    "pwd",
    "secr",
    "tok",
    "key",
    "cred",
    "auth",
    "cookie",
    "signature",
    "connec",
    "conec",
    "sas",
];
/// Settings of a storage: any of them may be one.
const SECRET_OBJECT: &str = "config";
/// A field of a message that may be an address on the web.
const ADDRESS: &str = "storage_path";
/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// Objects of credentials, and what in them is none.
const AUTH_NAMES: [&str; 2] = ["client_auth", "auth"];
const SHOWN_IN_AUTH: [&str; 2] = ["method", "user"];

/// Whether a value that a client gave holds a secret, by the names of its fields and the addresses in it. One too many
/// costs little, so that what is in doubt is one.
pub(in crate::proxy) fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => place(text).len() < text.len(),
        Value::Array(items) => items.iter().any(holds_secret),
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let is_given = !value.is_null();
            match is_auth(name) && value.is_object() {
                true => auth_holds_secret(value),
                false => is_given && is_secret(name) || holds_secret(value),
            }
        }),
    }
}

fn auth_holds_secret(auth: &Value) -> bool {
    let mut fields = auth.as_object().into_iter().flatten();
    fields.any(|(name, value)| is_secret_in_auth(name) && !value.is_null())
}

/// Whether a name says that it is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == SECRET_OBJECT || SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// A value that a client gave, without the secrets in it, as deep as the parser goes.
pub(in crate::proxy) fn hide(value: &mut Value) {
    hide_fields(value, is_secret);
}

fn hide_fields(value: &mut Value, is_hidden: fn(&str) -> bool) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut().filter(|(_, field)| !field.is_null()) {
                match field {
                    _ if is_auth(name) && field.is_object() => {
                        hide_fields(field, is_secret_in_auth);
                    }
                    _ if is_hidden(name) => *field = Value::from(HIDDEN),
                    Value::String(text) if name == ADDRESS => *text = place(text).into_owned(),
                    _ => hide(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether it can be the name of an object of credentials, of which some are none.
pub(super) fn is_auth(name: &str) -> bool {
    AUTH_NAMES.contains(&name)
}

/// Whether a field of such an object is a secret.
pub(super) fn is_secret_in_auth(name: &str) -> bool {
    !SHOWN_IN_AUTH.contains(&name)
}

/// An address on the web without what can be a secret in it: credentials, query and fragment. Any other text is as it is.
pub(super) fn place(text: &str) -> Cow<'_, str> {
    let is_scheme = |scheme: &str| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let Some((scheme, rest)) = text
        .split_once("://")
        .filter(|(scheme, _)| is_scheme(scheme))
    else {
        return Cow::Borrowed(text);
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or_default();
    Cow::Owned(format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_of_attachments_are_found_wherever_they_stand() {
        let attachment =
            |attachment: Value| json!({"attachments": [{"filename": "a"}, attachment]});
        for with in [
            attachment(json!({"auth": {"method": "bearer", "token": "t"}})),
            attachment(json!({"auth": {"method": "basic", "user": "u", "password": "p"}})),
            attachment(json!({"auth": {"method": "none", "pin": 5}})),
            attachment(json!({"auth": "Bearer t"})),
            attachment(json!({"storage_path": "https://u:p@files.example/a"})),
            attachment(json!({"storage_path": "https://files.example/a?signature=s"})),
            json!({"headers": {"X-Api-Key": "k"}}),
            json!({"meta": [{"deep": {"client_secret": "s"}}]}),
        ] {
            assert!(holds_secret(&with), "{with}");
        }
    }

    #[test]
    fn mail_without_credentials_holds_no_secret() {
        for without in [
            json!({
                "from": "ada@example.com", "to": ["bob@example.com"], "subject": "Rates", "headers": {"X-Kind": "news"},
                "body": "<a href=\"https://shop.example/?sale\">now</a>", "content_type": "html", "priority": 2,
            }),
            json!({"attachments": [{"filename": "a", "storage_path": "https://files.example/a", "auth": null}]}),
            json!({"attachments": [{"filename": "a", "auth": {"method": "none", "token": null}}]}),
            json!({"attachments": [{"filename": "a", "content": "aGVsbG8="}]}),
        ] {
            assert!(!holds_secret(&without), "{without}");
        }
    }
}
