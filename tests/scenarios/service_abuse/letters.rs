//! Mail in large numbers, and what became of it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};

use crate::harness::Application;

/// Messages of one request.
const BATCH: usize = 1_000;

/// To whom the message of this id goes, and no other.
pub fn address(id: &str) -> String {
    format!("{id}@example.org")
}

/// Messages through an account. Their ids are the name and a number.
pub fn letters(
    application: &Application,
    account: &str,
    name: &str,
    numbers: Range<usize>,
) -> Vec<Value> {
    let letter = |number| {
        let id = format!("{name}-{number}");
        let mut letter = application.message(&id, &address(&id));
        letter["account_id"] = json!(account);
        letter
    };
    numbers.map(letter).collect()
}

/// Hands over so many of them; gives their ids.
#[track_caller]
pub fn hand_over(
    application: &Application,
    account: &str,
    name: &str,
    count: usize,
) -> Vec<String> {
    for first in (0..count).step_by(BATCH) {
        let batch = letters(application, account, name, first..count.min(first + BATCH));
        let answer = application.send(&batch);
        assert_eq!(answer["queued"], batch.len(), "{answer}");
    }
    ids(name, 0..count)
}

/// The ids of messages.
pub fn ids(name: &str, numbers: Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{name}-{number}")).collect()
}

/// Checks that exactly the messages of these ids came, each once.
#[track_caller]
pub fn assert_each_once(received: &[String], ids: &[String]) {
    let copies = copies(received);
    assert_nothing_twice(&copies);
    assert_all(&copies, ids);
    assert_eq!(copies.len(), ids.len(), "more came than was handed over");
}

/// How often each recipient got something.
pub fn copies(received: &[String]) -> BTreeMap<&str, usize> {
    let mut copies = BTreeMap::new();
    for address in received {
        *copies.entry(address.as_str()).or_default() += 1;
    }
    copies
}

/// Checks that the messages of these ids came.
#[track_caller]
pub fn assert_all(copies: &BTreeMap<&str, usize>, ids: &[String]) {
    let lost: Vec<&String> = ids
        .iter()
        .filter(|id| !copies.contains_key(address(id).as_str()))
        .collect();
    assert!(lost.is_empty(), "{} are lost: {lost:?}", lost.len());
}

/// Checks that nobody got anything twice.
#[track_caller]
pub fn assert_nothing_twice(copies: &BTreeMap<&str, usize>) {
    let twice: Vec<_> = copies.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{} came twice: {twice:?}", twice.len());
}
