//! What messages need is fetched by processes that do not deliver, before they are sent; and what they did not fetch is by
//! who delivers.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store::preparation::PREPARED_WITHIN;

use crate::harness::cluster::Cluster;
use crate::harness::mailboxes::Attached;
use crate::harness::{Application, Caller, Hook, Installation, Service, Sink, until, until_within};

const FILE: &[u8] = b"%PDF-1.4 \x00\x01\xff a report\r\n.\r\nthat goes on";
/// How soon mail leaves that was prepared. Without that, it waits for two minutes.
const SOON: Duration = Duration::from_secs(20);
/// What is left of that in a test.
const LEFT: Duration = Duration::from_secs(6);
/// Long enough for something to be seen that should not happen.
const QUIET: Duration = Duration::from_secs(2);

/// Somebody who gives the file to whoever asks.
fn giving() -> Hook {
    Hook::replying(|_, _| (200, FILE.to_vec()))
}

/// A message with one attachment.
fn with_file(shop: &Application, id: &str, hook: &Hook) -> Value {
    with_file_at(shop, id, &hook.base())
}

/// The same, wherever its file is.
fn with_file_at(shop: &Application, id: &str, base: &str) -> Value {
    let mut message = shop.message(id, "bob@example.org");
    let url = format!("{base}/{id}.pdf");
    message["attachments"] = json!([{"filename": "report.pdf", "storage_path": url}]);
    message
}

#[track_caller]
fn has_arrived(sink: &Sink, id: &str) {
    let letter = sink.letter(&format!("About {id}"));
    let report = Attached::of("report.pdf", "application/pdf", FILE);
    assert_eq!(letter.attachments, [report]);
    assert_eq!(letter.defects, Vec::<String>::new());
}

/// How much waits to be prepared, and since when, as a process shows it in each way.
fn queued(service: &Service) -> (u64, u64) {
    let status = service.get("/status");
    let row = &status["queues"][0];
    assert_eq!(row["queue"], "email:process");
    (
        row["depth"].as_u64().unwrap(),
        row["oldest_age_s"].as_u64().unwrap(),
    )
}

fn making(service: &Service, roles: &str) -> u64 {
    let nodes = service.get("/api/nodes")["nodes"].clone();
    let all = nodes.as_array().unwrap().iter();
    let those = all.filter(|node| node["roles"] == json!([roles]));
    those.map(|node| node["making"].as_u64().unwrap()).sum()
}

#[test]
fn what_a_worker_fetched_is_sent_without_asking_for_it_again() {
    let mut installation = Installation::start(Cluster::shared(), &["api", "worker"]);
    let (sink, hook) = (Sink::keeping(&[]), giving());
    let shop = installation.node(0).tenant("shop", sink.port());
    let people: Vec<String> = (0..30).map(|n| format!("p{n}@example.org")).collect();
    let mut for_many = with_file(&shop, "many", &hook);
    for_many["to"] = json!(people);
    shop.send(&[with_file(&shop, "one", &hook), for_many]);
    until("both to be prepared", || {
        let prepared = installation.sql("SELECT count(*) FROM prepared");
        (prepared.trim() == "2" && queued(installation.node(0)).0 == 0).then_some(())
    });
    assert_eq!(hook.posts().len(), 2, "each once");
    // What its client sees is what it handed over.
    let record = shop.record("one");
    let path = &record["message"]["attachments"][0]["storage_path"];
    assert!(path.as_str().unwrap().starts_with("http"), "{record}");
    // There is nobody to ask any more, and nobody who could prepare.
    drop(hook);
    installation.node(1).process.signal("KILL");
    installation.add("smtp");
    until_within(SOON, "everybody's mail", || {
        (sink.count() == 31).then_some(())
    });
    installation.until_sent();
    has_arrived(&sink, "one");
    let letters = sink.letters();
    let report = Attached::of("report.pdf", "application/pdf", FILE);
    assert!(
        letters
            .iter()
            .all(|letter| letter.attachments == [report.clone()])
    );
    assert_eq!(sink.count(), 31);
}

