//! Statistics as they are asked for and told: whole hours, days or months in UTC, the same wherever somebody asks.

use model::{AccountId, FieldError, TenantId, Timestamp};
use serde_json::{Value, json};
use store::statistics::{Each, KindCounts, Span, StatisticsQuery, StatisticsRow};
use store::{Statistics, StoreError};

/// Spans of one answer at most: some six weeks of hours, or nearly three years of days.
pub const SPANS_MAX: i64 = 1_000;
/// The length of an hour, in milliseconds.
const HOUR_MS: i64 = 60 * 60 * 1000;
/// The length of a day, in milliseconds.
const DAY_MS: i64 = 24 * HOUR_MS;
const MONTHS_OF_A_YEAR: i64 = 12;

/// What somebody asks for. What is not said is as by default.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// A moment in the first span; by default so long ago that there are 24 hours, 7 days or 12 months.
    pub from: Option<Timestamp>,
    /// The end of the last span, or a moment in it; by default the present.
    pub until: Option<Timestamp>,
    /// What hours are summed up to; by default days.
    pub by: Option<Span>,
    /// How far rows are told apart; by default not at all.
    pub each: Option<Each>,
    /// Whose mail; by default everybody's.
    pub tenant: Option<TenantId>,
    /// Through accounts of which id; by default through all.
    pub account: Option<AccountId>,
}

/// The span of a word.
pub fn span(word: &str) -> Result<Span, FieldError> {
    match word {
        "hour" => Ok(Span::Hour),
        "day" => Ok(Span::Day),
        "month" => Ok(Span::Month),
        _ => Err(FieldError::new("by", "must be hour, day or month")),
    }
}

/// How far rows are told apart, of a word.
pub fn each(word: &str) -> Result<Each, FieldError> {
    match word {
        "total" => Ok(Each::Total),
        "tenant" => Ok(Each::Tenant),
        "account" => Ok(Each::Account),
        _ => Err(FieldError::new("each", "must be total, tenant or account")),
    }
}

/// Asks, and tells the answer as JSON: `rows` by time, their `total`, and up to when everything was counted. What cannot be
/// asked for is [`StoreError::Refused`] with the field.
pub async fn tell(
    statistics: &dyn Statistics,
    asked: Asked,
    now: Timestamp,
) -> store::Result<Value> {
    let query = asked.query(now).map_err(StoreError::Refused)?;
    let (from, until) = (query.from, query.until);
    let (by, each) = (span_word(query.by), each_word(query.each));
    // Before the rows, so that they hold all that is said to be counted.
    let counted = statistics.counted_to().await?;
    let counted_until = match counted.is_behind() {
        true => counted.at,
        false => Some(now),
    };
    let rows = statistics.statistics(query).await;
    // So many rows as are refused there are only where they are told apart.
    let rows = rows.map_err(|error| match error {
        StoreError::Refused(error) => StoreError::Refused(FieldError::new("each", error.problem)),
        other => other,
    })?;
    let mut total = KindCounts::default();
    for (kind, count) in rows.iter().flat_map(|row| row.counts.iter()) {
        total.add(kind, count);
    }
    Ok(json!({
        "by": by,
        "each": each,
        "from": moment(from),
        "until": moment(until),
        "counted_until": counted_until.map(moment),
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
        "total": figures(&total),
    }))
}

impl Asked {
    /// Whole spans: the one that `from` is in is the first, the one that `until` is in or ends is the last.
    fn query(self, now: Timestamp) -> Result<StatisticsQuery, FieldError> {
        let by = self.by.unwrap_or(Span::Day);
        let until = 1 + number(by, last_moment(self.until.unwrap_or(now)));
        let from = match self.from {
            Some(from) => number(by, from),
            None => until - usual(by),
        };
        if from >= until {
            let problem = "must be before until, which is the present by default";
            return Err(FieldError::new("from", problem));
        }
        if until - from > SPANS_MAX {
            let problem = format!(
                "at most {SPANS_MAX} {}s are told at once: choose a shorter time, or a longer span with `by`",
                span_word(by)
            );
            return Err(FieldError::new("from", problem));
        }
        Ok(StatisticsQuery {
            from: beginning(by, from),
            until: beginning(by, until),
            by,
            tenant: self.tenant,
            account: self.account,
            each: self.each.unwrap_or(Each::Total),
        })
    }
}

/// The last moment before an end.
fn last_moment(until: Timestamp) -> Timestamp {
    Timestamp::from_millis(until.as_millis().saturating_sub(1))
}

/// Spans that are told where nobody says since when.
fn usual(by: Span) -> i64 {
    match by {
        Span::Hour => 24,
        Span::Day => 7,
        Span::Month => MONTHS_OF_A_YEAR,
    }
}

// === the calendar ===

/// The number of the span that a moment is in.
fn number(by: Span, at: Timestamp) -> i64 {
    match by {
        Span::Hour => at.as_millis().div_euclid(HOUR_MS),
        Span::Day => at.as_millis().div_euclid(DAY_MS),
        Span::Month => {
            let date = instant(at).to_zoned(jiff::tz::TimeZone::UTC).date();
            i64::from(date.year()) * MONTHS_OF_A_YEAR + i64::from(date.month()) - 1
        }
    }
}

/// When the span of a number begins.
fn beginning(by: Span, number: i64) -> Timestamp {
    let millis = match by {
        Span::Hour => number.saturating_mul(HOUR_MS),
        Span::Day => number.saturating_mul(DAY_MS),
        Span::Month => month_begins(number).unwrap_or(i64::MAX),
    };
    Timestamp::from_millis(millis)
}

