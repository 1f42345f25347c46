//! The closing account of a campaign as text: by outcome, provider and reply code.

use std::fmt::Write;
use std::time::Duration;

use model::MessageState;

use crate::tally::Tally;

/// Reply codes and categories listed at most; the rest is summed up.
const LINES_MAX: usize = 12;

/// The account as a few short tables.
pub fn account(tally: &Tally) -> String {
    let mut text = String::new();
    outcomes(&mut text, tally);
    if !tally.failures.is_empty() {
        let rows = tally
            .failures
            .iter()
            .map(|(category, count)| ((*category).to_owned(), *count));
        table(&mut text, "failed because of", rows);
    }
    providers(&mut text, tally);
    let codes = tally
        .codes
        .iter()
        .map(|(code, count)| (code_name(*code), *count));
    table(&mut text, "SMTP replies", codes);
    text
}

fn outcomes(text: &mut String, tally: &Tally) {
    let total = tally.books.accepted;
    let _ = writeln!(text, "{:<28}{:>10}", "recipients", total);
    for state in MessageState::ALL {
        let count = tally.books.count(state);
        if count > 0 {
            let share = count as f64 * 100.0 / total.max(1) as f64;
            let _ = writeln!(text, "  {:<26}{count:>10}  {share:>5.1} %", state.as_str());
        }
    }
}

fn providers(text: &mut String, tally: &Tally) {
    if tally.providers.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "{:<28}{:>10}{:>10}{:>10}",
        "providers", "delivered", "failed", "deferred"
    );
    for (provider, counts) in &tally.providers {
        let _ = writeln!(
            text,
            "  {:<26}{:>10}{:>10}{:>10}",
            provider.as_str(),
            counts.delivered,
            counts.failed,
            counts.deferred
        );
    }
}

/// A two-column table, most frequent first.
fn table(text: &mut String, title: &str, rows: impl Iterator<Item = (String, u64)>) {
    let mut rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let rest: u64 = rows.iter().skip(LINES_MAX).map(|(_, count)| count).sum();
    rows.truncate(LINES_MAX);
    if rest > 0 {
        rows.push(("others".to_owned(), rest));
    }
    let _ = writeln!(text, "{title}");
    for (name, count) in rows {
        let _ = writeln!(text, "  {name:<26}{count:>10}");
    }
}

/// A reply code with its meaning in a word or two (RFC 5321 §4.2.3).
pub fn code_name(code: u16) -> String {
    let meaning = match code {
        0 => return "no answer".to_owned(),
        250 => "accepted",
        421 => "not available",
        450 => "mailbox unavailable",
        451 => "local error",
        452 => "no room",
        500..=504 => "not understood",
        530 => "login needed",
        535 => "login refused",
        550 => "mailbox unavailable",
        551 => "not local",
        552 => "too much",
        553 => "name not allowed",
        554 => "refused",
        _ => return code.to_string(),
    };
    format!("{code} {meaning}")
}

/// A duration in the largest fitting units: `1h 2m`, `3m 5s`, `42s`, `850ms`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..=59 => format!("{seconds}s"),
        60..=3_599 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let cases = [
            (0.85, "850ms"),
            (42.0, "42s"),
            (185.0, "3m 5s"),
            (3_720.0, "1h 2m"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), text);
        }
    }
}
