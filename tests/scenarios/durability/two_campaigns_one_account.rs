//! `success.csv` has every delivery of every campaign once, also when one was killed, another wrote into the same
//! file, and the first went on.

use super::people::{addresses, start, write_addresses};
use crate::harness::{Home, Sink, until};

const RECIPIENTS: usize = 200;

#[test]
fn the_lines_of_one_do_not_stand_for_those_of_the_other() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let people = addresses(RECIPIENTS);
    write_addresses(&home, &people);
    let spring = start(&home, 2, &["--name", "spring", "--rate", "100"]);
    until("half of spring", || {
        (sink.count() >= RECIPIENTS / 2).then_some(())
    });
    spring.kill();
    let summer = home.send(&[
        "--csv",
        "list.csv",
        "--subject",
        "Summer, {{.name}}",
        "--text",
        "x",
        "--name",
        "summer",
        "-c",
        "2",
    ]);
    summer.expect_code(0);
    start(&home, 2, &["--name", "spring", "--resume"])
        .wait()
        .expect_code(0);
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_path(home.path().join("success.csv"))
        .unwrap();
    let mut found: Vec<(String, String)> = rows
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[1].to_owned(), row[0].to_owned()))
        .collect();
    let mut expected: Vec<(String, String)> = ["Hi Ada", "Summer, Ada"]
        .iter()
        .flat_map(|subject| {
            people
                .iter()
                .map(|address| ((*subject).to_owned(), address.clone()))
        })
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found.len(), expected.len());
    assert_eq!(found, expected);
}
