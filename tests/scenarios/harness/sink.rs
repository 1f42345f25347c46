//! `glasspost sink`: a receiver that does what its rules say and keeps an exact record.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;
use serde_json::Value;

use super::mailboxes::{Letter, read_letters};
use super::{Home, Process, until};

/// What it prints before its address.
const READY: &str = "listening on 127.0.0.1:";
/// Its folder of messages, where it keeps them.
const KEPT: &str = "kept";

/// A running sink.
pub struct Sink {
    // First, so that it ends before its folder goes.
    process: Process,
    home: Home,
    port: u16,
}

/// A message it took responsibility for.
#[derive(Clone, Debug, Deserialize)]
pub struct Accepted {
    /// When, in milliseconds since 1970.
    pub time_ms: i64,
    /// The envelope's sender.
    pub sender: String,
    /// The envelope's recipients.
    pub recipients: Vec<String>,
    /// The Message-ID.
    pub message_id: String,
    /// Its size.
    pub bytes: usize,
}

impl Sink {
    /// Starts it on a free port, with more arguments: `--rule`, `--self-signed`, `--auth`, …
    pub fn start(args: &[&str]) -> Self {
        let home = Home::new();
        let own = [
            "sink",
            "--listen",
            "127.0.0.1:0",
            "--record",
            "record.jsonl",
        ];
        let report = ["--report", "report.json"];
        let mut process = home.glasspost(&[&own[..], &report, args].concat());
        let port = until("the sink to listen", || {
            assert!(
                !process.has_ended(),
                "the sink does not start: {}",
                process.stderr()
            );
            let stdout = process.stdout();
            // Whole lines only, else the port may be half printed.
            let lines = stdout
                .split_inclusive('\n')
                .filter_map(|line| line.strip_suffix('\n'));
            lines
                .filter_map(|line| line.strip_prefix(READY))
                .find_map(|port| port.parse().ok())
        });
        Self {
            process,
            home,
            port,
        }
    }

    /// The same, and it keeps every message.
    pub fn keeping(args: &[&str]) -> Self {
        Self::start(&[&["--store-dir", KEPT], args].concat())
    }

    /// Every message that it kept, as an independent parser reads it.
    pub fn letters(&self) -> Vec<Letter> {
        read_letters(&self.home.path().join(KEPT))
    }

    /// The one message with this subject.
    #[track_caller]
    pub fn letter(&self, subject: &str) -> Letter {
        let mut letters = self.letters();
        letters.retain(|letter| letter.header("subject") == subject);
        assert_eq!(letters.len(), 1, "letters {subject}: {letters:?}");
        letters.remove(0)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every message it accepted until now, in their order.
    pub fn accepted(&self) -> Vec<Accepted> {
        accepted(&self.home)
    }

    /// How many messages it accepted until now.
    pub fn count(&self) -> usize {
        let record = fs::read(self.home.path().join("record.jsonl")).unwrap();
        memchr::memchr_iter(b'\n', &record).count()
    }

    /// The recipients of all those messages, in their order.
    pub fn recipients(&self) -> Vec<String> {
        self.accepted()
            .into_iter()
            .flat_map(|message| message.recipients)
            .collect()
    }

    /// Checks that nobody got a second copy; gives how many got one.
    #[track_caller]
    pub fn each_once(&self) -> usize {
        let all = self.recipients();
        let each: BTreeSet<&String> = all.iter().collect();
        assert_eq!(each.len(), all.len(), "a copy");
        all.len()
    }

    /// Waits until it read all that was sent: what a process that was killed had sent still lies in the system's buffers.
    pub fn until_all_read(&self) {
        until("the sink to read all that was sent", || {
            (open_connections(self.port) == 0).then_some(())
        });
    }

    /// Ends it and gives its counts.
    pub fn stop(self) -> Value {
        let Self { process, home, .. } = self;
        process.signal("TERM");
        process.wait().expect_code(0);
        serde_json::from_slice(&fs::read(home.path().join("report.json")).unwrap()).unwrap()
    }

    /// Ends it as a loss of power does (`kill -9`) and gives what it had accepted.
    pub fn kill(self) -> Vec<Accepted> {
        let Self { process, home, .. } = self;
        process.kill();
        accepted(&home)
    }
}

fn accepted(home: &Home) -> Vec<Accepted> {
    let record = fs::read_to_string(home.path().join("record.jsonl")).unwrap();
    record
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Connections to a port of this machine that are not closed on its side.
fn open_connections(port: u16) -> usize {
    const LISTENING: &str = "0A";
    const TIME_WAIT: &str = "06";
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    let rows = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[1].ends_with(&local) && ![LISTENING, TIME_WAIT].contains(&row[3]))
        .count()
}
