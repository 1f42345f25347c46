//! Postfix's `smtp-source` sends to `glasspost sink`, whose record has every message, also after `kill -9`.

use std::collections::HashSet;

use crate::harness::{Process, Sink, program};

/// Messages of each run.
const MESSAGES: usize = 300;

fn smtp_source(sink: &Sink, options: &[&str]) {
    let count = MESSAGES.to_string();
    let mut command = program("/usr/sbin/smtp-source");
    command
        .args(["-m", &count, "-s", "6", "-f", "source@sender.test"])
        .args(options);
    command.arg(format!("127.0.0.1:{}", sink.port()));
    Process::start("smtp-source", &mut command)
        .wait()
        .expect_code(0);
}

#[test]
fn every_message_is_in_the_record_and_the_counts() {
    let sink = Sink::start(&[]);
    // Each to a recipient of its own, over connections that are used again.
    smtp_source(&sink, &["-d", "-N", "-t", "reader@example.test"]);
    let mut recipients = sink.recipients();
    recipients.sort();
    recipients.dedup();
    assert_eq!(recipients.len(), MESSAGES);
    let accepted = sink.accepted();
    assert!(
        accepted
            .iter()
            .all(|message| message.sender == "source@sender.test")
    );
    let ids: HashSet<&str> = accepted
        .iter()
        .map(|message| &*message.message_id)
        .collect();
    assert_eq!(ids.len(), MESSAGES);
    let bytes: usize = accepted.iter().map(|message| message.bytes).sum();
    let counts = sink.stop();
    assert_eq!(counts["accepted_messages"], MESSAGES);
    assert_eq!(counts["accepted_bytes"], bytes);
}

#[test]
fn what_was_acknowledged_is_still_in_the_record_after_a_kill() {
    let sink = Sink::start(&[]);
    smtp_source(&sink, &["-t", "reader@example.test"]);
    assert_eq!(sink.kill().len(), MESSAGES);
}
