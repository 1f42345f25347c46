//! Answers as people read them: a list as aligned columns, one thing as names and values.

use serde_json::{Map, Value};

/// What the name of a field ends with that holds seconds since 1970.
const MOMENT: &str = "_ts";
/// What stands where there is nothing.
const NOTHING: &str = "-";
/// Between two columns.
const GAP: &str = "  ";
/// The longest value that is shown whole, in characters: an attachment may be part of a message.
const VALUE_CHARS_MAX: usize = 256;
/// Fields that come first where one thing is shown; the others follow by name.
const FIRST: [&str; 8] = [
    "id",
    "name",
    "address",
    "endpoint",
    "tenant_id",
    "account_id",
    "status",
    "event_type",
];
/// The field that says that all went well, which is said by what follows.
const OK: &str = "ok";

/// How an answer looks.
#[derive(Clone, Copy)]
pub enum Shape {
    /// Many things, below this field; where the answer itself is the list, it is empty.
    List(&'static str, &'static [&'static str]),
    /// One thing.
    Record,
    /// Something of its own.
    Told(fn(&Value) -> String),
}

impl Shape {
    /// An answer as text, which ends its last line.
    pub fn text(self, answer: &Value) -> String {
        match self {
            Self::List(field, columns) => {
                let list = match field {
                    "" => answer,
                    field => &answer[field],
                };
                let rows: Vec<&Value> = list.as_array().into_iter().flatten().collect();
                match rows.is_empty() {
                    true => "None found.\n".to_owned(),
                    false => table(&rows, columns),
                }
            }
            Self::Record => record(answer),
            Self::Told(tell) => tell(answer),
        }
    }
}

/// Rows in aligned columns, numbers to the right. A column `a.b` is the field b of the object a.
pub fn table(rows: &[&Value], columns: &[&str]) -> String {
    let headings = columns.iter().map(|column| heading(column)).collect();
    let mut lines: Vec<Vec<String>> = vec![headings];
    for row in rows {
        lines.push(columns.iter().map(|column| shown(row, column)).collect());
    }
    let is_number = |column: &&str| {
        let values = || rows.iter().map(|row| at(row, column));
        values().any(Value::is_number) && values().all(|value| is_figure(value, column))
    };
    let is_number: Vec<bool> = columns.iter().map(is_number).collect();
    let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max();
    let widths: Vec<usize> = (0..columns.len())
        .map(|place| width(place).unwrap_or_default())
        .collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).zip(&is_number);
        let cells: Vec<String> = cells
            .map(|((cell, width), is_number)| match is_number {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            })
            .collect();
        text += cells.join(GAP).trim_end();
        text.push('\n');
    }
    text
}

/// How many things an answer left out that were asked for.
pub fn left_out(answer: &Value) -> usize {
    ["rejected", "not_found"]
        .iter()
        .filter_map(|field| answer.get(field)?.as_array())
        .map(Vec::len)
        .sum()
}

/// A text that steers no terminal and stays on its line.
pub fn plain(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if is_harmful(c) { '\u{fffd}' } else { c })
        .collect()
}

/// One thing: names and values, then what it has many of.
fn record(answer: &Value) -> String {
    let Value::Object(fields) = answer else {
        return format!("{}\n", cell("", answer));
    };
    let (mut lines, mut lists) = (Vec::new(), Vec::new());
    sort("", fields, &mut lines, &mut lists);
    if lines.is_empty() && lists.is_empty() {
        return "done\n".to_owned();
    }
    let width = lines.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for (name, value) in lines {
        text += &format!("{name:<width$}{GAP}{value}\n");
    }
    for (name, rows) in lists {
        text += &format!("\n{name}\n{}", table(&rows, &columns(&rows)));
    }
    text
}

/// Sorts the fields of an object, and of those within, into values and lists of objects.
fn sort<'a>(
    above: &str,
    fields: &'a Map<String, Value>,
    lines: &mut Vec<(String, String)>,
    lists: &mut Vec<(String, Vec<&'a Value>)>,
) {
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort_by_key(|name| (rank(name), name.as_str()));
    for name in names {
        let path = format!("{above}{}", plain(name));
        match &fields[name] {
            Value::Null => {}
            Value::Bool(true) if path == OK => {}
            Value::Object(within) => sort(&format!("{path}."), within, lines, lists),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                lists.push((path, items.iter().collect()));
            }
            value => lines.push((path, cell(name, value))),
        }
    }
}

fn rank(name: &str) -> usize {
    let place = FIRST.iter().position(|first| *first == name);
    place.unwrap_or(FIRST.len())
}

