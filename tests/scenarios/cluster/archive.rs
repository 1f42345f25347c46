//! The archive goes on when the process dies that writes it, and has each event once.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::cluster::Cluster;
use crate::harness::{
    ARCHIVE_FOLDER, Folder, Installation, Sink, amount, archive_lines, until, until_within,
};

/// How soon another process has the duty, and has written what happened until then.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(20);
const MESSAGES: usize = 600;

/// The places of the log that lines have, in order.
fn places(lines: &[Value]) -> Vec<i64> {
    let mut places: Vec<i64> = lines
        .iter()
        .map(|line| line["seq"].as_i64().unwrap())
        .collect();
    places.sort_unstable();
    places
}

/// The places of everything that happened, in order.
fn happened(installation: &Installation<'_>) -> Vec<i64> {
    let all =
        installation.sql("SELECT seq FROM messages UNION ALL SELECT seq FROM events ORDER BY seq");
    all.lines().map(|seq| seq.parse().unwrap()).collect()
}

#[test]
fn each_event_is_archived_once_by_whichever_process() {
    let folder = Folder::new();
    let archive = folder.join("archive");
    // The installation keeps what it is told for as long as a test may run.
    let path: &'static str = archive.to_str().unwrap().to_owned().leak();
    let roles = ["api", "worker", "worker", "smtp"];
    let told = [(ARCHIVE_FOLDER, path)];
    let mut installation = Installation::start_with(Cluster::shared(), &roles, &told);
    let sink = Sink::start(&["--rule", "never*@*: refuse 550 5.1.1 \"no such user\""]);
    let shop = installation.node(0).tenant("shop", sink.port());
    for round in 0..amount(2, 10) {
        let before = archive_lines(&archive).len();
        let messages: Vec<Value> = (0..MESSAGES)
            .map(|number| {
                let name = ["ada", "never"][number % 2];
                let id = format!("{round}-{number}");
                shop.message(&id, &format!("{name}{id}@example.org"))
            })
            .collect();
        shop.send(&messages);
        // Some of it while lines are being written, some as soon as there are some.
        match round % 2 {
            0 => thread::sleep(Duration::from_millis(900)),
            _ => until("some lines", || {
                (archive_lines(&archive).len() > before).then_some(())
            }),
        }
        let holder = until("somebody who archives", || {
            installation.holder("duty/archive")
        });
        installation.kill(holder);
    }
    installation.until_sent();
    let happened = happened(&installation);
    assert_eq!(happened.len(), amount(2, 10) * MESSAGES * 2);
    let lines = until_within(TAKEN_OVER_WITHIN, "everything in the archive", || {
        let lines = archive_lines(&archive);
        (lines.len() >= happened.len()).then_some(lines)
    });
    assert_eq!(places(&lines), happened);
}
