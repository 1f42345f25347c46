//! The archive as it is written beside a store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{EventKind, Line, Timestamp};
use observe::archive::{Archive, Place};
use serde_json::Value;
use store::{LaneKey, Logged, NewCampaign, NewMessage, Store, Submissions};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::house::{House, PATIENCE, START, tenant_id};

/// An archive that is written.
struct Running {
    archive: Archive,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(house: &House, folder: &Path) -> Self {
        let archive = open(house, folder);
        let stop = CancellationToken::new();
        let task = tokio::spawn(archive.clone().run(stop.clone()));
        Self {
            archive,
            stop,
            task,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn open(house: &House, folder: &Path) -> Archive {
    let store = Arc::clone(&house.store) as Arc<dyn Store>;
    let submissions = Arc::clone(&house.store) as Arc<dyn Submissions>;
    Archive::open(folder, store, submissions).unwrap()
}

/// Waits until the archive has seen to all of the log.
async fn until_all_is_archived(house: &House) {
    let end = house.store.end_of_log().await.unwrap();
    let began = Instant::now();
    while Place::read(&*house.store).await.unwrap().seq < end {
        assert!(began.elapsed() < PATIENCE, "the archive is behind");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The lines of each file, by its name.
fn files(folder: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut files = BTreeMap::new();
    for path in paths(folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.insert(name, lines.collect());
    }
    files
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|is| is == "jsonl"))
        .collect()
}

/// Each event's place and kind, in the order of the log.
fn told(lines: &[Value]) -> Vec<(i64, String)> {
    let one = |line: &Value| {
        let event = line["event"].as_str().unwrap();
        (line["seq"].as_i64().unwrap(), event.to_owned())
    };
    let mut told: Vec<_> = lines.iter().map(one).collect();
    told.sort_unstable();
    told
}

fn of_log(log: &[Logged]) -> Vec<(i64, String)> {
    let one = |logged: &Logged| {
        let event = &logged.event;
        (event.seq.get(), event.kind.as_str().to_owned())
    };
    log.iter().map(one).collect()
}

async fn whole_log(house: &House) -> Vec<Logged> {
    let log = house.store.events_after(model::Seq::START, None, 100_000);
    log.await.unwrap()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    (folder, path)
}

#[tokio::test]
async fn everything_that_happened_has_its_line_with_the_names_of_what_it_is_about() {
    let (house, (_folder, path)) = (House::open().await, folder());
    house.settle("acme", None).await;
    let followed = house
        .submit("acme", "msg-1", &["ada@example.org", "bob@example.org"])
        .await;
    let outcomes = [EventKind::Delivered, EventKind::Bounced];
    house.record(&followed, &outcomes).await;
    let running = Running::start(&house, &path);
    until_all_is_archived(&house).await;
    let files = files(&path);
    let lines = &files["events-2026-11.jsonl"];
    assert_eq!((files.len(), lines.len()), (1, 4));
    let log = whole_log(&house).await;
    assert_eq!(told(lines), of_log(&log));
    for (line, logged) in lines.iter().zip(&log) {
        assert_eq!(line["client_id"], "msg-1");
        assert_eq!(line["tenant_id"], "acme");
        assert_eq!(line["account_id"], "primary-smtp");
        let pk = followed.submission.message_id.to_string();
        assert_eq!(line["submission_id"], pk);
        assert_eq!(line["message_id"], logged.message.id.to_string());
        assert_eq!(line["recipient"], logged.message.address.as_str());
    }
    assert_eq!(lines[3]["code"], 550);
    assert_eq!(lines[3]["remote"], "smtp.example.com:25");
    assert_eq!(running.archive.behind(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_campaigns_mail_is_archived_with_its_run() {
    let (house, (_folder, path)) = (House::open().await, folder());
    let content = house.store.put_content(b"letter".to_vec()).await.unwrap();
    let campaign = NewCampaign {
        job_id: "spring".to_owned(),
        identity: "spring".to_owned(),
        name: None,
        content,
        settings: "{}".to_owned(),
        at: START,
    };
    let store = &house.store;
    let beginning = store.lease(LaneKey::beginning("spring")).await.unwrap();
    let campaign = store.begin_campaign(&beginning, campaign).await.unwrap();
    let lease = store.lease(campaign.lane_key()).await.unwrap();
    let message = NewMessage {
        lane: campaign.lane,
        content,
        address: model::Address::parse("ada@example.org").unwrap(),
        data: "{}".into(),
        at: START,
        due_at: START,
    };
    store.accept(&lease, vec![message]).await.unwrap();
    let running = Running::start(&house, &path);
    until_all_is_archived(&house).await;
    let lines = &files(&path)["events-2026-11.jsonl"];
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["job_id"], "spring");
    assert!(lines[0].get("tenant_id").is_none());
    running.stop().await;
}

/// Between the writing of lines and the saving of the place: everything was written, and the place is as it was.
#[tokio::test]
async fn what_was_written_before_a_kill_is_not_written_again() {
    let (house, (_folder, path)) = (House::open().await, folder());
    house.settle("acme", None).await;
    for number in 0..20 {
        house.deliver("acme", &format!("old {number}")).await;
    }
    let running = Running::start(&house, &path);
    until_all_is_archived(&house).await;
    running.stop().await;
    let place = house.store.cursor("archive").await.unwrap().unwrap();
    for number in 0..20 {
        house.deliver("acme", &format!("new {number}")).await;
    }
    for torn in [0, 1, 150] {
        house.store.save_cursor("archive", &place).await.unwrap();
        let running = Running::start(&house, &path);
        until_all_is_archived(&house).await;
        running.stop().await;
        let lines = &files(&path)["events-2026-11.jsonl"];
        assert_eq!(told(lines), of_log(&whole_log(&house).await));
        let file = path.join("events-2026-11.jsonl");
        let length = std::fs::metadata(&file).unwrap().len();
        let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
        file.set_len(length - torn).unwrap();
    }
}

#[tokio::test]
async fn more_than_a_page_is_archived_and_each_month_has_its_file() {
    let (house, (_folder, path)) = (House::open().await, folder());
    house.settle("acme", None).await;
    let recipients: Vec<String> = (0..600).map(|n| format!("r{n}@example.org")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    for (id, at) in [
        ("1", START),
        ("2", START + Duration::from_secs(15 * 24 * 3_600)),
    ] {
        house.clock.set(at);
        let followed = house.submit("acme", id, &recipients).await;
        house
            .record(&followed, &vec![EventKind::Delivered; recipients.len()])
            .await;
    }
    let running = Running::start(&house, &path);
    until_all_is_archived(&house).await;
    running.stop().await;
    let files = files(&path);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["events-2026-11.jsonl", "events-2026-12.jsonl"]);
    let all: Vec<Value> = files.into_values().flatten().collect();
    assert_eq!(told(&all), of_log(&whole_log(&house).await));
}

#[tokio::test]
async fn another_that_goes_on_in_a_folder_of_its_own_begins_where_the_first_ended() {
    let (house, (first, second)) = (House::open().await, (folder(), folder()));
    house.settle("acme", None).await;
    let mut all = Vec::new();
    for (round, path) in [&first.1, &second.1, &first.1].into_iter().enumerate() {
        house.deliver("acme", &format!("msg {round}")).await;
        let running = Running::start(&house, path);
        until_all_is_archived(&house).await;
        running.stop().await;
    }
    for path in [&first.1, &second.1] {
        all.extend(files(path).into_values().flatten());
    }
    assert_eq!(told(&all), of_log(&whole_log(&house).await));
}

#[tokio::test]
async fn what_is_removed_leaves_no_names_and_holds_up_nothing() {
    let (house, (_folder, path)) = (House::open().await, folder());
    house.settle("acme", None).await;
    house.submit("acme", "gone", &["ada@example.org"]).await;
    let ids = vec![Line::parse("id", "gone").unwrap()];
    let removed = house.store.remove(&tenant_id("acme"), ids, START).await;
    assert_eq!(removed.unwrap(), [true]);
    let running = Running::start(&house, &path);
    until_all_is_archived(&house).await;
    assert!(files(&path).is_empty());
    house.deliver("acme", "kept").await;
    until_all_is_archived(&house).await;
    running.stop().await;
    assert_eq!(files(&path)["events-2026-11.jsonl"].len(), 2);
}

/// Another process may begin as soon as this one has ended.
#[tokio::test]
async fn an_end_in_the_middle_leaves_no_line_without_its_place() {
    let (house, (_folder, path)) = (House::open().await, folder());
    house.settle("acme", None).await;
    let running = Running::start(&house, &path);
    for number in 0..20 {
        house.deliver("acme", &number.to_string()).await;
    }
    let began = Instant::now();
    while paths(&path).is_empty() {
        assert!(began.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    running.stop().await;
    let place = Place::read(&*house.store).await.unwrap().seq.get();
    let lines = &files(&path)["events-2026-11.jsonl"];
    let last = told(lines).last().map(|(seq, _)| *seq);
    assert!(
        last.is_some_and(|last| last <= place),
        "{last:?} of {place}"
    );
}

/// The folder is away for a while, as a disk that is not mounted.
#[tokio::test]
async fn a_folder_that_went_away_loses_nothing() {
    let (house, (_folder, path)) = (House::open().await, folder());
    house.settle("acme", None).await;
    let running = Running::start(&house, &path);
    house.deliver("acme", "before").await;
    until_all_is_archived(&house).await;
    let aside = path.with_extension("aside");
    std::fs::rename(&path, &aside).unwrap();
    house.deliver("acme", "while").await;
    let began = Instant::now();
    while running.archive.behind() == 0 {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let place = Place::read(&*house.store).await.unwrap();
    assert!(place.seq < house.store.end_of_log().await.unwrap());
    std::fs::rename(&aside, &path).unwrap();
    until_all_is_archived(&house).await;
    running.stop().await;
    let lines = &files(&path)["events-2026-11.jsonl"];
    assert_eq!(told(lines), of_log(&whole_log(&house).await));
}

#[tokio::test]
async fn a_place_says_the_latest_moment_that_is_archived() {
    let (house, (_folder, path)) = (House::open().await, folder());
    house.settle("acme", None).await;
    assert_eq!(Place::read(&*house.store).await.unwrap(), Place::default());
    house.deliver("acme", "1").await;
    let running = Running::start(&house, &path);
    until_all_is_archived(&house).await;
    let at = Place::read(&*house.store).await.unwrap().at;
    assert_eq!(at, START);
    house.clock.set(Timestamp::from_millis(1_000));
    house.deliver("acme", "long ago").await;
    until_all_is_archived(&house).await;
    running.stop().await;
    assert_eq!(Place::read(&*house.store).await.unwrap().at, at);
}
