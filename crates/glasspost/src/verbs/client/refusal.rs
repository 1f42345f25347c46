//! What went wrong with a service, in words that say what to do.

use serde_json::Value;

use super::connection::{Answer, Connection};
use super::table::plain;
use crate::terminal;

/// The most faults of one answer that are told.
const FAULTS_MAX: usize = 20;

/// Why a service did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers.
    #[error(
        "no service answers at {url} ({detail}): start it with `glasspost serve`, or say where it is with --url URL \
         or GLASSPOST_URL"
    )]
    NotThere {
        /// Where it was looked for.
        url: String,
        /// What the connection said.
        detail: String,
    },
    /// The exchange failed otherwise.
    #[error(transparent)]
    Web(#[from] webclient::Error),
    /// What answers is something else.
    #[error("what answers at {url} is no Glasspost (status {status}, and no JSON): see --url")]
    NotJson {
        /// Who answered.
        url: String,
        /// With which status.
        status: u16,
    },
    /// There is nothing to show who we are.
    #[error(
        "no token: {0}; it is looked for in --token-file FILE, GLASSPOST_ADMIN_TOKEN, GMP_API_TOKEN and, when the \
         service is on this machine, in admin.token of the data folder (--data DIR)"
    )]
    NoToken(String),
    /// What is there cannot be a token.
    #[error("the token of {0} cannot be one: it holds signs that no token has")]
    BadToken(String),
    /// It said no.
    #[error("{0}")]
    Refused(String),
    /// It did a part.
    #[error("{0} of them were left out: see above")]
    LeftOut(usize),
}

/// An answer that says no, in words. Programs find the answer itself on standard output.
pub fn refusal(answer: Answer, service: &Connection) -> ClientError {
    if service.is_for_programs {
        // Who cannot read it has the words.
        let _ = terminal::print(&answer.line());
    }
    let said = detail(&answer.value["detail"]);
    let said = match said.is_empty() {
        true => format!("the service answered with status {}", answer.status),
        false => said,
    };
    ClientError::Refused(format!("{said}{}", advice(&answer, service)))
}

/// What can be done about it.
fn advice(answer: &Answer, service: &Connection) -> String {
    let from = &service.token.from;
    match answer.status {
        401 if answer.value["detail"] == "Token not authorized for this tenant" => {
            format!(" (the token of {from} is another tenant's: see --tenant and GMP_TENANT)")
        }
        401 => format!(
            " (the token of {from}; it is looked for in --token-file FILE, GLASSPOST_ADMIN_TOKEN, GMP_API_TOKEN, \
             then in admin.token of the data folder)"
        ),
        403 => format!(" (the token of {from} is a tenant's, and the operator's is needed)"),
        404 if service.tenant.is_some() => {
            format!(
                " (tenant {})",
                service.tenant.as_deref().unwrap_or_default()
            )
        }
        429 | 503 => match &answer.retry_after {
            Some(seconds) => format!(" (again in {seconds} s)"),
            None => String::new(),
        },
        _ => String::new(),
    }
}

/// What the service says: one sentence, or one for each field.
fn detail(detail: &Value) -> String {
    match detail {
        Value::Null => String::new(),
        Value::String(text) => plain(text),
        Value::Array(faults) => faults
            .iter()
            .take(FAULTS_MAX)
            .map(fault)
            .collect::<Vec<_>>()
            .join("\n"),
        Value::Object(fields) if fields.contains_key("rejected") => {
            let rejected = fields["rejected"].as_array().map(Vec::as_slice);
            let lines = rejected.unwrap_or_default().iter().take(FAULTS_MAX);
            let error = plain(fields["error"].as_str().unwrap_or_default());
            lines.fold(error, |text, one| format!("{text}\n{}", rejection(one)))
        }
        other => plain(&other.to_string()),
    }
}

/// What is wrong with a field, as in `messages[3].to: must be …`.
fn fault(fault: &Value) -> String {
    let field = field(&fault["loc"]);
    let message = plain(fault["msg"].as_str().unwrap_or_default());
    match field.as_str() {
        "" => message,
        "tenant_id" if fault["type"] == "missing" => {
            "which tenant is meant? Say it with --tenant ID or GMP_TENANT".to_owned()
        }
        field => format!("{field}: {message}"),
    }
}

/// The place of a field within what was sent: where that was, in body or query, is ours to know.
fn field(place: &Value) -> String {
    let steps = place.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut path = String::new();
    for step in steps.iter().skip(1) {
        match step {
            Value::String(name) if path.is_empty() => path += &plain(name),
            Value::String(name) => path += &format!(".{}", plain(name)),
            other => path += &format!("[{other}]"),
        }
    }
    path
}

fn rejection(rejected: &Value) -> String {
    let which = match &rejected["id"] {
        Value::String(id) => plain(id),
        _ => format!("message {}", rejected["index"]),
    };
    format!(
        "{which}: {}",
        plain(rejected["reason"].as_str().unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_are_told_field_by_field() {
        let faults = json!([
            {"loc": ["body", "messages", 3, "to"], "msg": "must be an address", "type": "value_error"},
            {"loc": ["query", "tenant_id"], "msg": "Field required", "type": "missing"},
            {"loc": ["body"], "msg": "no JSON", "type": "json_invalid"},
        ]);
        let expected = "messages[3].to: must be an address\n\
                        which tenant is meant? Say it with --tenant ID or GMP_TENANT\n\
                        no JSON";
        assert_eq!(detail(&faults), expected);
    }

    #[test]
    fn messages_that_were_not_taken_are_told_one_by_one() {
        let all = json!({"error": "no message was queued", "rejected": [
            {"id": "m-1", "reason": "missing from"}, {"index": 1, "reason": "missing id"}]});
        let expected = "no message was queued\nm-1: missing from\nmessage 1: missing id";
        assert_eq!(detail(&all), expected);
    }

    #[test]
    fn what_a_service_says_steers_no_terminal() {
        assert_eq!(detail(&json!("a\u{1b}[2Jb\nc")), "a\u{fffd}[2Jb\u{fffd}c");
    }
}
