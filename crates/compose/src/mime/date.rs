//! A moment as `Date` has it: `Sun, 22 Nov 2026 14:13:39 +0000` (RFC 5322 §3.3).

use model::Timestamp;

const SECONDS_A_DAY: i64 = 86_400;
/// 9999-12-31T23:59:59Z: the year has four digits.
const LAST_SECOND: i64 = 253_402_300_799;
const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// The text of a moment. One before 1970 or after 9999 is moved to that border.
pub(super) fn rfc5322(at: Timestamp) -> [u8; 31] {
    let seconds = at.as_secs().clamp(0, LAST_SECOND);
    let (days, second) = (seconds / SECONDS_A_DAY, seconds % SECONDS_A_DAY);
    let (year, month, day) = civil(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 +0000";
    text[..3].copy_from_slice(WEEKDAYS[(days % 7) as usize]);
    two_digits(&mut text, 5, day);
    text[8..11].copy_from_slice(MONTHS[(month - 1) as usize]);
    two_digits(&mut text, 12, year / 100);
    two_digits(&mut text, 14, year % 100);
    two_digits(&mut text, 17, second / 3600);
    two_digits(&mut text, 20, second / 60 % 60);
    two_digits(&mut text, 23, second % 60);
    text
}

fn two_digits(text: &mut [u8; 31], place: usize, number: i64) {
    text[place] = b'0' + (number / 10) as u8;
    text[place + 1] = b'0' + (number % 10) as u8;
}

/// Year, month and day of so many days after 1970-01-01.
///
/// Years are counted from March here, so that a leap day is the last of its year, and in eras of
/// 400 years, which all have the same length.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_AN_ERA: i64 = 146_097;
    const FROM_MARCH_OF_YEAR_0: i64 = 719_468;
    let days = days + FROM_MARCH_OF_YEAR_0;
    let (era, day) = (days / DAYS_AN_ERA, days % DAYS_AN_ERA);
    // Every 4th year has a day more, every 100th has not, the 400th has.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on, five months have 153 days, over and over.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    match month {
        0..=9 => (era * 400 + year, month + 3, day),
        _ => (era * 400 + year + 1, month - 9, day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_their_dates() {
        let cases = [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (-5, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (951_868_799, "Tue, 29 Feb 2000 23:59:59 +0000"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 +0000"),
            (1_795_356_819, "Sun, 22 Nov 2026 14:13:39 +0000"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
            (i64::MAX / 1000, "Fri, 31 Dec 9999 23:59:59 +0000"),
        ];
        for (seconds, expected) in cases {
            let text = rfc5322(Timestamp::from_millis(seconds * 1000));
            assert_eq!(std::str::from_utf8(&text).unwrap(), expected);
        }
    }
}
