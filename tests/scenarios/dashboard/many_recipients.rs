//! A long list: each page of it comes at once, the whole of it in bounded memory.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::figures::Figures;
use super::scene::{people, watch, write_list};
use crate::harness::{Dashboard, Home, Process, Sink, amount, until};

/// How long a page may take at the median.
const PAGE_WITHIN: Duration = Duration::from_millis(100);
/// A build for tests is unoptimised: the same look takes about so many times as long there.
const DEBUG_FACTOR: u32 = if cfg!(debug_assertions) { 3 } else { 1 };
/// How often each page is asked for.
const ROUNDS: usize = 5;
/// What listing everybody may cost, in KiB of memory.
const GROWTH_MAX_KIB: u64 = 30 * 1024;

/// A paused campaign with a few ends of every kind and a long list of people who wait.
fn scene() -> (Home, Sink, Process, Dashboard) {
    let rules = ["--rule", "*3@*: refuse", "--rule", "*7@*: defer"];
    let (home, sink) = (Home::new(), Sink::start(&rules));
    home.relay(sink.port());
    write_list(&home, &people(recipients()));
    let (process, dashboard) = watch(&home, &["--rate", "100", "--log-level", "error"]);
    until("ends of every kind", || (sink.count() >= 50).then_some(()));
    dashboard.act("pause").expect(200);
    let is_listed =
        |update: &Value| update["list_complete"] == true && update["sending_count"] == 0;
    let listed = dashboard.follow().until("the whole list", is_listed);
    assert_eq!(Figures::of(&listed).total as usize, recipients());
    (home, sink, process, dashboard)
}

fn recipients() -> usize {
    amount(50_000, 1_000_000)
}

#[test]
fn every_page_comes_at_once_and_the_whole_in_bounded_memory() {
    let (_home, _sink, process, dashboard) = scene();
    let messages = format!("/api/campaigns/{}/messages", dashboard.job());
    let first = dashboard.json(&messages);
    assert_eq!(first["total"].as_u64(), Some(recipients() as u64));
    let first_place = first["messages"][0]["seq"].as_u64().unwrap();
    let middle = first_place + recipients() as u64 / 2;
    let pages = [
        ("", 20),
        ("?limit=1000", 1_000),
        ("?before=end", 20),
        ("?before=end&limit=1000", 1_000),
        (&format!("?after={middle}"), 20),
        (&format!("?before={middle}&limit=200"), 200),
        ("?status=sent", 20),
        ("?status=failed", 4),
        ("?status=retry", 4),
        ("?status=pending&before=end", 20),
        ("?status=cancelled", 0),
        ("?domain=good.example", 20),
        ("?domain=elsewhere.example", 0),
        ("?code=550", 4),
        ("?search=person000019", 1),
        ("?search=nobody-is-called-so", 0),
        ("?search=nobody-is-called-so&before=end", 0),
    ];
    for (query, least) in pages {
        check_page(&dashboard, &format!("{messages}{query}"), least);
    }
    finds_the_last(&dashboard, &messages);
    check_memory(&process, &dashboard);
}

fn check_page(dashboard: &Dashboard, target: &str, least: usize) {
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let page = dashboard.json(target);
        took.push(began.elapsed());
        let rows = page["messages"].as_array().unwrap().len();
        // A look that ended early says how far it came.
        let is_whole = page["looked_to"].is_null();
        assert!(rows >= least || !is_whole, "{target}: {rows} rows");
    }
    took.sort();
    println!("{:?} {target}", took[ROUNDS / 2]);
    let within = PAGE_WITHIN * DEBUG_FACTOR;
    assert!(took[ROUNDS / 2] < within, "{target}: {took:?}");
}

/// Somebody at the list's end is found, look by look.
fn finds_the_last(dashboard: &Dashboard, messages: &str) {
    let last = people(recipients()).pop().unwrap();
    let (mut target, mut looks) = (format!("{messages}?search={last}"), 1);
    loop {
        let page = dashboard.json(&target);
        if let Some(found) = page["messages"].get(0) {
            assert_eq!(found["email"], last);
            break;
        }
        let looked_to = page["looked_to"].as_u64().expect("the look goes on");
        target = format!("{messages}?search={last}&after={looked_to}");
        looks += 1;
    }
    println!("{last} found by {looks} looks");
}

/// The memory of a process, in KiB: its peak since it was last asked to forget it, and now.
fn memory_kib(process: &Process, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    let kib = found.and_then(|text| text.split_whitespace().next());
    kib.unwrap().parse().unwrap()
}

fn check_memory(process: &Process, dashboard: &Dashboard) {
    // Makes the peak begin anew (proc(5), clear_refs).
    fs::write(format!("/proc/{}/clear_refs", process.id()), "5").unwrap();
    let before = memory_kib(process, "VmRSS:");
    let began = Instant::now();
    let all = dashboard.get("/api/recipients").expect(200);
    let growth = memory_kib(process, "VmHWM:").saturating_sub(before);
    println!(
        "all in {:?}: {} bytes, and {growth} KiB beside {before}",
        began.elapsed(),
        all.body.len()
    );
    let listed: Vec<Value> = serde_json::from_slice(&all.body).unwrap();
    assert_eq!(listed.len(), recipients());
    assert!(growth < GROWTH_MAX_KIB, "{growth} KiB");
}
