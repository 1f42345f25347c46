//! Killed while it is paused, a run goes on where it was, and nobody gets it twice.

use std::collections::BTreeSet;

use super::scene::{people, watch, write_list};
use crate::harness::{Home, Sink, until};

const RECIPIENTS: usize = 150;

#[test]
fn the_rest_is_sent_exactly_once() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    write_list(&home, &people(RECIPIENTS));
    let (process, dashboard) = watch(&home, &["-c", "4", "--rate", "100"]);
    until("some messages", || (sink.count() >= 20).then_some(()));
    dashboard.act("pause").expect(200);
    dashboard.follow().until("standing still", |update| {
        update["stage"] == "paused" && update["sending_count"] == 0
    });
    process.kill();
    let before = sink.count();
    assert!(before < RECIPIENTS, "the pause came too late");
    let books = &home.report(&[])["books"];
    assert_eq!(books["delivered"], before);
    assert_eq!(books["queued"], RECIPIENTS - before);

    let args = [
        "--csv", "list.csv", "--text", "Hello", "-c", "4", "--resume",
    ];
    home.send(&args).expect_code(0);
    let received = sink.recipients();
    assert_eq!(received.len(), RECIPIENTS, "somebody got it twice");
    assert_eq!(
        BTreeSet::from_iter(received),
        BTreeSet::from_iter(people(RECIPIENTS))
    );
    assert_eq!(home.exact_account().len(), RECIPIENTS);
}
