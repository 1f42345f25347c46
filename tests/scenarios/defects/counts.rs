//! There, pending begins at twice the recipients and never comes to zero.

use std::collections::BTreeMap;

use crate::harness::{Home, Sink};

/// The figures of the closing account by their names.
fn figures(text: &str) -> BTreeMap<&str, u64> {
    let lines = text
        .lines()
        .take_while(|line| !line.starts_with("providers"));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?.parse().ok()?))
        })
        .collect()
}

#[test]
fn all_counts_add_up() {
    let rules = [
        "--rule",
        "refused.example: refuse",
        "--rule",
        "late.example: refuse-after-data",
        "--rule",
        "busy.example: defer",
    ];
    let (home, sink) = (Home::new(), Sink::start(&rules));
    home.relay(sink.port());
    let domains = [
        "good.example",
        "refused.example",
        "good.example",
        "late.example",
        "busy.example",
        "gmail.com",
    ];
    let list: Vec<String> = (0..60)
        .map(|n| format!("person{n}@{}", domains[n % 6]))
        .collect();
    home.write_list("list.csv", list.iter().map(String::as_str));
    let args = ["-f", "list.csv", "--text", "x", "-c", "3", "--retries", "1"];
    let finished = home.send(&args).expect_code(0);
    let figures = figures(&finished.stdout);
    let expected = [
        ("recipients", 60),
        ("delivered", 30),
        ("bounced", 20),
        ("expired", 10),
    ];
    for (name, count) in expected {
        assert_eq!(figures.get(name), Some(&count), "{name} in {finished}");
    }
    let report = home.report(&[]);
    let count = |place: &str| {
        report
            .pointer(place)
            .and_then(|value| value.as_u64())
            .unwrap()
    };
    assert_eq!(count("/books/queued"), 0);
    // Ten were tried twice.
    assert_eq!(count("/attempts"), 70);
    let codes: u64 = report["codes"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(codes, 70, "{report}");
    let providers = report["providers"].as_array().unwrap();
    let sum = |key: &str| -> u64 { providers.iter().map(|one| one[key].as_u64().unwrap()).sum() };
    assert_eq!(
        (sum("delivered"), sum("failed"), sum("deferred")),
        (30, 30, 10),
        "{report}"
    );
    assert_eq!(sink.stop()["accepted_messages"], 30);
    home.exact_account();
}
