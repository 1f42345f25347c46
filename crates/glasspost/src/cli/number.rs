//! Numbers of flags, and what is said of those that are none.

use std::num::{IntErrorKind, ParseIntError};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use campaign::schedule::timing::parse_go_duration;

/// How many recipients a sample list can have.
const SAMPLE_SIZES: RangeInclusive<u32> = 1..=1_000_000;

/// A whole number.
pub fn whole<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ParseIntError| {
        let reason = match error.kind() {
            IntErrorKind::PosOverflow => "the number is too large",
            IntErrorKind::NegOverflow => "the number is too small",
            _ => "expected a whole number such as 10",
        };
        reason.to_owned()
    })
}

/// A length of time, as people and Go write it.
pub fn duration(text: &str) -> Result<Duration, String> {
    parse_go_duration(text).ok_or_else(|| "expected a duration such as 5s or 1m30s".to_owned())
}

/// A length of time in whole seconds.
pub fn seconds(text: &str) -> Result<u64, String> {
    duration(text).map(|duration| duration.as_secs())
}

/// A moment, in seconds since 1970.
pub fn moment(text: &str) -> Result<i64, String> {
    let expected = "expected a time such as 2027-01-31T12:00:00Z, or seconds since 1970";
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Ok(at.as_second()),
        Err(_) => text.parse().map_err(|_| expected.to_owned()),
    }
}

/// The same; a day alone is its beginning in UTC.
pub fn moment_or_day(text: &str) -> Result<i64, String> {
    let expected = "expected a day such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, or seconds since 1970";
    let day = || {
        let day: jiff::civil::Date = text.parse().ok()?;
        let begins = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(begins.timestamp().as_second())
    };
    let at = moment(text).ok().or_else(day);
    at.ok_or_else(|| expected.to_owned())
}

/// The size of a sample list.
pub fn sample_size(text: &str) -> Result<u32, String> {
    let size = whole(text)?;
    match SAMPLE_SIZES.contains(&size) {
        true => Ok(size),
        false => Err("expected a number from 1 to 1000000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_told_what_is_expected() {
        for bad in ["x", "", "1.5", "10k"] {
            let expected = Err("expected a whole number such as 10".to_owned());
            assert_eq!(whole::<i64>(bad), expected, "{bad}");
        }
        assert_eq!(whole::<i64>("-2"), Ok(-2));
        assert_eq!(
            whole::<u16>("70000"),
            Err("the number is too large".to_owned())
        );
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("soon").unwrap_err().contains("such as 5s"));
        assert_eq!(seconds("36h"), Ok(129_600));
        assert_eq!(moment("1767225600"), Ok(1_767_225_600));
        assert_eq!(moment("2026-01-01T01:00:00+01:00"), Ok(1_767_225_600));
        assert!(moment("tomorrow").unwrap_err().contains("such as 2027"));
        for same in ["2026-01-01", "1767225600", "2026-01-01T00:00:00Z"] {
            assert_eq!(moment_or_day(same), Ok(1_767_225_600), "{same}");
        }
        for bad in ["tomorrow", "2026-02-30", ""] {
            assert!(
                moment_or_day(bad).unwrap_err().contains("a day such as"),
                "{bad}"
            );
        }
        assert_eq!(sample_size("1000000"), Ok(1_000_000));
        assert!(sample_size("0").unwrap_err().contains("from 1 to"));
    }
}
