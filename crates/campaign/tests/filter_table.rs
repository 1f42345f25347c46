//! The documented filters, as a table of expression, row and answer; and the errors, with their places.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

use std::sync::Arc;

use campaign::filter::Filter;
use campaign::recipients::{Columns, Fields};

const EXAMPLES: &str = include_str!("corpus/filters.txt");
const ERRORS: &str = include_str!("corpus/filter_errors.txt");

/// The lines of a table that say something, split at tabs.
fn table(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| (number, line.split('\t').map(str::trim).collect()))
}

/// A row written as `name=value; name=value`. Every list has the column `email`.
fn fields(row: &str) -> Fields {
    let pairs = row.split(';').filter_map(|pair| pair.split_once('='));
    let (mut names, mut values): (Vec<_>, Vec<_>) = pairs
        .map(|(name, value)| (name.trim(), value.trim()))
        .unzip();
    if !names.contains(&"email") {
        names.push("email");
        values.push("ada@example.org");
    }
    Fields::new(&Arc::new(Columns::new(&names).unwrap()), &values)
}

#[test]
fn every_documented_filter_answers_as_documented() {
    let mut count = 0;
    for (line, cells) in table(EXAMPLES) {
        let [expression, row, expected] = cells[..] else {
            panic!("line {line}: {cells:?}");
        };
        let filter =
            Filter::parse(expression).unwrap_or_else(|error| panic!("line {line}: {error}"));
        let fields = fields(row);
        let found = filter.bind(fields.columns()).matches(&fields);
        assert_eq!(
            found.to_string(),
            expected,
            "line {line}: {expression} on {row}"
        );
        count += 1;
    }
    assert!(count > 60, "{count}");
}

#[test]
fn errors_say_where_and_what_was_expected() {
    for (line, cells) in table(ERRORS) {
        let [expression, expected] = cells[..] else {
            panic!("line {line}: {cells:?}");
        };
        let found = Filter::parse(expression).unwrap_err().to_string();
        assert_eq!(
            found,
            format!("invalid filter: {expected}"),
            "line {line}: {expression}"
        );
    }
}

#[test]
fn fields_without_a_column_are_named_once() {
    let columns = Columns::new(&["email", "plan"]).unwrap();
    let filter = Filter::parse("plann == pro && (Country || !plann) && email").unwrap();
    assert_eq!(filter.unknown_fields(&columns), ["plann", "country"]);
    let filter = Filter::parse("plan = pro").unwrap();
    assert!(filter.unknown_fields(&columns).is_empty());
}
