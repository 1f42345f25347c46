//! Filters: any text is a filter or an error at a place of it, and logic holds for any row.
#![no_main]

use std::io::Cursor;

use campaign::filter::Filter;
use campaign::recipients::{Fields, RecipientList};
use glasspost_fuzz::parts;
use libfuzzer_sys::fuzz_target;

fn matches(text: &str, fields: &Fields) -> Option<bool> {
    let filter = Filter::parse(text).ok()?;
    Some(filter.bind(fields.columns()).matches(fields))
}

fn check(text: &str, fields: &Fields) {
    let Some(is_wanted) = matches(text, fields) else {
        return;
    };
    // Each of these may be deeper or longer than a filter may be, and is then none.
    let same = [
        format!("({text})"),
        format!("({text}) and ({text})"),
        format!("({text}) OR ({text})"),
    ];
    for other in same {
        assert!(
            matches(&other, fields).is_none_or(|found| found == is_wanted),
            "{other}"
        );
    }
    for other in [format!("!({text})"), format!("not ({text})")] {
        assert!(
            matches(&other, fields).is_none_or(|found| found != is_wanted),
            "{other}"
        );
    }
}

fuzz_target!(|input: &str| {
    let [text, list] = parts(input);
    match Filter::parse(text) {
        Ok(_) => {}
        Err(error) => {
            assert!(
                (1..=text.chars().count() + 1).contains(&error.column),
                "{error}"
            );
            return;
        }
    }
    let Ok(list) = RecipientList::from_csv(Cursor::new(list.as_bytes().to_vec())) else {
        return;
    };
    for recipient in list.flatten().flatten() {
        check(text, &recipient.fields);
    }
});
