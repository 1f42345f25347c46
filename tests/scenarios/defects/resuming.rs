//! There, resuming counts places in the list: who follows a failure is mailed again, and an edited list mails others.

use crate::harness::{Home, Sink, until};

#[test]
fn resume_sends_nobody_twice() {
    let rules = ["--rule", "person3@*: refuse", "--rule", "person40@*: defer"];
    let (home, sink) = (Home::new(), Sink::start(&rules));
    home.relay(sink.port());
    let list: Vec<String> = (0..120)
        .map(|n| format!("person{n}@good.example"))
        .collect();
    home.write_list("list.csv", list.iter().map(String::as_str));
    let letter = ["-f", "list.csv", "--text", "Hello", "--retries", "1"];
    let process = home.start_send(&[&letter[..], &["--rate", "60"]].concat());
    until("some messages", || (sink.count() >= 45).then_some(()));
    process.signal("INT");
    process.wait().expect_code(1);
    // The same people the other way round, and one who is new.
    let others = list
        .iter()
        .rev()
        .map(String::as_str)
        .chain(["late@good.example"]);
    home.write_list("list.csv", others);
    home.send(&[&letter[..], &["--resume"]].concat())
        .expect_code(0);
    let mut received = sink.recipients();
    assert_eq!(received.len(), 119);
    received.sort();
    received.dedup();
    assert_eq!(received.len(), 119, "somebody got it twice");
    let statuses = home.exact_account();
    assert_eq!(statuses["person3@good.example"], "bounced");
    assert_eq!(statuses["person40@good.example"], "expired");
}

#[test]
fn who_was_taken_back_stays_so_and_it_is_said() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let list: Vec<String> = (0..60).map(|n| format!("person{n}@good.example")).collect();
    let letter = ["-f", "list.csv", "--text", "Hello", "--resume"];
    let send_slowly = |people: &[String], until_count: usize| {
        home.write_list("list.csv", people.iter().map(String::as_str));
        let process = home.start_send(&[&letter[..], &["--rate", "40"]].concat());
        until("some messages", || {
            (sink.count() >= until_count).then_some(())
        });
        process.signal("INT");
        process.wait().expect_code(1);
    };
    send_slowly(&list, 5);
    send_slowly(&list[..58], 20);
    home.write_list("list.csv", list.iter().map(String::as_str));
    let finished = home.send(&letter).expect_code(0);
    assert!(
        finished.stderr.contains("they get no mail in this run"),
        "{finished}"
    );
    assert!(finished.stderr.contains("recipients=2"), "{finished}");
    let statuses = home.exact_account();
    assert_eq!(statuses["person59@good.example"], "cancelled");
    assert_eq!(sink.count(), 58);
}