#[test]
fn processes_that_prepare_share_the_work_and_are_seen() {
    let installation = Installation::start(Cluster::shared(), &["api,worker", "worker", "smtp"]);
    let sink = Sink::keeping(&[]);
    let hook = Hook::replying(|_, _| {
        sleep(Duration::from_millis(50));
        (200, FILE.to_vec())
    });
    let shop = installation.node(0).tenant("shop", sink.port());
    let messages: Vec<Value> = (0..60)
        .map(|n| with_file(&shop, &format!("m{n}"), &hook))
        .collect();
    shop.send(&messages);
    let api = installation.node(0);
    until("a queue", || (queued(api).0 > 10).then_some(()));
    until("both to be at it", || {
        let (both, alone) = (making(api, "worker"), api.get("/api/nodes"));
        let own = alone["nodes"][0]["making"].as_u64().unwrap();
        (both > 0 && own > 0).then_some(())
    });
    let metrics = (0..2).map(|number| installation.node(number).metrics());
    let depths = metrics.filter_map(|all| {
        let depth = all.get(r#"glasspost_queue_depth{queue="email:process"}"#);
        depth.copied()
    });
    assert!(depths.sum::<f64>() > 0.0, "who exposes it does");
    until_within(SOON, "all of it", || (sink.count() == 60).then_some(()));
    installation.until_sent();
    assert_eq!(hook.posts().len(), 60, "nothing was fetched twice");
    assert_eq!(queued(api), (0, 0));
    let mut subjects: Vec<String> = sink
        .letters()
        .iter()
        .map(|letter| letter.header("subject").to_owned())
        .collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 60);
}

#[test]
fn what_cannot_be_fetched_is_told_as_it_was_and_what_may_come_is_waited_for() {
    let installation = Installation::start(Cluster::shared(), &["api", "worker", "smtp"]);
    let sink = Sink::keeping(&[]);
    let hook = Hook::replying(|post, count| match post.line.contains("/gone") {
        true => (404, b"no such file".to_vec()),
        // The worker, then twice who delivers.
        false if count < 5 => (503, Vec::new()),
        false => (200, FILE.to_vec()),
    });
    let shop = installation.node(0).tenant("shop", sink.port());
    shop.send(&[with_file(&shop, "gone", &hook)]);
    let record = shop.ended("gone");
    let expected = "Attachment fetch failed for report.pdf: 127.0.0.1 answered with status 404";
    assert_eq!(record["error"], expected);
    assert_eq!(record["history"].as_array().unwrap().len(), 1, "{record}");
    shop.send(&[with_file(&shop, "busy", &hook)]);
    let record = shop.ended("busy");
    assert!(record["sent_ts"].is_number(), "{record}");
    has_arrived(&sink, "busy");
}

#[test]
fn what_a_killed_worker_was_at_is_done_by_the_next() {
    let mut installation = Installation::start(Cluster::shared(), &["api", "worker", "smtp"]);
    let sink = Sink::keeping(&[]);
    // The first is kept waiting by somebody who takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let shop = installation.node(0).tenant("shop", sink.port());
    let base = format!("http://{}", silent.local_addr().unwrap());
    shop.send(&[with_file_at(&shop, "m", &base)]);
    let (stalled, _) = silent.accept().unwrap();
    let (depth, age) = until("its age", || {
        let (depth, age) = queued(installation.node(0));
        (age >= 2).then_some((depth, age))
    });
    assert_eq!(depth, 1, "{age}");
    installation.kill(1);
    drop(stalled);
    sleep(QUIET);
    silent.set_nonblocking(true).unwrap();
    assert!(silent.accept().is_err(), "it is claimed");
    silent.set_nonblocking(false).unwrap();
    // As if it was so for long enough.
    installation.sql("UPDATE unprepared SET claimed_until = now()");
    let (next, _) = silent.accept().unwrap();
    until("a worker to be at it", || {
        (making(installation.node(0), "worker") == 1).then_some(())
    });
    give(next);
    until_within(SOON, "the message", || (sink.count() == 1).then_some(()));
    installation.until_sent();
    has_arrived(&sink, "m");
}

