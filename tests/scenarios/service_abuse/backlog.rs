//! Much mail that waits: memory stays flat, every list comes at once, and so does a start.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::letters::hand_over;
use super::memory::resident_kib;
use crate::harness::{Application, Caller, Home, Request, Service, Sink, amount, until};

/// What a backlog may cost in memory, however long it is.
const GROWTH_KIB_MAX: u64 = 60 * 1024;
const PAGES: usize = 20;
const PAGE: usize = 250;
/// How long a page, a scrape and a start may take.
const PAGE_MAX: Duration = Duration::from_millis(100);
const SCRAPE_MAX: Duration = Duration::from_millis(100);
const START_MAX: Duration = Duration::from_secs(5);
const INACTIVE: [(&str, &str); 1] = [("GMP_SCHEDULER_ACTIVE", "false")];

#[test]
fn a_long_backlog_costs_neither_memory_nor_time() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start_with(&home, &INACTIVE);
    let shop = service.tenant("shop", sink.port());
    hand_over(&shop, "main", "first", 1_000);
    let empty = settled(&service);
    let count = amount(100_000, 1_000_000);
    hand_over(&shop, "main", "m", count);
    let full = settled(&service);
    println!("{empty} KiB with 1,000 messages, {full} with {count} more");
    assert!(full < empty + GROWTH_KIB_MAX, "{empty} KiB, then {full}");
    check_pages(&service, &shop);
    check_scrapes(&service);
    drop(service);

    let began = Instant::now();
    let service = Service::start_with(&home, &INACTIVE);
    assert_eq!(
        service.metrics()["gmp_pending_messages"],
        (count + 1_000) as f64
    );
    let took = began.elapsed();
    println!("started after {took:?}");
    assert!(took < START_MAX, "{took:?}");
    check_pages(&service, &shop.at(&service));

    service.post("/instance/activate", &json!({})).expect(200);
    until("some of it", || (sink.count() >= 1_000).then_some(()));
    let sending = resident_kib(&service.process);
    println!("{sending} KiB while it sends");
    assert!(
        sending < empty + GROWTH_KIB_MAX,
        "{empty} KiB, then {sending}"
    );
}

/// The memory of a service that has nothing to do, in KiB: the least that is seen within a moment.
fn settled(service: &Service) -> u64 {
    let (began, mut least) = (Instant::now(), u64::MAX);
    until("a quiet moment", || {
        least = resident_kib(&service.process).min(least);
        (began.elapsed() > Duration::from_secs(2)).then_some(least)
    })
}

/// Reads pages from the beginning on, and one from the far end.
fn check_pages(service: &Service, shop: &Application) {
    let (mut after, mut times) = (String::new(), Vec::new());
    for _ in 0..PAGES {
        let began = Instant::now();
        let target = format!("/messages?tenant_id=shop&active_only=true&limit={PAGE}{after}");
        let page = shop.ask("GET", &target).send(service.address).expect(200);
        times.push(began.elapsed());
        let page = page.json();
        assert_eq!(page["messages"].as_array().unwrap().len(), PAGE);
        after = format!("&after={}", page["next"].as_str().unwrap());
    }
    assert_prompt("pages", times, PAGE_MAX);
}

fn check_scrapes(service: &Service) {
    let scrape = |_| {
        let began = Instant::now();
        let request = Request::new("GET", "/metrics");
        let host = service.address.to_string();
        request
            .header("Host", &host)
            .send(service.address)
            .expect(200);
        began.elapsed()
    };
    assert_prompt("scrapes", (0..PAGES).map(scrape).collect(), SCRAPE_MAX);
}

/// The middle one tells of the program, the longest one of the machine.
#[track_caller]
fn assert_prompt(what: &str, mut times: Vec<Duration>, most: Duration) {
    times.sort();
    let median = times[times.len() / 2];
    println!("{what}: {median:?}, at most {:?}", times.last());
    assert!(median < most, "{what}: {times:?}");
}

/// Asked from anywhere, a list goes on to its end, and no step of it is missed.
#[test]
fn a_walk_over_all_pages_meets_everybody_once() {
    let home = Home::new();
    let service = Service::start_with(&home, &INACTIVE);
    let shop = service.tenant("shop", 1);
    let mut wanted = hand_over(&shop, "main", "m", 5_000);
    let (mut after, mut met) = (String::new(), Vec::new());
    loop {
        let page = shop.get(&format!("/messages?tenant_id=shop&limit=777{after}"));
        let ids = page["messages"].as_array().unwrap().iter();
        met.extend(ids.map(|one| one["id"].as_str().unwrap().to_owned()));
        match &page["next"] {
            Value::String(next) => after = format!("&after={next}"),
            _ => break,
        }
    }
    met.sort();
    wanted.sort();
    assert_eq!(met, wanted);
}
