//! Killed while everything that is left is taken back, a cancelled run stays cancelled: whoever takes it up is refused,
//! and what was left is taken back then.

use std::collections::BTreeSet;

use super::scene::{people, watch, write_list};
use crate::harness::{Home, Sink, until};

/// So many that taking them back takes a while.
const RECIPIENTS: usize = 10_000;

#[test]
fn nobody_of_the_rest_gets_mail() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    write_list(&home, &people(RECIPIENTS));
    let (process, dashboard) = watch(&home, &["-c", "4", "--rate", "100"]);
    until("some messages", || (sink.count() >= 20).then_some(()));
    dashboard
        .follow()
        .until("the whole list", |update| update["list_complete"] == true);
    dashboard.act("cancel").expect(200);
    process.kill();
    let queued = &home.report(&[])["books"]["queued"];
    println!("{queued} were still queued");

    let args = ["--csv", "list.csv", "--text", "Hello", "--resume"];
    let refused = home.send(&args).expect_code(1);
    assert!(refused.stderr.contains("was cancelled"), "{refused}");
    let statuses = home.exact_account();
    assert_eq!(statuses.len(), RECIPIENTS);
    let received = BTreeSet::from_iter(sink.recipients());
    assert_eq!(received.len(), sink.count(), "somebody got it twice");
    for (address, status) in &statuses {
        match status.as_str() {
            "delivered" => assert!(received.contains(address), "{address}"),
            // Sent while the process died, and taken back since that is not known any more.
            "cancelled" => {}
            other => panic!("{address}: {other}"),
        }
    }
    let cancelled = statuses
        .values()
        .filter(|status| *status == "cancelled")
        .count();
    assert!(cancelled > RECIPIENTS / 2, "{cancelled}");
}
