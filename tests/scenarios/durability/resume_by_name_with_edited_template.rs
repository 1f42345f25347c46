//! A named campaign is the same campaign when its text was edited: who was not mailed yet gets the new one.

use std::fs;

use super::people::{addresses, assert_each_once, write_addresses};
use crate::harness::{Folder, Home, Process, Sink, until};

fn start(home: &Home, args: &[&str]) -> Process {
    let own = [
        "-f",
        "list.csv",
        "-t",
        "letter.html",
        "-s",
        "News",
        "--name",
        "news",
        "-c",
        "2",
    ];
    home.start_send(&[&own[..], args].concat())
}

#[test]
fn who_was_not_mailed_yet_gets_the_new_text() {
    let (home, mail) = (Home::new(), Folder::new());
    let sink = Sink::start(&["--store-dir", mail.path().to_str().unwrap()]);
    home.relay(sink.port());
    let people = addresses(200);
    write_addresses(&home, &people);
    home.write("letter.html", "<p>The first text</p>");
    let process = start(&home, &["--rate", "100"]);
    until("some messages", || (sink.count() >= 40).then_some(()));
    process.signal("TERM");
    process.wait().expect_code(1);
    let before = sink.count();
    home.write("letter.html", "<p>The second text</p>");
    start(&home, &["--resume"]).wait().expect_code(0);
    assert_each_once(&sink.recipients(), &people);
    let letters: Vec<String> = mail
        .files()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let with = |text: &str| {
        letters
            .iter()
            .filter(|letter| letter.contains(text))
            .count()
    };
    assert_eq!(
        (with("The first text"), with("The second text")),
        (before, 200 - before)
    );
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "delivered")
    );
}