/// Answers a request with the file.
fn give(mut stream: std::net::TcpStream) {
    use std::io::{Read, Write};
    let mut request = [0; 4096];
    assert!(stream.read(&mut request).unwrap() > 0);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        FILE.len()
    );
    stream.write_all(&[head.as_bytes(), FILE].concat()).unwrap();
}

#[test]
fn without_anybody_who_prepares_mail_goes_by_itself() {
    let mut installation = Installation::start(Cluster::shared(), &["api"]);
    let (sink, hook) = (Sink::keeping(&[]), giving());
    let shop = installation.node(0).tenant("shop", sink.port());
    shop.send(&[with_file(&shop, "m", &hook)]);
    assert_eq!(queued(installation.node(0)).0, 1);
    // As if it had waited for most of its time.
    for table in ["messages", "unprepared"] {
        let waited = PREPARED_WITHIN - LEFT;
        let earlier = waited.as_millis();
        installation.sql(&format!("UPDATE {table} SET due_at = due_at - {earlier}"));
    }
    let began = Instant::now();
    installation.add("smtp");
    until_within(SOON, "the message", || (sink.count() == 1).then_some(()));
    assert!(began.elapsed() > LEFT / 2, "{:?}", began.elapsed());
    installation.until_sent();
    has_arrived(&sink, "m");
    assert_eq!(hook.posts().len(), 1);
    assert_eq!(queued(installation.node(0)), (0, 0));
}

#[test]
fn a_worker_that_ends_in_good_order_lets_others_have_what_it_was_at() {
    let mut installation = Installation::start(Cluster::shared(), &["api", "worker", "smtp"]);
    let sink = Sink::keeping(&[]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let shop = installation.node(0).tenant("shop", sink.port());
    let base = format!("http://{}", silent.local_addr().unwrap());
    shop.send(&[with_file_at(&shop, "m", &base)]);
    let (_stalled, _) = silent.accept().unwrap();
    installation.restart(1);
    let began = Instant::now();
    let (next, _) = silent.accept().unwrap();
    println!(
        "it was asked for again {:?} after the start",
        began.elapsed()
    );
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    give(next);
    until_within(SOON, "the message", || (sink.count() == 1).then_some(()));
    has_arrived(&sink, "m");
}

#[test]
fn files_that_do_not_come_hold_up_nobody_else_s() {
    let installation = Installation::start(Cluster::shared(), &["api", "worker", "smtp"]);
    let (sink, hook) = (Sink::keeping(&[]), giving());
    // It takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = installation.node(0).tenant("slow", sink.port());
    let shop = installation.node(0).tenant("shop", sink.port());
    let base = format!("http://{}", silent.local_addr().unwrap());
    let stuck: Vec<Value> = (0..40)
        .map(|number| with_file_at(&slow, &format!("s{number}"), &base))
        .collect();
    slow.send(&stuck);
    until("some of it to be claimed", || {
        (making(installation.node(0), "worker") > 0).then_some(())
    });
    shop.send(&[with_file(&shop, "m", &hook)]);
    until_within(SOON, "the message", || (sink.count() == 1).then_some(()));
    has_arrived(&sink, "m");
    assert_eq!(queued(installation.node(0)).0, 40);
}

#[test]
fn one_process_with_all_roles_does_both() {
    let installation = Installation::start(Cluster::shared(), &["api,worker,smtp"]);
    let (sink, hook) = (Sink::keeping(&[]), giving());
    let shop = installation.node(0).tenant("shop", sink.port());
    for number in 0..5 {
        let id = format!("m{number}");
        shop.send(&[with_file(&shop, &id, &hook)]);
        let sent = Instant::now();
        until_within(SOON, "the message", || {
            (sink.count() == number + 1).then_some(())
        });
        println!("it left after {:?}", sent.elapsed());
        has_arrived(&sink, &id);
    }
    assert_eq!(hook.posts().len(), 5);
}
