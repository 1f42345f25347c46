//! Without `--resume` a campaign begins anew, and says how the unfinished run could be gone on with instead.

use super::people::{addresses, assert_each_once, start, write_addresses};
use crate::harness::{Home, Sink, until};

const RECIPIENTS: usize = 200;

fn interrupted_run() -> (Home, Sink, Vec<String>) {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let people = addresses(RECIPIENTS);
    write_addresses(&home, &people);
    let process = start(&home, 2, &["--rate", "100"]);
    until("some messages", || (sink.count() >= 30).then_some(()));
    process.signal("TERM");
    process.wait().expect_code(1);
    (home, sink, people)
}

fn job_id(home: &Home) -> String {
    home.report(&[])["job_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_run_mails_everybody_and_names_the_unfinished_one() {
    let (home, sink, people) = interrupted_run();
    let (unfinished, mailed) = (job_id(&home), sink.count());
    let finished = start(&home, 2, &[]).wait().expect_code(0);
    assert!(finished.stderr.contains(&unfinished), "{finished}");
    assert!(finished.stderr.contains("--resume"), "{finished}");
    assert_each_once(&sink.recipients()[mailed..], &people);
}

#[test]
fn the_unfinished_run_can_be_resumed_as_it_was_said() {
    let (home, sink, people) = interrupted_run();
    let (unfinished, first) = (job_id(&home), sink.recipients());
    let second = start(&home, 2, &["--rate", "20"]);
    let said = until("the remark", || {
        let stderr = second.stderr();
        let (_, command) = stderr.split_once("--resume=")?;
        let (job_id, _) = command.split_once(['\n', ' ', ')'])?;
        Some(job_id.to_owned())
    });
    assert_eq!(said, unfinished);
    second.signal("TERM");
    second.wait().expect_code(1);
    let before = sink.count();
    start(&home, 2, &[&format!("--resume={said}")])
        .wait()
        .expect_code(0);
    let report = home
        .glasspost(&["report", &said, "--format", "json"])
        .wait()
        .expect_code(0);
    let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(report["books"]["delivered"], RECIPIENTS);
    let later = sink.recipients().split_off(before);
    assert_each_once(&[first, later].concat(), &people);
}
