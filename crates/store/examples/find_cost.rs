//! What looks through a run of a given size cost: of each kind the slowest.
//!
//! `cargo run --release -p store --example find_cost -- 1000000`. Of a hundred messages one failed for good, one is
//! tried again, and of a thousand one was taken back; the last tenth was not tried yet.
//! Linux only: it reads `/proc/self`.

#![expect(
    clippy::print_stdout,
    reason = "a measuring tool's table is its output"
)]

#[path = "support/campaign.rs"]
mod campaign;
mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use campaign::begin;
use model::{Address, EventKind, Message, Seq, Timestamp};
use store::find::From;
use store::{Campaign, Find, Found, Lease, NewEvent, NewMessage, SqliteStore, Standing, Store};
use support::{Outcome, attempt, cpu_time};

const BATCH: usize = 4_096;
const LOOK_AT_MAX: usize = 50_000;
const PAGE: usize = 20;

fn main() -> Outcome<()> {
    let size = match std::env::args().nth(1) {
        Some(word) => word.parse()?,
        None => 1_000_000,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        // A thread that ends takes its meter with it.
        .thread_keep_alive(Duration::from_secs(3600))
        .build()?;
    runtime.block_on(run(size))
}

async fn run(size: usize) -> Outcome<()> {
    // Beside the build, since /tmp may be in memory.
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let store = SqliteStore::open(folder.path())?;
    let campaign = begin(&store).await?;
    let lease = store.lease(campaign.lane_key()).await?;
    fill(&store, &campaign, &lease, size).await?;
    println!(
        "{:28} {:>6} {:>6} {:>9} {:>9}",
        "look", "looks", "found", "CPU ms", "wall ms"
    );
    let anything = Find {
        limit: PAGE,
        look_at_max: LOOK_AT_MAX,
        ..Find::default()
    };
    for (name, query) in questions(&anything, size) {
        measure(&store, &campaign, name, query).await?;
    }
    Ok(())
}

fn questions(anything: &Find, size: usize) -> Vec<(&'static str, Find)> {
    let standing = |standing| Find {
        standing: Some(standing),
        ..anything.clone()
    };
    let part = |part: &str| Find {
        address_part: Some(part.into()),
        ..anything.clone()
    };
    let from = |from| Find {
        from,
        ..anything.clone()
    };
    vec![
        ("the first page", anything.clone()),
        ("the last page", from(From::Before(None))),
        (
            "a page in the middle",
            from(From::After(Seq::new(size as i64 / 2))),
        ),
        ("pending", standing(Standing::Pending)),
        ("retrying", standing(Standing::Retrying)),
        ("sent", standing(Standing::Sent)),
        ("failed", standing(Standing::Failed)),
        ("cancelled", standing(Standing::Cancelled)),
        ("a common part", part("User0")),
        ("a part that nobody has", part("nobody@")),
        (
            "nobody, from the end",
            Find {
                from: From::Before(None),
                ..part("nobody@")
            },
        ),
        (
            "nobody among the failed",
            Find {
                standing: Some(Standing::Failed),
                ..part("nobody@")
            },
        ),
        (
            "a domain that nobody has",
            Find {
                domain: Some("nowhere.example".into()),
                ..anything.clone()
            },
        ),
        (
            "a code that nobody got",
            Find {
                code: Some(599),
                ..anything.clone()
            },
        ),
    ]
}

/// Looks until something is found or the run ends.
async fn measure(
    store: &SqliteStore,
    campaign: &Campaign,
    name: &str,
    mut query: Find,
) -> Outcome<()> {
    let mut slowest = (Duration::ZERO, Duration::ZERO);
    let mut looks = 0;
    let found = loop {
        let (cpu, began) = (cpu_time()?, Instant::now());
        let found = store.find(campaign.lane, query.clone()).await?;
        let wall = began.elapsed();
        slowest = slowest.max((cpu_time()?.saturating_sub(cpu), wall));
        looks += 1;
        match go_on(&query, &found) {
            Some(next) => query.from = next,
            None => break found.messages.len(),
        }
    };
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!(
        "{name:28} {looks:>6} {found:>6} {:>9.2} {:>9.2}",
        ms(slowest.0),
        ms(slowest.1)
    );
    Ok(())
}

/// From where to look on; `None` when something was found or nothing is left.
fn go_on(query: &Find, found: &Found) -> Option<From> {
    let looked_to = found.looked_to.filter(|_| found.messages.is_empty())?;
    Some(match query.from {
        From::After(_) => From::After(looked_to),
        From::Before(_) => From::Before(Some(looked_to)),
    })
}

// === the run ===

async fn fill(store: &SqliteStore, campaign: &Campaign, lease: &Lease, size: usize) -> Outcome<()> {
    let numbers: Vec<usize> = (0..size).collect();
    for batch in numbers.chunks(BATCH) {
        let batch = batch.iter().map(|&number| new_message(campaign, number));
        store.accept(lease, batch.collect::<Outcome<_>>()?).await?;
    }
    let now = Timestamp::from_millis(i64::MAX - 1);
    let mut number = 0;
    while number < size / 10 * 9 {
        let due = store.due(lease, now, BATCH, &HashSet::new()).await?;
        let mut events = Vec::with_capacity(due.messages.len());
        for message in due.messages {
            number += 1;
            events.push(outcome(message, number));
        }
        store.record(lease, events).await?;
    }
    Ok(())
}

fn new_message(campaign: &Campaign, number: usize) -> Outcome<NewMessage> {
    Ok(NewMessage {
        lane: campaign.lane,
        content: campaign.content,
        address: Address::parse(&format!("User{number:013}@example{}.org", number % 7))?,
        data: format!(
            r#"{{"name":"Person {number}","company":"Example {}","tier":"pro"}}"#,
            number % 1000
        )
        .into(),
        at: campaign.started_at,
        due_at: campaign.started_at,
    })
}

fn outcome(message: Message, number: usize) -> NewEvent {
    let (kind, code) = match number {
        _ if number.is_multiple_of(1000) => (EventKind::Cancelled, None),
        _ if number % 100 == 17 => (EventKind::Bounced, Some(550)),
        _ if number % 100 == 71 => (EventKind::Deferred, Some(451)),
        _ => (EventKind::Delivered, Some(250)),
    };
    NewEvent {
        at: message.accepted_at + Duration::from_secs(5),
        message: Arc::new(message),
        kind,
        attempts: 1,
        due_at: Some(Timestamp::from_millis(i64::MAX)),
        attempt: code.map(attempt),
        reason: None,
    }
}
