//! A run that is finished is not sent again by `--resume`.

use super::people::{addresses, assert_each_once, start, write_addresses};
use crate::harness::{Home, Sink};

#[test]
fn it_says_that_all_is_sent_and_sends_only_who_is_new() {
    let (home, sink) = (
        Home::new(),
        Sink::start(&["--rule", "person00007@*: refuse"]),
    );
    home.relay(sink.port());
    let mut people = addresses(50);
    write_addresses(&home, &people);
    start(&home, 2, &[]).wait().expect_code(0);
    let finished = start(&home, 2, &["--resume"]).wait().expect_code(0);
    assert!(
        finished.output().contains("All emails already sent"),
        "{finished}"
    );
    assert_eq!(sink.count(), 49);
    people.push("late@good.example".to_owned());
    write_addresses(&home, &people);
    let finished = start(&home, 2, &["--resume"]).wait().expect_code(0);
    assert!(
        !finished.output().contains("All emails already sent"),
        "{finished}"
    );
    people.retain(|address| !address.starts_with("person00007"));
    assert_each_once(&sink.recipients(), &people);
    assert_eq!(home.exact_account().len(), 51);
}
