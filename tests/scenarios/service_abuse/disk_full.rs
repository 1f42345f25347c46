//! A full disk: mail is refused whole and in words, nobody is told what is not so, and everything goes on by itself
//! as soon as there is room.

use std::time::{Duration, Instant};

use serde_json::json;

use super::letters::{address, assert_each_once, hand_over, ids, letters};
use crate::harness::{Answer, Application, Caller, Disk, Home, Request, Service, Sink, until};

const DISK: &str = "24m";
const MESSAGES: usize = 600;
const BATCH: usize = 100;
/// How long it may take from the moment there is room until mail goes on.
const RECOVERY: Duration = Duration::from_secs(30);
/// Connections of one account, and outcomes that may wait for their commit (promise: P-03).
const COPIES_MAX: usize = 8 + 64;

/// A service with mail under way on a disk that is full.
struct Scene {
    // First, so that it ends before its disk goes.
    service: Service,
    disk: Disk,
    home: Home,
    sink: Sink,
    shop: Application,
    /// What was taken.
    taken: Vec<String>,
}

impl Scene {
    fn begin() -> Self {
        let (home, sink) = (
            Home::new(),
            Sink::start(&["--rule", "*: stall 10ms at end"]),
        );
        let disk = Disk::mount(home.data(), DISK);
        let service = Service::start(&home);
        let shop = service.tenant("shop", sink.port());
        let taken = hand_over(&shop, "main", "before", MESSAGES);
        until("some messages", || (sink.count() >= 50).then_some(()));
        disk.fill();
        Self {
            service,
            disk,
            home,
            sink,
            shop,
            taken,
        }
    }

    /// Hands over until that is refused, as the log may have room yet; gives the name of what was refused.
    fn until_refused(&mut self) -> (String, Answer) {
        let mut calls = 0;
        until("a refusal", || {
            calls += 1;
            let name = format!("full{calls}");
            let answer = self.post(&name);
            if answer.status == 200 {
                self.taken.extend(ids(&name, 0..BATCH));
                return None;
            }
            Some((name, answer))
        })
    }

    fn post(&self, name: &str) -> Answer {
        let batch = letters(&self.shop, "main", name, 0..BATCH);
        self.shop
            .post("/commands/add-messages", &json!({"messages": batch}))
    }

    /// Whether the service knows any of these messages.
    fn knows(&self, id: &str) -> bool {
        let path = format!("/messages/{id}/events");
        let answer = self.shop.ask("GET", &path).send(self.service.address);
        match answer.status {
            200 => true,
            404 => false,
            other => panic!("{other}: {}", answer.text()),
        }
    }

    /// Checks that whoever asks gets an answer.
    #[track_caller]
    fn assert_answers(&self) {
        for path in ["/health", "/metrics"] {
            let request = Request::new("GET", path);
            let host = self.service.address.to_string();
            request
                .header("Host", &host)
                .send(self.service.address)
                .expect(200);
        }
        self.service.get("/status");
        let list = self.shop.get("/messages?tenant_id=shop&limit=10");
        assert_eq!(list["messages"].as_array().unwrap().len(), 10);
    }
}

#[test]
fn mail_is_refused_whole_while_the_disk_is_full_and_goes_on_by_itself() {
    let mut scene = Scene::begin();
    let (name, refused) = scene.until_refused();
    assert_refusal(&refused);
    for call in 0..5 {
        assert_refusal(&scene.post(&format!("again{call}")));
        scene.assert_answers();
    }
    assert!(!scene.service.process.has_ended());
    let before = scene.sink.count();
    assert!(before < scene.taken.len(), "nothing was left to send");

    scene.disk.make_room();
    let made = Instant::now();
    until("mail to go on", || {
        (scene.sink.count() > before).then_some(())
    });
    for id in ids(&name, 0..BATCH) {
        assert!(!scene.knows(&id), "{id} was taken by halves");
    }
    until("mail to be taken", || {
        (scene.post(&name).status == 200).then_some(())
    });
    let took = made.elapsed();
    assert!(took < RECOVERY, "it went on after {took:?}");
    scene.taken.extend(ids(&name, 0..BATCH));

    scene.service.until_done();
    assert_each_once(&scene.sink.recipients(), &scene.taken);
    let sent = scene.service.count("gmp_sent_total", "main");
    assert_eq!(sent, scene.taken.len() as f64);
    assert_eq!(
        scene.service.metrics()["glasspost_service_books_balance"],
        1.0
    );
    println!("{} sent, on again after {took:?}", scene.taken.len());
}

#[track_caller]
fn assert_refusal(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("nothing was written"), "{detail}");
}

#[test]
fn a_stop_on_a_full_disk_ends_in_time_and_loses_nothing() {
    let mut scene = Scene::begin();
    scene.until_refused();
    let asked = Instant::now();
    scene.service.process.signal("TERM");
    until("its end", || {
        scene.service.process.has_ended().then_some(())
    });
    assert!(asked.elapsed() < RECOVERY, "{:?}", asked.elapsed());
    scene.disk.make_room();
    scene.service = Service::start(&scene.home);
    scene.service.until_done();
    let received = scene.sink.recipients();
    for id in &scene.taken {
        assert!(received.contains(&address(id)), "{id} is lost");
    }
    let copies = received.len() - scene.taken.len();
    assert!(copies <= COPIES_MAX, "{copies} copies");
}

#[test]
fn a_start_on_a_full_disk_says_why_it_does_not() {
    let home = Home::new();
    let disk = Disk::mount(home.data(), DISK);
    disk.fill();
    let finished = home.glasspost(&["serve", "--port", "0"]).wait();
    assert_eq!(finished.status.code(), Some(1), "{finished}");
    let says = finished.stderr.contains("No space left on device")
        || finished.stderr.contains("no space is left on the disk");
    assert!(says, "{finished}");
    disk.make_room();
    let _ = Service::start(&home);
}
