//! Moments and spans as they stand in JSON.

use std::time::Duration;

use model::Timestamp;
use serde::{Serialize, Serializer};

/// A moment as RFC 3339 has it, in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rfc3339(pub(crate) Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A moment beyond the year 9999 has no such form.
        let moment = jiff::Timestamp::from_millisecond(self.0.as_millis()).unwrap_or_default();
        serializer.collect_str(&format_args!("{moment:.3}"))
    }
}

/// Microseconds as milliseconds.
pub(crate) fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// A figure with no more than three digits after the point: what a reader needs, in fewer bytes.
pub(crate) fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

/// A duration as Go writes it, in whole seconds: `1h2m3s`, `1m5s`, `0s`.
pub(crate) fn go_duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// How long something has been going on, in the two largest units: `42s`, `3m 5s`, `1h 2m`.
pub(crate) fn uptime(seconds: f64) -> String {
    match seconds as u64 {
        0 => "0s".to_owned(),
        whole => observe::summary::duration(Duration::from_secs(whole)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_milliseconds_and_impossible_ones_do_no_harm() {
        let text =
            |millis| serde_json::to_string(&Rfc3339(Timestamp::from_millis(millis))).unwrap();
        assert_eq!(text(1_795_355_000_120), r#""2026-11-22T13:43:20.120Z""#);
        assert_eq!(text(i64::MAX), r#""1970-01-01T00:00:00.000Z""#);
    }

    #[test]
    fn durations_read_as_in_go() {
        let cases = [
            (0.2, "0s"),
            (5.0, "5s"),
            (65.4, "1m5s"),
            (3_723.0, "1h2m3s"),
            (-1.0, "0s"),
            (f64::NAN, "0s"),
        ];
        for (seconds, text) in cases {
            assert_eq!(go_duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn uptimes_read_well() {
        for (seconds, text) in [
            (0.9, "0s"),
            (42.0, "42s"),
            (185.0, "3m 5s"),
            (3_720.0, "1h 2m"),
        ] {
            assert_eq!(uptime(seconds), text);
        }
    }
}
