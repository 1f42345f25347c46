//! The archive: every event once, as the service tells it, however often it is killed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{
    ARCHIVE_FOLDER, Application, Caller, Disk, Home, Service, Sink, amount, archive_files,
    archive_lines, until, until_within,
};

const BATCH: usize = 60;
/// Longer than from one look for old mail to the next.
const LOOKED_FOR_WITHIN: Duration = Duration::from_secs(150);

/// What a line and the history of a message say alike: the recipient, what happened, how often it was tried, the code.
type Told = (i64, String, Option<String>, Value, Value);

/// The words that the history has for what happened.
fn told_as(event: &str) -> Option<&'static str> {
    match event {
        "accepted" => None,
        "delivered" => Some("sent"),
        "deferred" => Some("deferred"),
        "bounced" | "expired" => Some("error"),
        other => panic!("{other}"),
    }
}

fn of_line(line: &Value) -> Told {
    let event = told_as(line["event"].as_str().unwrap()).unwrap();
    (
        line["seq"].as_i64().unwrap(),
        event.to_owned(),
        line["recipient"].as_str().map(str::to_owned),
        line["attempts"].clone(),
        line["code"].clone(),
    )
}

fn of_history(entry: &Value) -> Told {
    let about = &entry["metadata"];
    (
        entry["event_id"].as_i64().unwrap(),
        entry["event_type"].as_str().unwrap().to_owned(),
        about["recipient"].as_str().map(str::to_owned),
        about["attempts"].clone(),
        about["code"].clone(),
    )
}

/// Of each message, what its lines say but for its acceptance, which each has once.
fn by_message(lines: &[Value]) -> BTreeMap<String, Vec<Told>> {
    let mut messages: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    let mut accepted = 0;
    for line in lines {
        assert_eq!(
            (&line["tenant_id"], &line["account_id"]),
            (&"shop".into(), &"main".into())
        );
        let told = messages
            .entry(line["client_id"].as_str().unwrap().to_owned())
            .or_default();
        match told_as(line["event"].as_str().unwrap()) {
            None => accepted += 1,
            Some(_) => told.push(of_line(line)),
        }
    }
    assert_eq!(accepted, messages.len());
    messages
        .values_mut()
        .for_each(|told| told.sort_by_key(|one| one.0));
    messages
}

/// A line is visible before it is on disk, and the place in the log that it came from is remembered after that.
fn until_caught_up(service: &Service) {
    until("the archive's place", || {
        (service.metrics()["glasspost_archive_lag_places"] == 0.0).then_some(())
    });
}

fn histories(shop: &Application, ids: &[String]) -> BTreeMap<String, Vec<Told>> {
    let history = |id: &String| {
        let record = shop.record(id);
        let entries = record["history"].as_array().unwrap();
        (id.clone(), entries.iter().map(of_history).collect())
    };
    ids.iter().map(history).collect()
}

