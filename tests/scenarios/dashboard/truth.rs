//! Failures of every kind, at a pace: at every moment all recipients are accounted for, and at the end everybody who
//! tells of the campaign tells the same.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::figures::Figures;
use super::scene::watch_sending;
use crate::harness::{Dashboard, Home, Process, Sink, Updates, has_ended, until};

/// What the sink does with whom; a name that is not here is delivered to at once.
const RULES: [(&str, &str); 7] = [
    ("refused.example", "refuse"),
    ("late.example", "refuse-after-data"),
    ("grey.example", "defer times 1"),
    ("busy.example", "defer 450 4.2.1 \"busy\""),
    ("slow.example", "stall 400ms at end"),
    ("cut.example", "drop at data times 1"),
    ("gone.example", "drop at end"),
];
/// Each domain, how many are there, and whether they get it in the end.
const DOMAINS: [(&str, u64, bool); 12] = [
    ("good.example", 60, true),
    ("gmail.com", 40, true),
    ("outlook.com", 20, true),
    ("yahoo.com", 10, true),
    ("icloud.com", 10, true),
    ("grey.example", 20, true),
    ("slow.example", 10, true),
    ("cut.example", 6, true),
    ("refused.example", 20, false),
    ("late.example", 10, false),
    ("busy.example", 10, false),
    ("gone.example", 4, false),
];
/// Recipients for whom no letter can be made.
const POISONED: u64 = 5;
/// Looks at the figures during the campaign at least: it takes some seconds.
const LOOKS_MIN: usize = 100;

/// The list: all domains mixed, and those whose word is too short for the letter.
fn list() -> String {
    let mut rows = Vec::new();
    for (domain, count, _) in DOMAINS {
        rows.extend((0..count).map(|number| format!("person{number}@{domain},whole")));
    }
    rows.extend((0..POISONED).map(|number| format!("poisoned{number}@good.example,no")));
    fastrand::Rng::with_seed(7).shuffle(&mut rows);
    let mut list = "email,word\n".to_owned();
    for row in rows {
        writeln!(list, "{row}").unwrap();
    }
    list
}

fn end() -> Figures {
    let sum = |arrives: bool| -> u64 {
        let with = DOMAINS.iter().filter(|(_, _, does)| *does == arrives);
        with.map(|(_, count, _)| count).sum()
    };
    Figures::of_the_end(sum(true), sum(false) + POISONED)
}

fn scene() -> (Home, Sink, Process, Dashboard) {
    let rules: Vec<String> = RULES.map(|(who, what)| format!("{who}: {what}")).into();
    let args: Vec<&str> = rules.iter().flat_map(|rule| ["--rule", rule]).collect();
    let (home, sink) = (Home::new(), Sink::start(&args));
    home.relay(sink.port());
    home.write("list.csv", list());
    let letter = ["--csv", "list.csv", "--text", "Hello {{slice .word 0 3}}"];
    let pace = ["-c", "4", "--rate", "50", "--retries", "1"];
    let stays = ["--monitor-linger", "10m"];
    let (process, dashboard) = watch_sending(&home, &[&letter[..], &pace, &stays].concat());
    (home, sink, process, dashboard)
}

#[test]
fn all_is_accounted_for_at_every_moment_and_told_the_same_everywhere() {
    let (home, sink, mut process, dashboard) = scene();
    let mut updates = dashboard.follow();
    let follower = thread::spawn(move || follow(&mut updates));
    look_until_the_end(&mut process, &dashboard);
    let end = end();
    check_answers(&dashboard, end);
    check_metrics(&dashboard, end);
    check_parts(&dashboard, end);
    check_account(&home, end);
    assert_eq!(sink.count() as u64, end.sent);
    process.signal("INT");
    process.wait().expect_code(0);
    let (seen, last) = follower.join().unwrap();
    println!("{seen} updates");
    assert_eq!(Figures::of(&last), end);
    assert_eq!(last["stage"], "completed");
    assert_eq!(sink.stop()["accepted_messages"], end.sent);
}

/// Asks for the figures again and again.
fn look_until_the_end(process: &mut Process, dashboard: &Dashboard) {
    let (began, mut looks) = (Instant::now(), 0);
    let (mut before, mut sending_max, mut retry_max) = (Figures::default(), 0, 0);
    until("the end of the run", || {
        let stats = dashboard.json("/api/stats");
        let figures = Figures::of(&stats);
        assert_eq!(Figures::of(&stats["campaignStats"]), figures);
        check_step(before, figures);
        let status = Figures::of(&dashboard.json("/api/status"));
        check_step(figures, status);
        (before, looks) = (status, looks + 1);
        (sending_max, retry_max) = (sending_max.max(status.sending), retry_max.max(status.retry));
        has_ended(process).then_some(())
    });
    println!("{looks} looks in {:?}", began.elapsed());
    assert!(looks >= LOOKS_MIN, "only {looks} looks");
    // Somebody is being sent to until that is recorded, and tens get it at the second try.
    assert!(sending_max > 0);
    assert!(retry_max > 10, "{retry_max} to be tried again");
}

/// Follows the stream to its end: how many updates came, and the last one.
fn follow(updates: &mut Updates) -> (usize, Value) {
    let (mut count, mut before, mut last) = (0, Figures::default(), Value::Null);
    while let Some(update) = updates.next() {
        assert_ne!(update.data["kind"], "gap");
        let figures = Figures::of(&update.data);
        check_step(before, figures);
        (count, before, last) = (count + 1, figures, update.data);
    }
    (count, last)
}