/// `None` beyond the last year that there is.
fn month_begins(number: i64) -> Option<i64> {
    let year = i16::try_from(number.div_euclid(MONTHS_OF_A_YEAR)).ok()?;
    let month = i8::try_from(number.rem_euclid(MONTHS_OF_A_YEAR) + 1).ok()?;
    let first = jiff::civil::Date::new(year, month, 1).ok()?;
    let begins = first.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(begins.timestamp().as_millisecond())
}

/// The same moment; the last there is for one that is later.
fn instant(at: Timestamp) -> jiff::Timestamp {
    let instant = jiff::Timestamp::from_millisecond(at.as_millis());
    instant.unwrap_or(jiff::Timestamp::MAX)
}

// === JSON ===

fn span_word(span: Span) -> &'static str {
    match span {
        Span::Hour => "hour",
        Span::Day => "day",
        Span::Month => "month",
    }
}

fn each_word(each: Each) -> &'static str {
    match each {
        Each::Total => "total",
        Each::Tenant => "tenant",
        Each::Account => "account",
    }
}

fn moment(at: Timestamp) -> String {
    instant(at).to_string()
}

/// One row; it names tenant and account where those are told apart.
fn row(row: &StatisticsRow) -> Value {
    let mut told = figures(&row.counts);
    told["from"] = json!(moment(row.from));
    if let Some(tenant) = &row.tenant {
        told["tenant_id"] = json!(tenant.as_str());
    }
    if let Some(account) = &row.account {
        told["account_id"] = json!(account.as_str());
    }
    told
}

fn figures(counts: &KindCounts) -> Value {
    let figures = counts.iter();
    figures
        .map(|(kind, count)| (kind.as_str().to_owned(), Value::from(count)))
        .collect()
}

#[cfg(test)]
mod tests {
    use model::EventKind;

    use super::*;

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_millis(at.as_millisecond())
    }

    fn asked(by: Span, from: Option<&str>, until: Option<&str>) -> Result<[String; 2], FieldError> {
        let asked = Asked {
            from: from.map(at),
            until: until.map(at),
            by: Some(by),
            ..Asked::default()
        };
        let query = asked.query(at("2026-11-23T04:20:31.5Z"))?;
        Ok([query.from, query.until].map(moment))
    }

    #[test]
    fn without_a_word_it_is_the_last_day_week_or_year_with_what_is_not_over() {
        for (by, expected) in [
            (Span::Hour, ["2026-11-22T05:00:00Z", "2026-11-23T05:00:00Z"]),
            (Span::Day, ["2026-11-17T00:00:00Z", "2026-11-24T00:00:00Z"]),
            (
                Span::Month,
                ["2025-12-01T00:00:00Z", "2026-12-01T00:00:00Z"],
            ),
        ] {
            assert_eq!(asked(by, None, None).unwrap(), expected);
        }
    }

    #[test]
    fn spans_are_whole_and_an_end_on_their_border_begins_none() {
        let (from, until) = (Some("2028-02-10T23:30:00Z"), Some("2028-03-01T00:00:00Z"));
        for (by, expected) in [
            (Span::Hour, ["2028-02-10T23:00:00Z", "2028-03-01T00:00:00Z"]),
            (Span::Day, ["2028-02-10T00:00:00Z", "2028-03-01T00:00:00Z"]),
            (
                Span::Month,
                ["2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"],
            ),
        ] {
            assert_eq!(asked(by, from, until).unwrap(), expected);
        }
        let before_1970 = asked(
            Span::Month,
            Some("1969-12-31T23:59:59Z"),
            Some("1970-01-01T00:00:01Z"),
        );
        assert_eq!(
            before_1970.unwrap(),
            ["1969-12-01T00:00:00Z", "1970-02-01T00:00:00Z"]
        );
    }

    #[test]
    fn what_is_too_long_or_backwards_names_the_field_and_says_what_to_do() {
        let problem = |by, from, until| asked(by, from, until).unwrap_err().to_string();
        let year = Some("2025-11-23T00:00:00Z");
        assert_eq!(
            problem(Span::Hour, year, None),
            "from: at most 1000 hours are told at once: choose a shorter time, or a longer span with `by`"
        );
        assert!(asked(Span::Day, year, None).is_ok());
        for by in [Span::Hour, Span::Day, Span::Month] {
            let later = Some("2027-01-01T00:00:00Z");
            assert!(problem(by, later, None).starts_with("from: must be before until"));
            assert!(problem(by, later, later).starts_with("from: must be before until"));
        }
    }

    #[test]
    fn the_ends_of_time_do_no_harm() {
        for by in [Span::Hour, Span::Day, Span::Month] {
            let last = Some("9999-12-30T21:59:59Z");
            let problem = asked(by, None, last);
            assert!(problem.is_ok(), "{problem:?}");
            assert!(asked(by, Some("-009999-01-02T02:00:00Z"), last).is_err());
        }
    }

    #[test]
    fn a_row_names_whose_it_is_only_where_they_are_told_apart() {
        let mut counts = KindCounts::default();
        counts.add(EventKind::Delivered, 3);
        let all = StatisticsRow {
            from: at("2026-11-01T00:00:00Z"),
            tenant: None,
            account: None,
            counts,
        };
        let told = row(&all);
        assert_eq!(told["from"], "2026-11-01T00:00:00Z");
        assert_eq!(
            (&told["delivered"], &told["bounced"]),
            (&json!(3), &json!(0))
        );
        assert!(told.get("tenant_id").is_none() && told.get("account_id").is_none());
        let of_acme = StatisticsRow {
            tenant: Some(TenantId::parse("acme").unwrap()),
            account: Some(AccountId::parse("main").unwrap()),
            ..all
        };
        let told = row(&of_acme);
        assert_eq!(
            (&told["tenant_id"], &told["account_id"]),
            (&json!("acme"), &json!("main"))
        );
    }
}
