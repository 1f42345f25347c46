//! Lists of people, and how they are sent to.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::harness::{Home, Process};

/// Addresses `person00000@good.example` and so on.
pub fn addresses(count: usize) -> Vec<String> {
    (0..count)
        .map(|i| format!("person{i:05}@good.example"))
        .collect()
}

/// Writes `list.csv` of addresses and names.
pub fn write_list<'a>(home: &Home, people: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut list = "email,name\n".to_owned();
    for (address, name) in people {
        writeln!(list, "{address},{name}").unwrap();
    }
    home.write("list.csv", list);
}

/// Writes `list.csv` of these addresses, who are all called Ada.
pub fn write_addresses(home: &Home, addresses: &[String]) {
    write_list(
        home,
        addresses.iter().map(|address| (address.as_str(), "Ada")),
    );
}

/// Sends `list.csv` a short letter over as many connections.
pub fn start(home: &Home, connections: usize, args: &[&str]) -> Process {
    let connections = connections.to_string();
    let letter = ["--subject", "Hi {{.name}}", "--text", "Hello {{.name}}"];
    let own = [&["--csv", "list.csv", "-c", &connections][..], &letter].concat();
    home.start_send(&[&own, args].concat())
}

/// How often each stands in a list.
pub fn counts(addresses: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for address in addresses {
        *counts.entry(address.as_str()).or_default() += 1;
    }
    counts
}

/// Checks that everyone stands in a list exactly once, and nobody else.
#[track_caller]
pub fn assert_each_once(found: &[String], expected: &[String]) {
    let counts = counts(found);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "more than once: {twice:?}");
    let missing: Vec<_> = expected
        .iter()
        .filter(|one| !counts.contains_key(one.as_str()))
        .collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert_eq!(counts.len(), expected.len(), "strangers");
}
