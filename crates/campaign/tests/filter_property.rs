//! No text makes the filter's reader panic, and what it reads can be asked of any row.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

use std::sync::Arc;

use campaign::filter::Filter;
use campaign::recipients::{Columns, Fields};
use proptest::prelude::*;

/// Texts that come close to filters.
fn filter_like() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "email",
        "age",
        "\"x\"",
        "'",
        "\"",
        "\\",
        "(",
        ")",
        "!",
        "==",
        "=",
        "!=",
        ">",
        "<=",
        "&&",
        "&",
        "||",
        "and",
        "or",
        "not",
        "contains",
        "startsWith(",
        ",",
        "25",
        "-1.5",
        "é",
        "“",
        " ",
        "\n",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..30).prop_map(|pieces| pieces.join(" "))
}

fn row(age: &str) -> Fields {
    let columns = Columns::new(&["email", "age"]).unwrap();
    Fields::new(&Arc::new(columns), &["ada@example.org", age])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_read_without_panic(text in any::<String>(), age in any::<String>()) {
        if let Ok(filter) = Filter::parse(&text) {
            let fields = row(&age);
            filter.bind(fields.columns()).matches(&fields);
        }
    }

    #[test]
    fn any_pieces_are_read_without_panic(text in filter_like(), age in any::<String>()) {
        if let Ok(filter) = Filter::parse(&text) {
            let fields = row(&age);
            filter.bind(fields.columns()).matches(&fields);
        }
    }

    #[test]
    fn a_filter_and_its_opposite_never_agree(text in filter_like(), age in "[0-9a-z.]{0,4}") {
        let opposite = Filter::parse(&format!("!({text})"));
        if let (Ok(filter), Ok(opposite)) = (Filter::parse(&text), opposite) {
            let fields = row(&age);
            let answers = [filter, opposite].map(|one| one.bind(fields.columns()).matches(&fields));
            prop_assert_ne!(answers[0], answers[1]);
        }
    }

    #[test]
    fn numbers_compare_as_numbers(left in -1_000_i32..1_000, right in -1_000_i32..1_000) {
        let fields = row(&left.to_string());
        for (operator, expected) in [
            ("==", left == right),
            ("!=", left != right),
            (">", left > right),
            (">=", left >= right),
            ("<", left < right),
            ("<=", left <= right),
        ] {
            let filter = Filter::parse(&format!("age {operator} {right}.0")).unwrap();
            prop_assert_eq!(filter.bind(fields.columns()).matches(&fields), expected);
        }
    }
}
