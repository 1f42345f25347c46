//! What an application says to its reports.

use std::collections::HashSet;

use model::Timestamp;
use serde_json::Value;

/// The latest moment that an application can name, in seconds since 1970: the year 9999.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// What an application says. Whatever is not there is not said.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// It says that something was not right.
    pub complains: bool,
    /// It has work for us, and is to be called again at once.
    pub is_queued: bool,
    /// It does not want to be called before.
    pub quiet_until: Option<Timestamp>,
    /// The ids that it could not take at the time.
    pub refused: HashSet<String>,
    /// How many ids it does not know. Telling them again would change nothing.
    pub unknown: usize,
}

impl Answer {
    /// Reads the body of a successful answer. One that is no JSON object says nothing, and so acknowledges everything.
    pub fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
            return Self::default();
        };
        let number = |key: &str| answer.get(key).and_then(Value::as_f64);
        Self {
            complains: answer.get("ok") == Some(&Value::Bool(false)),
            is_queued: number("queued").is_some_and(|queued| queued > 0.0),
            quiet_until: number("next_sync_after").and_then(moment),
            refused: ids(answer.get("error")).collect(),
            unknown: ids(answer.get("not_found")).count(),
        }
    }
}

fn moment(seconds: f64) -> Option<Timestamp> {
    let is_moment = (0.0..=SECONDS_MAX).contains(&seconds);
    is_moment.then(|| Timestamp::from_millis((seconds * 1e3) as i64))
}

/// The ids of a list. An application may have numbers for ids.
fn ids(list: Option<&Value>) -> impl Iterator<Item = String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|id| match id {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_answer_is_read() {
        let answer = Answer::read(
            br#"{"ok":false,"queued":2,"next_sync_after":1795355000.5,"error":["a",7],"not_found":["b"]}"#,
        );
        let expected = Answer {
            complains: true,
            is_queued: true,
            quiet_until: Some(Timestamp::from_millis(1_795_355_000_500)),
            refused: HashSet::from(["a".to_owned(), "7".to_owned()]),
            unknown: 1,
        };
        assert_eq!(answer, expected);
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        let bodies: [&[u8]; 9] = [
            b"",
            b"OK",
            b"<html>",
            b"[1]",
            b"null",
            b"{}",
            br#"{"ok":true,"queued":0,"error":[],"not_found":null,"next_sync_after":null}"#,
            br#"{"queued":"9","error":"all","next_sync_after":"soon"}"#,
            br#"{"queued":-1,"error":{"a":1},"next_sync_after":-5}"#,
        ];
        for body in bodies {
            assert_eq!(Answer::read(body), Answer::default(), "{body:?}");
        }
        let hostile = [
            b"[".repeat(100_000),
            br#"{"next_sync_after":1e300}"#.to_vec(),
        ];
        for body in hostile {
            assert_eq!(Answer::read(&body), Answer::default());
        }
    }
}
