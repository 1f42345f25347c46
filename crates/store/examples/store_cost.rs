//! What the store costs: CPU time and bytes written for each message, from acceptance to its recorded delivery.
//!
//! `cargo run --release -p store --example store_cost -- 200000 1000000` runs both sizes, each with a list in
//! the order of its addresses and with a shuffled one, and that in larger batches as well: each address of a
//! shuffled list changes another page of the ledger, which a commit writes once however often it changed.
//! Linux only: it reads `/proc/self`.

#![expect(
    clippy::print_stdout,
    reason = "a measuring tool's table is its output"
)]

#[path = "support/campaign.rs"]
mod campaign;
#[path = "support/cost.rs"]
mod cost;
mod support;

use std::collections::HashSet;
use std::env;
use std::sync::Arc;
use std::time::Duration;

use campaign::begin;
use cost::{Cost, Meter, folder_bytes, peak_memory_kib};
use model::{Address, EventKind, Message, Timestamp};
use store::{Campaign, Lease, NewEvent, NewMessage, SqliteStore, Store};
use support::{Outcome, attempt};

/// The lists, and the messages accepted at once.
const LISTS: [(Order, usize); 3] = [
    (Order::Sorted, 512),
    (Order::Shuffled, 512),
    (Order::Shuffled, 4096),
];
const DUE_BATCH: usize = 256;
const RECORD_BATCH: usize = 32;
/// Messages when no sizes are asked for.
const SIZES: [usize; 2] = [200_000, 1_000_000];

/// In which order the list names its addresses.
#[derive(Clone, Copy, Debug)]
enum Order {
    Sorted,
    Shuffled,
}

fn main() -> Outcome<()> {
    let asked: Vec<usize> = env::args()
        .skip(1)
        .map(|size| size.parse())
        .collect::<Result<_, _>>()?;
    let sizes = match asked.is_empty() {
        true => SIZES.to_vec(),
        false => asked,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        // A thread that ends takes its meter with it.
        .thread_keep_alive(Duration::from_secs(3600))
        .build()?;
    println!(
        "{:>9} {:9} {:>5} {:8} {:>9} {:>9} {:>11}",
        "messages", "list", "batch", "phase", "CPU µs", "wall µs", "bytes"
    );
    for size in sizes {
        for (order, batch) in LISTS {
            runtime.block_on(run(size, order, batch))?;
        }
    }
    Ok(())
}

async fn run(size: usize, order: Order, batch: usize) -> Outcome<()> {
    // Beside the build, since /tmp may be in memory.
    let folder = tempfile::tempdir_in(env::current_dir()?)?;
    let store = SqliteStore::open(folder.path())?;
    let campaign = begin(&store).await?;
    let lease = store.lease(campaign.lane_key()).await?;
    let accept = accept_all(&store, &campaign, &lease, size, order, batch).await?;
    let file_bytes = folder_bytes(folder.path())?;
    let (due, record) = deliver_all(&store, &lease).await?;
    let books = store.books(campaign.lane).await?;
    if books.delivered != size as u64 {
        return Err(format!("{size} messages, but {books:?}").into());
    }
    let all = accept.plus(due).plus(record);
    for (phase, cost) in [
        ("accept", accept),
        ("due", due),
        ("record", record),
        ("all", all),
    ] {
        cost.print(
            &format!("{size:>9} {:9} {batch:>5}", format!("{order:?}")),
            phase,
            size,
        );
    }
    println!(
        "{size:>9} {:9} {batch:>5} pending {:.1} bytes on disk, done {:.1}; {} KiB at most in memory",
        format!("{order:?}"),
        file_bytes as f64 / size as f64,
        folder_bytes(folder.path())? as f64 / size as f64,
        peak_memory_kib()?,
    );
    Ok(())
}

async fn accept_all(
    store: &SqliteStore,
    campaign: &Campaign,
    lease: &Lease,
    size: usize,
    order: Order,
    batch: usize,
) -> Outcome<Cost> {
    let mut cost = Cost::default();
    let numbers: Vec<usize> = (0..size).collect();
    for batch in numbers.chunks(batch) {
        let batch = batch
            .iter()
            .map(|&number| new_message(campaign, number, order))
            .collect::<Outcome<Vec<_>>>()?;
        let meter = Meter::read()?;
        store.accept(lease, batch).await?;
        cost = cost.plus(meter.since()?);
    }
    Ok(cost)
}

fn new_message(campaign: &Campaign, number: usize, order: Order) -> Outcome<NewMessage> {
    let place = match order {
        Order::Sorted => number as u64,
        // Odd, so it visits every value once: as good as shuffled.
        Order::Shuffled => (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24,
    };
    let at = campaign.started_at + Duration::from_millis(number as u64 / 20);
    Ok(NewMessage {
        lane: campaign.lane,
        content: campaign.content,
        address: Address::parse(&format!("user{place:013}@example{}.org", number % 7))?,
        data: format!(
            r#"{{"name":"Person {number}","company":"Example {}","tier":"pro"}}"#,
            number % 1000
        )
        .into(),
        at,
        due_at: at,
    })
}

/// Asks for what is due and records it as delivered, until nothing is left.
async fn deliver_all(store: &SqliteStore, lease: &Lease) -> Outcome<(Cost, Cost)> {
    let now = Timestamp::from_millis(i64::MAX);
    let (mut asking, mut recording) = (Cost::default(), Cost::default());
    loop {
        let meter = Meter::read()?;
        let due = store.due(lease, now, DUE_BATCH, &HashSet::new()).await?;
        asking = asking.plus(meter.since()?);
        if due.messages.is_empty() {
            return Ok((asking, recording));
        }
        let messages: Vec<Arc<Message>> = due.messages.into_iter().map(Arc::new).collect();
        for batch in messages.chunks(RECORD_BATCH) {
            let events = batch.iter().map(delivered).collect();
            let meter = Meter::read()?;
            store.record(lease, events).await?;
            recording = recording.plus(meter.since()?);
        }
    }
}

fn delivered(message: &Arc<Message>) -> NewEvent {
    NewEvent {
        message: Arc::clone(message),
        kind: EventKind::Delivered,
        at: message.accepted_at + Duration::from_secs(5),
        attempts: 1,
        due_at: None,
        attempt: Some(attempt(250)),
        reason: None,
    }
}
