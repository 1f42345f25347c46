//! Moments as clients write them.

use model::Timestamp;
use serde_json::Value;

use crate::proxy::object::Object;
use crate::proxy::problem::Problem;

/// Milliseconds of a second.
const MILLIS: f64 = 1000.0;
/// The last second that a moment may be in: the end of the year 9999.
const SECOND_MAX: f64 = 253_402_300_799.0;

/// A moment of a field: seconds since 1970, as a number or as text, or RFC 3339.
pub(in crate::proxy) fn read(input: &Object, name: &str) -> Result<Option<Timestamp>, Problem> {
    let text = match input.value(name) {
        None => return Ok(None),
        Some(Value::String(text)) => text.trim(),
        Some(_) => return Ok(input.number(name)?.map(from_seconds)),
    };
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => Some(Timestamp::from_millis(at.as_millisecond())),
        Err(_) => text
            .parse()
            .ok()
            .filter(|n: &f64| n.is_finite())
            .map(from_seconds),
    };
    let wanted = "must be seconds since 1970, or a time such as 2026-01-31T12:00:00Z";
    at.map(Some).ok_or_else(|| input.wrong(name, wanted))
}

/// The moment of seconds since 1970; what is before it or too far away is the nearest that may be.
fn from_seconds(seconds: f64) -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within a range that an i64 holds"
    )]
    let millis = (seconds.clamp(0.0, SECOND_MAX) * MILLIS) as i64;
    Timestamp::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::object::Place;
    use serde_json::json;

    fn moment(value: Value) -> Result<Option<i64>, Problem> {
        let fields = [("at".to_owned(), value)].into_iter().collect();
        let read = read(&Object::new(Place::body(), fields), "at")?;
        Ok(read.map(Timestamp::as_millis))
    }

    #[test]
    fn a_moment_is_seconds_or_a_date() {
        for (value, millis) in [
            (json!(1_700_000_000), 1_700_000_000_000),
            (json!(1_700_000_000.25), 1_700_000_000_250),
            (json!("1700000000"), 1_700_000_000_000),
            (json!("2023-11-14T22:13:20Z"), 1_700_000_000_000),
            (json!("2023-11-14T23:13:20.5+01:00"), 1_700_000_000_500),
            (json!(-5), 0),
            (json!(1e300), 253_402_300_799_000),
        ] {
            assert_eq!(moment(value.clone()).unwrap(), Some(millis), "{value}");
        }
        assert_eq!(moment(json!(null)).unwrap(), None);
        for bad in [
            json!("soon"),
            json!(true),
            json!([1]),
            json!("NaN"),
            json!(""),
        ] {
            assert!(moment(bad.clone()).is_err(), "{bad}");
        }
    }
}
