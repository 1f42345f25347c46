//! `glasspost statistics`: what happened, by hours, days or months, and all of it together.

use serde_json::{Value, json};

use super::call::Call;
use super::table::{Shape, plain, table};
use crate::cli::WantedStatistics;

const KINDS: [&str; 9] = [
    "accepted",
    "delivered",
    "deferred",
    "rate_limited",
    "bounced",
    "expired",
    "dropped",
    "cancelled",
    "returned",
];
/// What stands in the row of the sums.
const ALL: &str = "all";

/// Asks for them.
pub fn call(wanted: &WantedStatistics) -> Call {
    Call::get("/statistics", wanted).shown_as(Shape::Told(tell))
}

/// A row each, their sum, and how far everything was counted.
fn tell(answer: &Value) -> String {
    let whose: &[&str] = match answer["each"].as_str() {
        Some("tenant") => &["tenant_id"],
        Some("account") => &["tenant_id", "account_id"],
        _ => &[],
    };
    let columns = [&["from"], whose, &KINDS].concat();
    let by = answer["by"].as_str().unwrap_or_default();
    let rows = answer["rows"].as_array().into_iter().flatten();
    let mut rows: Vec<Value> = rows.map(|row| named(row, by)).collect();
    let counted = match answer["counted_until"].as_str() {
        Some(at) => format!("counted until {}\n", plain(at)),
        None => "nothing was counted yet\n".to_owned(),
    };
    if rows.is_empty() {
        return format!("Nothing happened in this time.\n{counted}");
    }
    let mut total = answer["total"].clone();
    total["from"] = json!(ALL);
    for name in whose {
        total[name] = json!("");
    }
    rows.push(total);
    let rows: Vec<&Value> = rows.iter().collect();
    format!("{}\n{counted}", table(&rows, &columns))
}

/// A row with its span as people write it.
fn named(row: &Value, by: &str) -> Value {
    let mut row = row.clone();
    let from = row["from"].as_str().unwrap_or_default();
    let length = match by {
        "hour" => "2026-11-01T00:00".len(),
        "day" => "2026-11-01".len(),
        _ => "2026-11".len(),
    };
    let span = from.get(..length).unwrap_or(from).replace('T', " ");
    row["from"] = json!(span);
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(accepted: u32) -> Value {
        json!({"accepted": accepted, "delivered": 2, "deferred": 0, "rate_limited": 0, "bounced": 1, "expired": 0,
            "dropped": 0, "cancelled": 0, "returned": 0, "receipt": 0})
    }

    #[test]
    fn each_span_has_a_row_and_their_sum_the_last() {
        let mut row = counts(3);
        row["from"] = json!("2026-11-01T13:00:00Z");
        row["tenant_id"] = json!("acme");
        let mut answer = json!({"by": "hour", "each": "tenant", "counted_until": "2026-11-01T14:00:00Z",
            "rows": [row], "total": counts(3)});
        let text = tell(&answer);
        let lines: Vec<&str> = text.lines().collect();
        let words =
            |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(
            words(lines[0])[..4],
            ["FROM", "TENANT", "ID", "ACCEPTED"],
            "{text}"
        );
        assert_eq!(
            words(lines[1])[..4],
            ["2026-11-01", "13:00", "acme", "3"],
            "{text}"
        );
        assert_eq!(words(lines[2])[..4], ["all", "-", "3", "2"], "{text}");
        assert_eq!(lines.last(), Some(&"counted until 2026-11-01T14:00:00Z"));
        answer["by"] = json!("month");
        assert!(tell(&answer).contains("\n2026-11  "), "{}", tell(&answer));
    }

    #[test]
    fn that_nothing_happened_is_said() {
        let answer = json!({"by": "day", "each": "total", "counted_until": null, "rows": [], "total": counts(0)});
        assert_eq!(
            tell(&answer),
            "Nothing happened in this time.\nnothing was counted yet\n"
        );
    }
}