/// Every field that one of the rows has.
fn columns<'a>(rows: &[&'a Value]) -> Vec<&'a str> {
    let mut columns: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.as_object())
        .flat_map(|row| row.keys().map(String::as_str))
        .collect();
    columns.sort_by_key(|name| (rank(name), *name));
    columns.dedup();
    columns
}

fn heading(column: &str) -> String {
    let name = column.rsplit('.').next().unwrap_or(column);
    let name = name.strip_suffix(MOMENT).unwrap_or(name);
    plain(&name.replace('_', " ").to_uppercase())
}

fn at<'a>(row: &'a Value, column: &str) -> &'a Value {
    // A name that holds a dot itself is looked for first.
    if let Some(value) = row.get(column) {
        return value;
    }
    column.split('.').fold(row, |value, name| &value[name])
}

fn shown(row: &Value, column: &str) -> String {
    cell(column, at(row, column))
}

/// A value in one line.
fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) if is_moment(name) => {
            number.as_i64().map_or_else(|| number.to_string(), moment)
        }
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => short(text),
        Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| cell("", item)).collect();
            short(&items.join(", "))
        }
        Value::Object(_) => short(&value.to_string()),
    }
}

/// A text as [`plain`] has it, cut where it is very long.
fn short(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", plain(&text[..end])),
        None => plain(text),
    }
}

/// Whether a field of this name holds seconds since 1970.
fn is_moment(name: &str) -> bool {
    name == "ts" || name.ends_with(MOMENT)
}

fn is_figure(value: &Value, name: &str) -> bool {
    (value.is_number() && !is_moment(name)) || value.is_null()
}

fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_aligned_and_its_numbers_stand_right() {
        let answer = json!({"ok": true, "accounts": [
            {"id": "main", "port": 587, "use_tls": true, "updated_ts": 0, "message": {"subject": "Grüße"}},
            {"id": "x", "port": 25, "use_tls": null, "updated_ts": null, "message": {"subject": "a\nb"}},
        ]});
        let columns = &["id", "port", "use_tls", "updated_ts", "message.subject"];
        let expected = "ID    PORT  USE TLS  UPDATED               SUBJECT\n\
                        main   587  yes      1970-01-01T00:00:00Z  Grüße\n\
                        x       25  -        -                     a\u{fffd}b\n";
        assert_eq!(Shape::List("accounts", columns).text(&answer), expected);
        let none = Shape::List("accounts", columns).text(&json!({"accounts": []}));
        assert_eq!(none, "None found.\n");
    }

    #[test]
    fn one_thing_is_names_and_values_and_what_it_has_many_of() {
        let answer = json!({
            "ok": true, "tenant_id": "acme", "id": "m-1", "error": null, "batch": ["a", "b"],
            "limits": {"hourly": 3},
            "recipients": [{"status": "sent", "address": "b@c"}, {"code": 550, "address": "long@c"}],
        });
        let expected = "id             m-1\n\
                        tenant_id      acme\n\
                        batch          a, b\n\
                        limits.hourly  3\n\
                        \n\
                        recipients\n\
                        ADDRESS  STATUS  CODE\n\
                        b@c      sent       -\n\
                        long@c   -        550\n";
        assert_eq!(Shape::Record.text(&answer), expected);
        assert_eq!(Shape::Record.text(&json!({"ok": true})), "done\n");
        assert_eq!(Shape::Record.text(&json!(3)), "3\n");
    }

    #[test]
    fn what_is_shown_steers_no_terminal() {
        for harmful in ["\u{1b}[2J", "\u{9b}31m", "\u{202e}", "a\r\nb", "\u{7f}"] {
            let shown = Shape::Record.text(&json!({"error": harmful, harmful: "x"}));
            let lines: Vec<&str> = shown.lines().collect();
            assert_eq!(lines.len(), 2, "{shown:?}");
            let is_plain = |line: &&str| !line.chars().any(|c| c.is_control() || c == '\u{202e}');
            assert!(lines.iter().all(is_plain), "{shown:?}");
        }
    }

    #[test]
    fn what_is_very_long_is_cut() {
        let shown = Shape::Record.text(&json!("é".repeat(100_000)));
        assert_eq!(shown.trim_end().chars().count(), VALUE_CHARS_MAX + 1);
    }

    #[test]
    fn what_was_left_out_is_counted() {
        assert_eq!(
            left_out(&json!({"queued": 1, "rejected": [{"id": "a"}]})),
            1
        );
        assert_eq!(left_out(&json!({"removed": 0, "not_found": ["a", "b"]})), 2);
        assert_eq!(left_out(&json!({"not_found": null})), 0);
        assert_eq!(left_out(&json!([1])), 0);
    }
}