/// What is sent stays sent, what has failed stays failed, and nobody disappears.
#[track_caller]
fn check_step(before: Figures, after: Figures) {
    let grows =
        before.sent <= after.sent && before.failed <= after.failed && before.total <= after.total;
    assert!(grows, "{before:?}, then {after:?}");
}

/// Everything in MailGrid's shapes.
fn check_answers(dashboard: &Dashboard, end: Figures) {
    let stats = dashboard.json("/api/stats");
    assert_eq!(Figures::of(&stats), end);
    assert_eq!(Figures::of(&stats["campaignStats"]), end);
    assert_eq!(Figures::of(&dashboard.json("/api/status")), end);
    let recipients = dashboard.json("/api/recipients");
    let recipients = recipients.as_array().unwrap();
    let with = |status: &str| {
        let found = recipients.iter().filter(|one| one["status"] == status);
        found.count() as u64
    };
    assert_eq!(
        (with("sent"), with("failed"), recipients.len() as u64),
        (end.sent, end.failed, end.total)
    );
    let run = dashboard.json(&format!("/api/campaigns/{}", dashboard.job()));
    let books = numbers(&run["books"]);
    let failed = books["bounced"] + books["expired"] + books["dropped"];
    assert_eq!((books["delivered"], failed), (end.sent, end.failed));
    assert_eq!(books["accepted"], end.total);
    assert_eq!((books["queued"], books["cancelled"]), (0, 0));
    let of_domains: u64 = numbers(&stats["domain_breakdown"]).values().sum();
    assert_eq!(of_domains, end.total);
}

fn numbers(object: &Value) -> BTreeMap<String, u64> {
    serde_json::from_value(object.clone()).unwrap()
}

/// What a scraper sees.
fn check_metrics(dashboard: &Dashboard, end: Figures) {
    let metrics = dashboard.metrics();
    let value = |series: &str| {
        let value = metrics.get(series);
        *value.unwrap_or_else(|| panic!("{series} is missing in {metrics:?}")) as u64
    };
    let expected = [
        ("mailgrid_emails_sent_total", end.sent),
        ("mailgrid_emails_failed_total", end.failed),
        ("mailgrid_emails_pending", 0),
        ("mailgrid_emails_total", end.total),
    ];
    for (series, expected) in expected {
        assert_eq!(value(series), expected, "{series}");
    }
    // By the states of the ledger, by the words that are shown, and by provider.
    let sum = |labels: &[&str]| -> u64 {
        let found = metrics.iter().filter(|(series, _)| {
            series.starts_with("glasspost_") && labels.iter().all(|label| series.contains(label))
        });
        found.map(|(_, value)| *value as u64).sum()
    };
    assert_eq!(sum(&["messages{state=\"delivered\"}"]), end.sent);
    let failed = ["bounced", "expired", "dropped"]
        .map(|state| sum(&[&format!("messages{{state=\"{state}\"}}")]));
    assert_eq!(failed.iter().sum::<u64>(), end.failed);
    assert!(failed.iter().all(|count| *count > 0), "{failed:?}");
    for (status, expected) in [("sent", end.sent), ("failed", end.failed), ("pending", 0)] {
        let label = format!("status=\"{status}\"");
        assert_eq!(sum(&[&label]), expected, "{status}");
    }
    for (outcome, expected) in [("delivered", end.sent), ("failed", end.failed)] {
        let label = format!("outcome=\"{outcome}\"");
        assert_eq!(sum(&["provider=", &label]), expected, "{outcome}");
    }
}

/// What is told part by part adds up to the whole.
fn check_parts(dashboard: &Dashboard, end: Figures) {
    let whole = |rows: &Value, keys: [&str; 3]| {
        let rows = rows.as_array().unwrap();
        assert!(!rows.is_empty());
        keys.map(|key| {
            rows.iter()
                .map(|row| row[key].as_u64().unwrap())
                .sum::<u64>()
        })
    };
    let domains = dashboard.json("/api/domains");
    let of_domains = whole(&domains["domains"], ["total", "sent", "failed"]);
    assert_eq!(of_domains, [end.total, end.sent, end.failed]);
    let snapshot = dashboard.follow().next().unwrap().data;
    assert_eq!(snapshot["kind"], "snapshot");
    assert_eq!(Figures::of(&snapshot), end);
    let of_providers = whole(&snapshot["providers"], ["total", "sent", "failed"]);
    assert_eq!(of_providers, [end.total, end.sent, end.failed]);
    let [sent, failed, deferred] = whole(&snapshot["points"], ["sent", "failed", "deferred"]);
    assert_eq!((sent, failed), (end.sent, end.failed));
    let [_, _, of_providers] = whole(&snapshot["providers"], ["sent", "failed", "deferred"]);
    assert_eq!(deferred, of_providers);
    let replies: u64 = numbers(&snapshot["smtp_response_codes"]).values().sum();
    assert_eq!(replies, snapshot["attempts"].as_u64().unwrap());
}

/// What is left when the dashboard is gone.
fn check_account(home: &Home, end: Figures) {
    let statuses = home.exact_account();
    let with = |wanted: &[&str]| {
        let found = statuses
            .values()
            .filter(|one| wanted.contains(&one.as_str()));
        found.count() as u64
    };
    assert_eq!(with(&["delivered"]), end.sent);
    assert_eq!(with(&["bounced", "expired", "dropped"]), end.failed);
    for (domain, _, arrives) in DOMAINS {
        let mut of_domain = statuses.iter().filter(|(address, status)| {
            let is_poisoned = address.starts_with("poisoned");
            address.ends_with(domain) && !is_poisoned && (*status == "delivered") != arrives
        });
        assert_eq!(of_domain.next(), None);
    }
}
