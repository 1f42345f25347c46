//! Many who search a long list at once, all the time: the campaign goes on at its pace.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::scene::{people, watch, write_list};
use crate::harness::{Dashboard, Home, Sink, amount, until};

/// Who searches.
const SEARCHERS: usize = 100;
/// Messages a second.
const RATE: usize = 500;
/// How long the messages are counted, without anybody who searches and with all of them.
const SPAN: Duration = Duration::from_secs(6);
/// Time for whoever searches to be there before the messages are counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// What is left of the rate at least, in percent.
const KEPT_MIN: usize = 90;

/// What those who searched were told, how often.
#[derive(Default)]
struct Told {
    found: AtomicUsize,
    refused: AtomicUsize,
}

#[test]
fn the_campaign_keeps_its_rate_while_a_hundred_search() {
    let recipients = amount(30_000, 300_000);
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    write_list(&home, &people(recipients));
    let rate = RATE.to_string();
    let (_process, dashboard) = watch(&home, &["-c", "8", "--rate", &rate]);
    let is_listed = |update: &serde_json::Value| update["list_complete"] == true;
    dashboard.follow().until("the whole list", is_listed);
    until("some messages", || (sink.count() > RATE).then_some(()));
    let alone = count_for(SPAN, &sink);

    let (is_over, told) = (AtomicBool::new(false), Told::default());
    let together = thread::scope(|scope| {
        for _ in 0..SEARCHERS {
            scope.spawn(|| search(&dashboard, &is_over, &told));
        }
        thread::sleep(WARM_UP);
        let together = count_for(SPAN, &sink);
        is_over.store(true, Ordering::SeqCst);
        together
    });
    let [found, refused] = [told.found, told.refused].map(AtomicUsize::into_inner);
    println!("{alone} alone, {together} beside searches: {found} answered, {refused} refused");
    assert!(found > 0, "nobody could search");
    assert!(
        together * 100 >= alone * KEPT_MIN,
        "{together} instead of {alone}"
    );
}

/// The messages that the sink takes in a span of time.
fn count_for(span: Duration, sink: &Sink) -> usize {
    let (began, before) = (Instant::now(), sink.count());
    thread::sleep(span);
    let count = sink.count() - before;
    // Waking up late counts for nothing.
    (count as f64 * span.as_secs_f64() / began.elapsed().as_secs_f64()) as usize
}

/// Searches for nobody again and again, in a hurry.
fn search(dashboard: &Dashboard, is_over: &AtomicBool, told: &Told) {
    while !is_over.load(Ordering::SeqCst) {
        let answer = dashboard.get("/api/recipients?search=nobody-is-called-so");
        match answer.status {
            200 => told.found.fetch_add(1, Ordering::SeqCst),
            429 => {
                assert!(answer.header("retry-after").is_some(), "{answer:?}");
                told.refused.fetch_add(1, Ordering::SeqCst)
            }
            _ => panic!("{answer:?}"),
        };
    }
}
