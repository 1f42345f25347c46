//! Ten thousand recipients and one row that the letter cannot be made for: everyone else gets it, and the one is
//! reported by its row (bar: templates).

use std::fmt::Write;

use crate::harness::{Home, Sink};

const RECIPIENTS: usize = 10_000;
const POISON: usize = 6_543;

/// Sends it; `column` is what the poisonous row has, and everyone else has `fine`.
fn sends_to_all_others(column: &str, args: &[&str]) -> (Home, String) {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let mut list = "email,word\n".to_owned();
    for number in 1..=RECIPIENTS {
        let word = if number == POISON { column } else { "fine" };
        writeln!(list, "person{number}@good.example,{word}").unwrap();
    }
    home.write("list.csv", list);
    let own = ["-f", "list.csv", "-c", "4"];
    let finished = home.send(&[&own[..], args].concat()).expect_code(0);
    assert_eq!(sink.count(), RECIPIENTS - 1);
    let account = home.account();
    assert_eq!(account.success.len(), RECIPIENTS - 1);
    assert_eq!(account.failed, [format!("person{POISON}@good.example")]);
    (home, finished.output())
}

fn words_of_the_report(home: &Home) -> String {
    let report = home.report(&["--recipients"]);
    let rows = report["recipients"].as_array().unwrap();
    let poison = rows.iter().find(|row| row["status"] == "dropped").unwrap();
    poison["reply"].as_str().unwrap().to_owned()
}

#[test]
fn a_body_that_breaks_at_one_row() {
    let (home, said) = sends_to_all_others("no", &["--text", "Hello {{slice .word 0 3}}"]);
    // The heading is the first row.
    let line = format!("row {}", POISON + 1);
    let words = words_of_the_report(&home);
    assert!(words.contains("slice"), "{words}");
    assert!(said.contains(&line), "{said}");
}

#[test]
fn a_subject_that_breaks_at_one_row() {
    let subject = ["--subject", "{{slice .word 0 3}}", "--text", "Hello"];
    let (_, said) = sends_to_all_others("no", &subject);
    assert!(said.contains(&format!("row {}", POISON + 1)), "{said}");
}

#[test]
fn a_bomb_at_one_row() {
    let bomb = "{{if eq .word \"boom\"}}{{range 1000}}{{range 1000}}{{range 1000}}x{{end}}{{end}}{{end}}{{end}}";
    let (home, said) = sends_to_all_others("boom", &["--text", &format!("Hello {bomb}")]);
    assert!(said.contains(&format!("row {}", POISON + 1)), "{said}");
    assert!(!words_of_the_report(&home).is_empty());
}