#[test]
fn each_event_is_archived_once_however_often_the_service_is_killed() {
    let home = Home::new();
    let sink = Sink::start(&[
        "--rule",
        "never*@*: refuse 550 5.1.1 \"no such user\"",
        "--rule",
        "later*@*: defer 451 4.7.1 \"greylisted\" times 1",
    ]);
    let folder = home.path().join("kept/archive");
    let variables = [
        (ARCHIVE_FOLDER, "kept/archive"),
        ("GMP_RETRY_DELAYS", "1,1,1,1"),
    ];
    let mut service = Service::start_with(&home, &variables);
    let mut shop = service.tenant("shop", sink.port());
    let mut ids = Vec::new();
    for kill in 0..amount(8, 60) {
        let names = ["ada", "never", "later"];
        let batch: Vec<(String, String)> = (0..BATCH)
            .map(|number| {
                let name = names[number % names.len()];
                (
                    format!("{kill}-{number}"),
                    format!("{name}{kill}-{number}@example.org"),
                )
            })
            .collect();
        let messages: Vec<Value> = batch.iter().map(|(id, to)| shop.message(id, to)).collect();
        shop.send(&messages);
        ids.extend(batch.into_iter().map(|(id, _)| id));
        thread::sleep(Duration::from_millis(170 * kill as u64 % 1_300));
        service.process.signal("KILL");
        service = Service::start_with(&home, &variables);
        shop = shop.at(&service);
    }
    service.until_done();
    let expected = histories(&shop, &ids);
    let count = ids.len() + expected.values().map(Vec::len).sum::<usize>();
    let lines = until("all events in the archive", || {
        let lines = archive_lines(&folder);
        (lines.len() >= count).then_some(lines)
    });
    assert_eq!(by_message(&lines), expected);
    for path in archive_files(&folder) {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    until_caught_up(&service);
    service.stop().expect_code(0);
    assert_eq!(archive_lines(&folder).len(), count);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_known_at_the_start() {
    let home = Home::new();
    home.write("taken", "a file");
    let refused = home
        .glasspost_with(&[(ARCHIVE_FOLDER, "taken")], &["serve", "--port", "0"])
        .wait();
    assert!(!refused.status.success(), "{refused}");
    assert!(
        refused.stderr.contains("events.archive_folder: taken: "),
        "{refused}"
    );
}

/// The test holds what the archive needs, as a process would that hangs while it appends.
#[test]
fn old_mail_is_not_forgotten_before_it_is_archived() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let folder = home.path().join("archive");
    fs::create_dir(&folder).unwrap();
    let lock = fs::File::create(folder.join("archive.lock")).unwrap();
    lock.lock().unwrap();
    let retention = ("GMP_DELIVERY_REPORT_RETENTION_SECONDS", "1");
    let variables = [(ARCHIVE_FOLDER, "archive"), retention];
    let service = Service::start_with(&home, &variables);
    let shop = service.tenant("shop", sink.port());
    shop.send(&[shop.message("m", "ada@example.org")]);
    shop.ended("m");
    thread::sleep(Duration::from_millis(1_500));
    service.stop();
    // It looks for what is old at its start: first for reports, then for what has none any more.
    let service = Service::start_with(&home, &variables);
    until("the end of the report", || {
        let expired = service.metrics()["glasspost_service_reports_expired_total"];
        (expired == 1.0).then_some(())
    });
    service.stop();
    let service = Service::start_with(&home, &variables);
    for said in [
        "old mail is not forgotten before its events are in the archive",
        "another process appends",
    ] {
        until(said, || {
            service.process.stdout().contains(said).then_some(())
        });
    }
    let known = |service: &Service| {
        let all = shop
            .at(service)
            .get("/messages?tenant_id=shop&active_only=false");
        all["messages"].as_array().unwrap().len()
    };
    assert_eq!(known(&service), 1);
    assert!(service.metrics()["glasspost_archive_lag_places"] >= 2.0);
    drop(lock);
    let lines = until("its events in the archive", || {
        let lines = archive_lines(&folder);
        (!lines.is_empty()).then_some(lines)
    });
    let events = lines.iter().filter_map(|line| line["event"].as_str());
    assert_eq!(events.collect::<Vec<_>>(), ["accepted", "delivered"]);
    until_caught_up(&service);
    service.stop();
    let service = Service::start_with(&home, &variables);
    until_within(LOOKED_FOR_WITHIN, "the end of what is old", || {
        (known(&service) == 0).then_some(())
    });
}

#[test]
fn a_full_disk_holds_up_the_archive_and_nothing_else() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let folder = home.path().join("archive");
    let disk = Disk::mount(folder.clone(), "256k");
    let service = Service::start_with(&home, &[(ARCHIVE_FOLDER, "archive")]);
    let shop = service.tenant("shop", sink.port());
    disk.fill();
    // Room for some lines, and for a part of one.
    disk.leave(16 * 1024);
    let messages: Vec<Value> = (0..200)
        .map(|number| shop.message(&number.to_string(), "ada@example.org"))
        .collect();
    shop.send(&messages);
    service.until_done();
    assert_eq!(sink.count(), 200);
    let said = "events cannot be archived";
    until(said, || {
        service.process.stdout().contains(said).then_some(())
    });
    assert!(archive_lines(&folder).len() < 400);
    disk.make_room();
    let lines = until("all lines", || {
        let lines = archive_lines(&folder);
        (lines.len() >= 400).then_some(lines)
    });
    assert_eq!(by_message(&lines).len(), 200);
    assert_eq!(lines.len(), 400);
    service.stop();
}
