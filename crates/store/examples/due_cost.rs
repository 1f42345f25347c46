//! How long it takes to find what is due, in a database that has mail waiting: of each way to look the median, the 99th
//! percentile and the longest, an object a line.
//!
//! `cargo run --release -p store --example due_cost -- postgres://…`. No process may deliver from it meanwhile: each of its
//! lanes with mail is leased and looked at in turn.

#![expect(
    clippy::print_stdout,
    reason = "a measuring tool's figures are its output"
)]

use std::collections::HashSet;
use std::env;
use std::time::{Duration, Instant};

use model::{Seq, Timestamp};
use store::postgres::{Address, Settings};
use store::{LaneKey, Lease, PostgresStore, Store, Submissions};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Looks of each kind.
const LOOKS: usize = 2_000;
/// Messages that a delivery asks for at once, and as many it may have under way.
const PAGE: usize = 64;
/// Before any mail.
const LONG_AGO: Timestamp = Timestamp::from_millis(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let address = env::args().nth(1).ok_or("the database's address")?;
    let store = PostgresStore::open(&Address::parse(&address)?, Settings::default()).await?;
    let mut leases = Vec::new();
    for waiting in store.waiting_lanes().await? {
        let key = LaneKey::account_shard(waiting.account, waiting.shard);
        leases.push(store.lease(key).await?);
    }
    if leases.is_empty() {
        return Err("no mail waits in it".into());
    }
    lanes(&store).await?;
    let now = soon(&store, &leases).await?;
    messages(&store, &leases, now, "the first that are due", 0).await?;
    messages(&store, &leases, now, "those after what is under way", PAGE).await?;
    messages(&store, &leases, LONG_AGO, "nothing due yet", 0).await?;
    store.close().await;
    Ok(())
}

/// Which lanes have mail at all.
async fn lanes(store: &PostgresStore) -> Outcome<()> {
    let mut times = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        let began = Instant::now();
        store.waiting_lanes().await?;
        times.push(began.elapsed());
    }
    print("the lanes that have mail", times);
    Ok(())
}

/// A moment at which all is due but what is put off for hours.
async fn soon(store: &PostgresStore, leases: &[Lease]) -> Outcome<Timestamp> {
    let mut first = LONG_AGO;
    for lease in leases {
        let due = store.due(lease, LONG_AGO, 1, &HashSet::new()).await?;
        first = first.max(due.next_at.unwrap_or(LONG_AGO));
    }
    Ok(first + Duration::from_secs(3_600))
}

/// What is due in each lane in turn, beside so many that are under way.
async fn messages(
    store: &PostgresStore,
    leases: &[Lease],
    now: Timestamp,
    name: &str,
    under_way: usize,
) -> Outcome<()> {
    let mut begun: Vec<HashSet<Seq>> = Vec::with_capacity(leases.len());
    for lease in leases {
        let due = match under_way {
            0 => Vec::new(),
            count => {
                store
                    .due(lease, now, count, &HashSet::new())
                    .await?
                    .messages
            }
        };
        begun.push(due.iter().map(|message| message.seq).collect());
    }
    let mut times = Vec::with_capacity(LOOKS);
    for look in 0..LOOKS {
        let lane = look % leases.len();
        let began = Instant::now();
        store.due(&leases[lane], now, PAGE, &begun[lane]).await?;
        times.push(began.elapsed());
    }
    print(name, times);
    Ok(())
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let ms = |place: usize| times[place].as_secs_f64() * 1e3;
    let (last, percentile) = (times.len() - 1, times.len() * 99 / 100);
    println!(
        r#"{{"look": "{name}", "median_ms": {:.2}, "p99_ms": {:.2}, "max_ms": {:.2}}}"#,
        ms(last / 2),
        ms(percentile),
        ms(last)
    );
}
