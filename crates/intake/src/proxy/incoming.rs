//! One message as a client hands it over.

use model::{BatchCode, FieldError, Priority, Secret, Timestamp};
use prepare::{Draft, DraftError};
use serde_json::Value;
use store::submissions::ClientId;
use store::{NewSubmission, Parts, Payload};

use super::object::{Object, Place};
use super::problem::Problem;
use super::scope::Scope;
use super::wire::secrets::holds_secret;

/// The last second that has a date, 9999-12-31T23:59:59Z: what is later was not meant in seconds.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// What holds for all messages of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// For a message that does not say how urgent it is.
    pub(super) priority: Priority,
    /// The longest message, in bytes of its JSON.
    pub(super) bytes_max: usize,
    /// When it was handed over.
    pub(super) at: Timestamp,
}

/// Reads a message, whole: what it is and what it says. What it says is kept as its client wrote it, in the shortest
/// form of the same JSON, so that the same message is the same text.
pub(super) fn read(
    place: Place,
    message: Value,
    scope: &Scope,
    terms: Terms,
) -> Result<NewSubmission, Problem> {
    let object = Object::of(place, message)?;
    let client_id = object.needed_parsed("id", |text| ClientId::parse("id", text))?;
    let tenant = scope.tenant(&object)?;
    let account = object.needed_parsed("account_id", model::AccountId::parse)?;
    let priority = priority(&object, "priority")?.unwrap_or(terms.priority);
    let batch = object.parsed("batch_code", BatchCode::parse)?;
    let deferred_until = deferred_until(&object)?;
    let (place, message) = object.into_parts();
    let draft = Draft::read(&message).map_err(|error| told(&place, &error))?;
    let text = message.to_string();
    if text.len() > terms.bytes_max {
        let problem = format!("is longer than {} bytes", terms.bytes_max);
        return Err(Problem::value(place, problem));
    }
    let payload = match holds_secret(&message) {
        true => Payload::Secret(Secret::new(text)),
        false => Payload::Open(text.into()),
    };
    Ok(NewSubmission {
        tenant,
        client_id,
        account,
        priority,
        batch,
        deferred_until,
        payload,
        parts: match draft.is_whole() {
            true => Parts::Inside,
            false => Parts::Outside,
        },
        recipients: draft.recipients(),
        at: terms.at,
    })
}

/// How urgent something is: a word or a number, in text as well.
pub(super) fn priority(object: &Object, name: &str) -> Result<Option<Priority>, Problem> {
    let wrong = |error: FieldError| object.wrong(name, error.problem);
    match object.value(name) {
        None => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(wrong),
        // A number beyond what fits is one that is taken to the nearer end all the same.
        Some(Value::Number(number)) => match number.as_f64() {
            Some(number) if number.fract() == 0.0 =>
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a cast takes it to the nearer end"
                )]
                Ok(Some(Priority::clamped(number as i64)))
            }
            _ => "".parse().map(Some).map_err(wrong),
        },
        Some(_) => "".parse().map(Some).map_err(wrong),
    }
}

/// Before when it is not tried; a moment that is over is no reason to wait.
fn deferred_until(object: &Object) -> Result<Option<Timestamp>, Problem> {
    let Some(seconds) = object.number("deferred_ts")? else {
        return Ok(None);
    };
    if !(0.0..=SECONDS_MAX).contains(&seconds) {
        let problem = "must be seconds since 1970, before the year 10000";
        return Err(object.wrong("deferred_ts", problem));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is within the range")]
    let millis = (seconds * 1_000.0).round() as i64;
    Ok((millis > 0).then(|| Timestamp::from_millis(millis)))
}

fn told(place: &Place, error: &DraftError) -> Problem {
    let place = place.dotted(&error.field);
    match error.is_missing() {
        true => Problem::missing(place),
        false => Problem::value(place, error.problem.clone()),
    }
}
