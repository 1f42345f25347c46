//! What both suites use: a run to write into, messages and events for it, and second processes.

pub mod directory;
pub mod submissions;

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::{Address, Event, EventKind, Message, Seq, Timestamp};
use store::{
    Accepted, Campaign, LaneKey, Lease, Logged, NewCampaign, NewEvent, NewMessage, Store,
    StoreError,
};
use tempfile::TempDir;

/// When every test begins.
pub const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);
/// What begins a line that a second process says to the first; the test harness's own lines do not.
const SAYS: &str = "> ";

/// A new folder, in memory where there is such a place: for a check that does not wait for the disk.
pub fn fast_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// What checks run in.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A moment some seconds after the start.
pub fn second(number: u64) -> Timestamp {
    START + Duration::from_secs(number)
}

/// A new run with a template of its own.
pub async fn begin(store: &dyn Store, name: &str) -> Campaign {
    let content = store
        .put_content(format!("Hello from {name}").into_bytes())
        .await
        .unwrap();
    let new = NewCampaign {
        job_id: name.to_owned(),
        identity: name.to_owned(),
        name: None,
        content,
        settings: "{}".to_owned(),
        at: START,
    };
    begin_as_holder(store, new).await.unwrap()
}

/// Begins a run by the right to begin it.
pub async fn begin_as_holder(store: &dyn Store, new: NewCampaign) -> store::Result<Campaign> {
    let beginning = LaneKey::beginning(&new.identity);
    let lease = store.lease(beginning).await?;
    let begun = store.begin_campaign(&lease, new).await;
    store.release(lease).await?;
    begun
}

/// A message that is due at once.
pub fn message(campaign: &Campaign, address: &str) -> NewMessage {
    NewMessage {
        lane: campaign.lane,
        content: campaign.content,
        address: Address::parse(address).unwrap(),
        data: r#"{"name":"Ada"}"#.into(),
        at: START,
        due_at: START,
    }
}

/// Messages to `prefix0@example.org`, `prefix1@example.org` and so on.
pub fn messages(campaign: &Campaign, prefix: &str, count: usize) -> Vec<NewMessage> {
    (0..count)
        .map(|number| message(campaign, &format!("{prefix}{number}@example.org")))
        .collect()
}

/// Accepts so many messages; gives their places.
pub async fn accept(
    store: &dyn Store,
    campaign: &Campaign,
    prefix: &str,
    count: usize,
) -> Vec<Seq> {
    let batch = messages(campaign, prefix, count);
    let accepted = accept_as_holder(store, campaign, batch).await.unwrap();
    accepted.into_iter().map(Accepted::seq).collect()
}

/// Accepts a batch by the right to the run, which the test may have already.
pub async fn accept_as_holder(
    store: &dyn Store,
    campaign: &Campaign,
    batch: Vec<NewMessage>,
) -> store::Result<Vec<Accepted>> {
    match store.lease(campaign.lane_key()).await {
        Err(StoreError::LaneHeld { .. }) => {
            let lease = lease_that_is_had(store, campaign).await?;
            store.accept(&lease, batch).await
        }
        taken => {
            let lease = taken?;
            let answers = store.accept(&lease, batch).await;
            store.release(lease).await?;
            answers
        }
    }
}

/// The lease on a run that somebody has: who records nothing is told whether he might have.
async fn lease_that_is_had(store: &dyn Store, campaign: &Campaign) -> store::Result<Lease> {
    let mut lease = Lease {
        lane: campaign.lane,
        key: campaign.lane_key(),
        token: 1,
    };
    loop {
        match store.record(&lease, Vec::new()).await {
            Err(StoreError::LeaseLost { .. }) => lease.token += 1,
            answer => return answer.map(|_| lease),
        }
    }
}

/// A message as the store has it.
pub async fn stored(store: &dyn Store, seq: Seq) -> Arc<Message> {
    Arc::new(store.message(seq).await.unwrap().expect("it was accepted"))
}

/// An event without an attempt.
pub fn event(message: &Arc<Message>, kind: EventKind) -> NewEvent {
    NewEvent {
        message: Arc::clone(message),
        kind,
        at: second(1),
        attempts: message.attempts + 1,
        due_at: None,
        attempt: None,
        reason: None,
    }
}

/// The whole log, read in pages.
pub async fn whole_log(store: &dyn Store) -> Vec<Logged> {
    let mut log = Vec::new();
    let mut cursor = Seq::START;
    loop {
        let page = store.events_after(cursor, None, 500).await.unwrap();
        let Some(last) = page.last() else {
            return log;
        };
        cursor = last.event.seq;
        log.extend(page);
    }
}

/// What happened to which message, in order.
pub fn facts(log: &[Logged]) -> Vec<(Seq, Seq, EventKind)> {
    let fact = |event: &Event| (event.seq, event.message, event.kind);
    log.iter().map(|logged| fact(&logged.event)).collect()
}

/// Compares two long lists; the first difference is enough to read.
pub fn assert_same<T: PartialEq + std::fmt::Debug>(found: &[T], expected: &[T]) {
    let differs = |&place: &usize| found.get(place) != expected.get(place);
    if let Some(place) = (0..found.len().max(expected.len())).find(differs) {
        let (found, expected) = (found.get(place), expected.get(place));
        panic!("entry {place} is {found:?} and not {expected:?}");
    }
}

// === second processes ===

/// The part this process was started for, and the words after it; `None` in a plain test run.
pub fn part() -> Option<(String, Vec<String>)> {
    let words = std::env::args().skip_while(|word| word != "part");
    let mut words = words.skip(1);
    Some((words.next()?, words.collect()))
}

/// Says a line to the process that started this one.
pub fn say(line: impl std::fmt::Display) {
    println!("\n{SAYS}{line}");
}

/// This test binary again, to play a part. To the harness the words are names of tests that it does not have.
pub fn player(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child::plays_its_part", "--nocapture", "part"])
        .args(words);
    command
}

/// A second process; it is killed when this is dropped.
pub struct Child {
    pub process: std::process::Child,
    lines: BufReader<ChildStdout>,
}

impl Child {
    pub fn start(mut command: Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines }
    }

    /// The next line it says; `None` when it has ended.
    pub fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // Without its end it was cut off by the kill.
            if let Some(said) = line.strip_prefix(SAYS)
                && let Some(said) = said.strip_suffix('\n')
            {
                return Some(said.to_owned());
            }
        }
    }

    /// Ends it as loss of power would, without a chance to tidy up (SIGKILL), and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
