//! Paused, resumed and tried again at any moment, a run still accounts for everybody at every moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::figures::Figures;
use super::scene::{people, watch, write_list};
use crate::harness::{Dashboard, Home, Sink, has_ended, until};

const RECIPIENTS: usize = 240;
const RULES: [&str; 6] = [
    "--rule",
    "*3@*: refuse times 1",
    "--rule",
    "*7@*: refuse",
    "--rule",
    "*5@*: defer times 1",
];

/// Looks at every update and at the figures in between, until it is over.
fn look(dashboard: &Dashboard, is_over: &AtomicBool) -> usize {
    let (mut looks, mut before) = (0, Figures::default());
    while !is_over.load(Ordering::SeqCst) {
        let figures = Figures::of(&dashboard.json("/api/stats"));
        assert!(
            before.sent <= figures.sent && before.failed <= figures.failed,
            "{before:?}, then {figures:?}"
        );
        (before, looks) = (figures, looks + 1);
    }
    looks
}

/// Intervenes until the run is over: how often failed messages were tried again.
fn intervene(mut is_over: impl FnMut() -> bool, dashboard: &Dashboard) -> usize {
    let (mut sent, mut retries) = (0, 0);
    while !is_over() {
        // What comes too late or too early is refused, and changes nothing.
        dashboard.act("pause");
        if dashboard.act("retry_failed").status == 200 {
            retries += 1;
        }
        dashboard.act("resume");
        until("more messages, or the end", || {
            let now = Figures::of(&dashboard.json("/api/status")).sent;
            let goes_on = now >= sent + 15 || is_over();
            goes_on.then(|| sent = now)
        });
    }
    retries
}

#[test]
fn everybody_is_accounted_for_throughout() {
    let (home, sink) = (Home::new(), Sink::start(&RULES));
    home.relay(sink.port());
    write_list(&home, &people(RECIPIENTS));
    let args = [
        "-c",
        "4",
        "--rate",
        "80",
        "--monitor-linger",
        "10m",
        "--log-level",
        "error",
    ];
    let (mut process, dashboard) = watch(&home, &args);
    let is_over = Arc::<AtomicBool>::default();
    let looking = thread::spawn({
        let (dashboard, is_over) = (dashboard.clone(), Arc::clone(&is_over));
        move || look(&dashboard, &is_over)
    });
    let retries = intervene(|| has_ended(&mut process), &dashboard);
    is_over.store(true, Ordering::SeqCst);
    println!("{retries} retries, {} looks", looking.join().unwrap());
    assert!(retries > 0);

    let mut updates = dashboard.follow();
    process.signal("INT");
    let end = updates.last();
    process.wait().expect_code(0);
    let figures = Figures::of(&end);
    assert_eq!(figures, Figures::of_the_end(figures.sent, figures.failed));
    assert_eq!(end["repeat_count"], figures.total - RECIPIENTS as u64);
    assert_eq!(figures.sent, sink.count() as u64);
    let received = sink.recipients();
    let people: std::collections::BTreeSet<_> = received.iter().collect();
    assert_eq!(people.len(), received.len(), "somebody got it twice");
    let report = home.report(&[]);
    assert_eq!(report["books_balance"], true);
    assert_eq!(report["books"]["delivered"], figures.sent);
    assert_eq!(report["books"]["accepted"], figures.total);
}
