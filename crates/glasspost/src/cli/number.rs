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
        assert_eq!(sample_size("1000000"), Ok(1_000_000));
        assert!(sample_size("0").unwrap_err().contains("from 1 to"));
    }
}
