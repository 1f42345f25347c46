//! `glasspost statistics rebuild`: what happened is counted anew, in the store itself.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use model::{Clock, Timestamp};
use observe::terminal::Bar;
use serde_json::json;
use store::statistics::Rebuilt;
use store::{PostgresStore, SqliteStore, Statistics};

use crate::cli::{ClientFlags, Month, RebuildArgs};
use crate::exit::Failure;
use crate::settings::service::{Layers, ServiceSettings};
use crate::settings::{Environment, StoreAddress, data_folder};
use crate::terminal;

/// The length of an hour, in milliseconds.
const HOUR_MS: i64 = 60 * 60 * 1000;

/// What is counted anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Time {
    /// Its name; `None` for everything.
    month: Option<Month>,
    from: Timestamp,
    until: Timestamp,
}

/// Runs the verb.
pub async fn run(
    args: &RebuildArgs,
    client: &ClientFlags,
    environment: &Environment,
) -> Result<(), Failure> {
    let file = super::service_config(&args.config, environment);
    let said = args.config.said().into_iter().chain(args.store.said());
    let layers = Layers::new(file.as_deref(), environment, said)?;
    let address = ServiceSettings::store(&layers)?;
    let data = data_folder(client.data.data.as_deref(), None, environment)?;
    let time = Time::of(args.month)?;
    let store = open(&address, &data).await?;
    let (begun, bar) = (Instant::now(), Bar::of_time("counting anew"));
    let rebuilt = store.rebuild(time.from, time.until).await;
    bar.clear();
    let (rebuilt, took) = (rebuilt?, begun.elapsed());
    let told = match client.json {
        true => format!(
            "{}\n",
            json!({"ok": true, "counted": rebuilt.counted, "corrected": rebuilt.corrected, "seconds": took.as_secs_f64()})
        ),
        false => told(&time, &rebuilt, took, Clock::system().now()),
    };
    Ok(terminal::print(&told)?)
}

/// The store, without its secrets, which nothing here needs.
async fn open(address: &StoreAddress, data: &Path) -> Result<Box<dyn Statistics>, Failure> {
    Ok(match address {
        StoreAddress::Database(database) => {
            let settings = store::postgres::Settings::default();
            Box::new(PostgresStore::open(database, settings).await?)
        }
        StoreAddress::File(_) => {
            let folder = address.folder(data);
            if !folder.join(store::sqlite::FILE_NAME).exists() {
                let problem = format!("there is no data file in {}", folder.display());
                return Err(Failure::Arguments(problem));
            }
            Box::new(SqliteStore::open(folder)?)
        }
    })
}

impl Time {
    fn of(month: Option<Month>) -> Result<Self, Failure> {
        let (from, until) = match month {
            Some(Month(first)) => {
                let next = first.checked_add(1.month()).context("--month")?;
                (moment(first)?, moment(next)?)
            }
            None => (i64::MIN, i64::MAX),
        };
        Ok(Self {
            month,
            from: Timestamp::from_millis(from),
            until: Timestamp::from_millis(until),
        })
    }

    /// How many of its hours have begun; `None` where it has no beginning.
    fn hours(&self, now: Timestamp) -> Option<i64> {
        self.month?;
        let until = self.until.as_millis().min(now.as_millis());
        let passed = until.saturating_sub(self.from.as_millis()).max(0);
        Some(passed / HOUR_MS + i64::from(passed % HOUR_MS > 0))
    }
}

/// When a day begins in UTC, in milliseconds.
fn moment(day: jiff::civil::Date) -> Result<i64, Failure> {
    let begins = day.to_zoned(TimeZone::UTC).context("--month")?;
    Ok(begins.timestamp().as_millisecond())
}

fn told(time: &Time, rebuilt: &Rebuilt, took: Duration, now: Timestamp) -> String {
    let hours = match time.hours(now) {
        Some(1) => "1 hour".to_owned(),
        Some(hours) => format!("{hours} hours"),
        None => "all hours".to_owned(),
    };
    let events = grouped(rebuilt.counted);
    let outcome = match rebuilt.corrected {
        0 => "nothing differed".to_owned(),
        1 => "1 figure corrected".to_owned(),
        corrected => format!("{} figures corrected", grouped(corrected)),
    };
    let seconds = took.as_secs_f64();
    format!("{hours} counted anew from {events} events in {seconds:.1} s: {outcome}\n")
}

/// A count with commas between its thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn november() -> Time {
        Time::of(Some(Month(jiff::civil::date(2026, 11, 1)))).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_millis(at.as_millisecond())
    }

    #[test]
    fn a_month_has_the_hours_that_have_begun() {
        for (now, hours) in [
            ("2026-10-31T23:00:00Z", 0),
            ("2026-11-01T00:00:00.001Z", 1),
            ("2026-11-01T01:00:00Z", 1),
            ("2027-05-01T00:00:00Z", 720),
        ] {
            assert_eq!(november().hours(at(now)), Some(hours), "{now}");
        }
        assert_eq!(
            Time::of(None).unwrap().hours(at("2026-11-01T00:00:00Z")),
            None
        );
    }

    #[test]
    fn what_came_of_it_is_one_line() {
        let (now, took) = (at("2027-01-01T00:00:00Z"), Duration::from_millis(12_340));
        let told =
            |counted, corrected| told(&november(), &Rebuilt { counted, corrected }, took, now);
        assert_eq!(
            told(5_000_000, 0),
            "720 hours counted anew from 5,000,000 events in 12.3 s: nothing differed\n"
        );
        assert!(told(999, 1).ends_with("from 999 events in 12.3 s: 1 figure corrected\n"));
        assert!(told(0, 1_200).contains("1,200 figures corrected"));
    }
}
