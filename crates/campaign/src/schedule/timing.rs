//! When a job is due: at a moment, again and again after a pause, or by the calendar.

use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use model::Timestamp;

use crate::error::CampaignError;

/// The longest pause after a failed try.
const BACKOFF_MAX: Duration = Duration::from_secs(300);
/// The random part that is added to a pause.
const JITTER_MAX: Duration = Duration::from_millis(500);

/// When a job is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Once (`--schedule-at`). A past moment is now.
    At(Timestamp),
    /// Now, and this long after each end (`--interval`), or first at the given moment.
    Every(Duration, Option<Timestamp>),
    /// By five fields of cron, in UTC (`--cron`).
    Cron(String),
}

impl Timing {
    /// Reads `--schedule-at`, `--interval` and `--cron`. An interval wins over cron, as in the seed; `None`
    /// when none is given.
    pub fn parse(
        at: Option<&str>,
        interval: Option<&str>,
        cron: Option<&str>,
    ) -> Result<Option<Self>, CampaignError> {
        let at = at.map(parse_moment).transpose()?;
        if let Some(interval) = interval {
            return Ok(Some(Self::Every(parse_interval(interval)?, at)));
        }
        if let Some(cron) = cron {
            parse_cron(cron)?;
            return Ok(Some(Self::Cron(cron.to_owned())));
        }
        Ok(at.map(Self::At))
    }

    /// When the job is due first.
    pub fn first(&self, now: Timestamp) -> Result<Timestamp, CampaignError> {
        match self {
            Self::At(at) => Ok((*at).max(now)),
            Self::Every(_, at) => Ok(at.map_or(now, |at| at.max(now))),
            Self::Cron(cron) => next_by_cron(cron, now),
        }
    }

    /// The cron line, when it repeats by the calendar.
    pub fn cron(&self) -> Option<&str> {
        match self {
            Self::Cron(cron) => Some(cron),
            Self::At(_) | Self::Every(..) => None,
        }
    }

    /// The pause, when it repeats by the clock.
    pub fn interval(&self) -> Option<Duration> {
        match self {
            Self::Every(interval, _) => Some(*interval),
            Self::At(_) | Self::Cron(_) => None,
        }
    }
}

/// The next moment after `now` that five fields of cron name, in UTC.
pub fn next_by_cron(cron: &str, now: Timestamp) -> Result<Timestamp, CampaignError> {
    let wrong = |reason: String| schedule_error("--cron", cron, reason);
    let moment = jiff::Timestamp::from_millisecond(now.as_millis())
        .map_err(|error| wrong(error.to_string()))?
        .to_zoned(TimeZone::UTC);
    let next = parse_cron(cron)?
        .find_next_occurrence(&moment, false)
        .map_err(|_| wrong("no date to come matches these fields".to_owned()))?;
    Ok(Timestamp::from_millis(next.timestamp().as_millisecond()))
}

/// The pause after the `attempts`-th failed try: the base doubled each time, up to five minutes.
pub fn pause_after(attempts: u32, base: Duration, chance: f64) -> Duration {
    let doubled = base.saturating_mul(
        1_u32
            .checked_shl(attempts.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    doubled.min(BACKOFF_MAX) + JITTER_MAX.mul_f64(chance.clamp(0.0, 1.0))
}

fn parse_moment(value: &str) -> Result<Timestamp, CampaignError> {
    let moment: jiff::Timestamp = value.parse().map_err(|_| {
        let reason = "expected a moment such as 2026-01-31T08:30:00Z or 2026-01-31T09:30:00+01:00";
        schedule_error("--schedule-at", value, reason.to_owned())
    })?;
    Ok(Timestamp::from_millis(moment.as_millisecond()))
}

/// A Go duration: numbers with units, `1h30m`, `90s`, `250ms`.
pub fn parse_interval(value: &str) -> Result<Duration, CampaignError> {
    let wrong = || {
        let reason = "expected a positive duration such as 30m, 1h30m or 45s";
        schedule_error("--interval", value, reason.to_owned())
    };
    let duration = parse_go_duration(value).ok_or_else(wrong)?;
    if duration.is_zero() {
        Err(wrong())
    } else {
        Ok(duration)
    }
}

/// Reads what Go's `time.ParseDuration` does, without a sign.
pub fn parse_go_duration(value: &str) -> Option<Duration> {
    let mut rest = value.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let seconds = match &rest[..end] {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &rest[end..];
    }
    Some(total)
}

fn parse_cron(value: &str) -> Result<Cron, CampaignError> {
    let wrong = || {
        let reason = "expected five fields (minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7) \
                      such as '0 8 * * 1' for Mondays at 08:00 UTC";
        schedule_error("--cron", value, reason.to_owned())
    };
    // The parser would also take a sixth field, of seconds.
    if value.split_whitespace().count() != 5 {
        return Err(wrong());
    }
    Cron::from_str(value).map_err(|_| wrong())
}

fn schedule_error(flag: &'static str, value: &str, reason: String) -> CampaignError {
    CampaignError::Schedule {
        flag,
        value: value.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        parse_moment(text).unwrap()
    }

    #[test]
    fn cron_is_five_fields_in_utc() {
        let cases = [
            ("0 9 * * 1", "2026-11-22T13:00:00Z", "2026-11-23T09:00:00Z"),
            (
                "*/15 * * * *",
                "2026-11-22T13:00:00Z",
                "2026-11-22T13:15:00Z",
            ),
            ("0 0 29 2 *", "2026-11-22T13:00:00Z", "2028-02-29T00:00:00Z"),
        ];
        for (cron, now, next) in cases {
            assert_eq!(next_by_cron(cron, at(now)).unwrap(), at(next), "{cron}");
        }
        for bad in ["", "* * *", "61 * * * *", "* * * * * *", "a b c d e"] {
            assert!(parse_cron(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wrong_cron_is_told_what_is_expected_in_our_words() {
        for bad in ["99 * * * *", "* * *", "a b c d e"] {
            let error = parse_cron(bad).unwrap_err().to_string();
            assert!(error.contains("expected five fields (minute"), "{error}");
            assert!(error.contains("such as '0 8 * * 1'"), "{error}");
            assert!(!error.contains("omponent"), "{error}");
        }
        let never = next_by_cron("0 0 30 2 *", at("2026-11-22T13:00:00Z")).unwrap_err();
        assert!(never.to_string().contains("no date to come"), "{never}");
    }

    #[test]
    fn go_durations() {
        let cases = [
            ("1h30m", 5_400_000),
            ("45s", 45_000),
            ("1.5s", 1_500),
            ("250ms", 250),
        ];
        for (text, millis) in cases {
            assert_eq!(
                parse_go_duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for bad in ["", "5", "s", "-5s", "1h x", "1d", "0s"] {
            assert!(parse_interval(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn past_moments_are_now_and_intervals_win_over_cron() {
        let now = at("2026-11-22T13:00:00Z");
        let past = Timing::parse(Some("2020-01-01T00:00:00Z"), None, None)
            .unwrap()
            .unwrap();
        assert_eq!(past.first(now).unwrap(), now);
        let both = Timing::parse(None, Some("1h"), Some("0 9 * * *"))
            .unwrap()
            .unwrap();
        assert_eq!(both.interval(), Some(Duration::from_secs(3_600)));
        assert_eq!(Timing::parse(None, None, None).unwrap(), None);
    }

    #[test]
    fn failed_tries_wait_longer_up_to_five_minutes() {
        let base = Duration::from_secs(2);
        let pauses: Vec<u64> = (1..=9)
            .map(|n| pause_after(n, base, 0.0).as_secs())
            .collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
    }
}
