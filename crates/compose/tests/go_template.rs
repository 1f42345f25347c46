//! What Go made of the templates in `golden/go_template`, against what ours are.
//!
//! `differences.tsv` there lists the cases that are meant to differ, with reasons; a case that is
//! listed and does not differ fails as much as one that differs and is not listed.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot read its data has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use compose::go_template::{Limits, Missing, Template, Value};
use serde_json::Value as Json;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/go_template")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read_json(path: &Path) -> Json {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn render(mode: &str, missing: Missing, source: &str, data: &Json) -> Result<String, String> {
    let template = match mode {
        "html" => Template::parse_html("mail", source),
        _ => Template::parse_text("mail", source),
    };
    let template = template.map_err(|error| error.to_string())?;
    let mut out = String::new();
    let value = Value::from(data);
    template
        .render(&value, missing, &Limits::default(), &mut out)
        .map_err(|error| error.to_string())?;
    Ok(out)
}

/// Compares outcomes and collects the names of those that differ.
struct Comparison {
    file: &'static str,
    compared: usize,
    differing: BTreeMap<String, String>,
}

impl Comparison {
    fn new(file: &'static str) -> Self {
        Self {
            file,
            compared: 0,
            differing: BTreeMap::new(),
        }
    }

    fn compare(&mut self, name: String, mode: &str, golden: &Json, ours: Result<String, String>) {
        self.compared += 1;
        let theirs = golden["output"].as_str().map(|output| match mode {
            // The one rule that holds for all of text mode: a missing field is empty.
            "text" => output.replace("<no value>", ""),
            _ => output.to_owned(),
        });
        let same = match (&theirs, &ours) {
            (Some(theirs), Ok(ours)) => theirs == ours,
            (None, Err(_)) => true,
            _ => false,
        };
        if !same {
            let theirs = theirs.ok_or_else(|| golden["error"].as_str().unwrap_or_default());
            self.differing
                .insert(name, format!("Go:   {theirs:?}\n  ours: {ours:?}"));
        }
    }

    fn finish(self, at_least: usize) {
        let listed: BTreeSet<String> = read(&folder().join("differences.tsv"))
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .filter(|columns| columns[0] == self.file)
            .map(|columns| columns[1].to_owned())
            .collect();
        let differing: BTreeSet<String> = self.differing.keys().cloned().collect();
        let report: String = differing
            .difference(&listed)
            .map(|name| format!("{name}\n  {}\n", self.differing[name]))
            .collect();
        let stale: Vec<_> = listed.difference(&differing).collect();
        assert!(
            report.is_empty(),
            "{}: {} of {} differ from Go:\n{report}",
            self.file,
            differing.difference(&listed).count(),
            self.compared
        );
        assert!(
            stale.is_empty(),
            "{}: listed, but no different: {stale:?}",
            self.file
        );
        assert!(
            self.compared >= at_least,
            "{}: only {} cases",
            self.file,
            self.compared
        );
    }
}

fn cases(file: &'static str, at_least: usize) {
    let standard: Json = read_json(&folder().join("cases/data.json"));
    let golden = read_json(&folder().join(format!("recorded/{file}.json")));
    let source = format!("\n{}", read(&folder().join(format!("cases/{file}.txt"))));
    let mut comparison = Comparison::new(file);
    for block in source.split("\n=== ").skip(1) {
        let (head, template) = block
            .split_once("\n---\n")
            .expect("a template in each case");
        let template = template.strip_suffix('\n').unwrap_or(template);
        let (name, settings) = head.split_once('\n').unwrap_or((head, ""));
        let setting = |key: &str| {
            settings
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
        };
        let mode = setting("mode").unwrap_or("text");
        let missing = match setting("missing") {
            Some("error") => Missing::Error,
            _ => Missing::Empty,
        };
        let own: Option<Json> =
            setting("data").map(|data| serde_json::from_str(data).expect("JSON"));
        let ours = render(mode, missing, template, own.as_ref().unwrap_or(&standard));
        comparison.compare(name.to_owned(), mode, &golden[name], ours);
    }
    comparison.finish(at_least);
}

fn matrix(file: &'static str, at_least: usize) {
    let matrix = read_json(&folder().join(format!("matrix/{file}.json")));
    let golden = read_json(&folder().join(format!("recorded/{file}.json")));
    let mode = matrix["mode"].as_str().expect("a mode");
    let mut comparison = Comparison::new(file);
    for template in matrix["templates"].as_array().expect("templates") {
        let template = template.as_str().expect("a template");
        for (nth, value) in matrix["values"]
            .as_array()
            .expect("values")
            .iter()
            .enumerate()
        {
            let data = serde_json::json!({ "x": value });
            let ours = render(mode, Missing::Empty, template, &data);
            comparison.compare(
                format!("{template} <- {value}"),
                mode,
                &golden[template][nth],
                ours,
            );
        }
    }
    comparison.finish(at_least);
}

#[test]
fn the_language_is_gos() {
    cases("language", 240);
}

#[test]
fn functions_are_gos() {
    cases("functions", 400);
}

#[test]
fn what_does_not_parse_in_go_does_not_here() {
    cases("syntax", 170);
}

#[test]
fn html_is_escaped_as_in_go() {
    cases("html", 280);
}

#[test]
fn every_kind_of_value_is_escaped_as_in_go_in_every_kind_of_place() {
    matrix("escape", 5000);
}

#[test]
fn printf_is_gos() {
    matrix("printf", 1700);
}

#[test]
fn random_html_templates_come_out_as_from_go() {
    matrix("random-html", 600);
}

#[test]
fn random_expressions_come_out_as_from_go() {
    matrix("random-text", 600);
}

#[test]
fn whole_emails_come_out_as_from_go() {
    let mut emails = 0;
    for entry in fs::read_dir(folder().join("emails")).expect("the emails") {
        let email = entry.expect("an email").path();
        let template = read(&email.join("template.html"));
        let rows = read_json(&email.join("data.json"));
        for (nth, row) in rows.as_array().expect("a list of rows").iter().enumerate() {
            let golden = email.join(format!("golden.{}.html", nth + 1));
            let ours = render("html", Missing::Empty, &template, row);
            assert_eq!(
                ours.as_deref(),
                Ok(read(&golden).as_str()),
                "{}",
                golden.display()
            );
        }
        emails += 1;
    }
    assert!(emails >= 15, "only {emails} emails");
}
