//! How a spreadsheet's values are written, as near as can be to what a person typed.
//!
//! A date is written as `2026-03-01`, a time as `13:45`, whatever the sheet shows them as: its format strings
//! depend on the reader's country, and these two do not.

use std::borrow::Cow;

use calamine::{Data, ExcelDateTime};

const DAY_SECONDS: f64 = 86_400.0;

/// The text of a cell.
pub(super) fn cell_text(value: &Data) -> Cow<'_, str> {
    match value {
        Data::Empty => Cow::Borrowed(""),
        Data::String(text) => Cow::Borrowed(text),
        Data::Bool(true) => Cow::Borrowed("TRUE"),
        Data::Bool(false) => Cow::Borrowed("FALSE"),
        Data::Int(number) => Cow::Owned(number.to_string()),
        Data::Float(number) => Cow::Owned(number_text(*number)),
        Data::DateTime(moment) => Cow::Owned(moment_text(*moment)),
        Data::DateTimeIso(text) => Cow::Owned(iso_moment_text(text)),
        Data::DurationIso(text) => iso_duration_text(text).map_or(Cow::Borrowed(text), Cow::Owned),
        Data::Error(error) => Cow::Owned(error.to_string()),
    }
}

/// A number without the noise of binary fractions: a sheet keeps 15 significant digits.
fn number_text(number: f64) -> String {
    let kept = format!("{number:.14e}").parse().unwrap_or(number);
    // Adding zero turns -0 into 0.
    (kept + 0.0).to_string()
}

fn moment_text(moment: ExcelDateTime) -> String {
    let serial = moment.as_f64();
    if moment.is_duration() {
        return duration_text((serial * DAY_SECONDS).round());
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    let clock = clock_text(hour.into(), minute.into(), second.into());
    match (serial.abs() < 1.0, serial.fract() == 0.0) {
        (true, _) => clock,
        (false, true) => date,
        (false, false) => format!("{date} {clock}"),
    }
}

fn duration_text(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    // The cast saturates, which is far beyond any duration in a sheet.
    let seconds = seconds.abs() as u64;
    let clock = clock_text(seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{sign}{clock}")
}

/// Hours and minutes, and seconds when there are any.
fn clock_text(hours: u64, minutes: u64, seconds: u64) -> String {
    match seconds {
        0 => format!("{hours:02}:{minutes:02}"),
        _ => format!("{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// `2026-03-01T13:45:00` as a person writes it.
fn iso_moment_text(text: &str) -> String {
    let Some((date, clock)) = text.split_once('T') else {
        return text.to_owned();
    };
    match clock.strip_suffix(":00") {
        Some("00:00") => date.to_owned(),
        Some(minutes) if minutes.contains(':') => format!("{date} {minutes}"),
        Some(_) | None => format!("{date} {clock}"),
    }
}

/// `PT13H45M00S` (ISO 8601) as a person writes it.
fn iso_duration_text(text: &str) -> Option<String> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let seconds = rest.strip_suffix('S')?;
    let seconds: f64 = seconds.replace(',', ".").parse().ok()?;
    Some(clock_text(
        hours.parse().ok()?,
        minutes.parse().ok()?,
        seconds.round() as u64,
    ))
}

#[cfg(test)]
mod tests {
    use calamine::{CellErrorType, ExcelDateTimeType};

    use super::*;

    fn excel(serial: f64, kind: ExcelDateTimeType) -> Data {
        Data::DateTime(ExcelDateTime::new(serial, kind, false))
    }

    #[test]
    fn values_are_written_as_people_type_them() {
        let moment = ExcelDateTimeType::DateTime;
        let duration = ExcelDateTimeType::TimeDelta;
        let cases = [
            (Data::Float(42.0), "42"),
            (Data::Float(0.1 + 0.2), "0.3"),
            (Data::Float(-0.0), "0"),
            (Data::Float(-12.5), "-12.5"),
            (Data::Float(4_915_112_345_678.0), "4915112345678"),
            (Data::Int(7), "7"),
            (Data::Bool(true), "TRUE"),
            (Data::Error(CellErrorType::NA), "#N/A"),
            (excel(46_082.0, moment), "2026-03-01"),
            (excel(46_082.572_916_666_664, moment), "2026-03-01 13:45"),
            (excel(0.572_916_666_666_666_6, moment), "13:45"),
            (excel(1.5, duration), "36:00"),
            (Data::DateTimeIso("2026-03-01".into()), "2026-03-01"),
            (
                Data::DateTimeIso("2026-03-01T13:45:00".into()),
                "2026-03-01 13:45",
            ),
            (
                Data::DateTimeIso("2026-03-01T00:00:00".into()),
                "2026-03-01",
            ),
            (
                Data::DateTimeIso("2026-03-01T13:45:10".into()),
                "2026-03-01 13:45:10",
            ),
            (Data::DurationIso("PT13H45M00S".into()), "13:45"),
            (Data::DurationIso("P1Y".into()), "P1Y"),
        ];
        for (value, expected) in cases {
            assert_eq!(cell_text(&value), expected, "{value:?}");
        }
    }
}
