//! What statistics cost, and what they cost the mail beside them.
//!
//! `cargo run --release -p store --example statistics_cost -- 200000` fills a month with so many messages, each delivered,
//! counts them, counts them anew, and hands mail over and records it, alone and while hours are counted anew again and
//! again. With `postgres://…` before the size it does so in that database, which has to be an empty one. The last phase forgets
//! mail, which notes it.

#![expect(
    clippy::print_stdout,
    reason = "a measuring tool's table is its output"
)]

mod support;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::account::{Account, AccountId, Host, port};
use model::{Address, EventKind, Line, Message, Priority, Secret, Tenant, TenantId, Timestamp};
use store::postgres::{Address as ServerAddress, Settings, migrate};
use store::statistics::{Each, PLACES_MAX, Span};
use store::{
    Directory, KeySource, LaneKey, Lease, NewEvent, NewSubmission, Parts, PostgresStore,
    SqliteStore, Statistics, StatisticsQuery, Store, Submissions, Submitted,
};
use support::{Outcome, attempt, cpu_time};

const SIZE: usize = 200_000;
const BATCH: usize = 500;
/// Batches that are timed.
const TIMED: usize = 200;
/// Messages of each.
const TIMED_BATCH: usize = 50;
const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The base64 of 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Everything that is measured.
trait Service: Store + Directory + Submissions + Statistics {}

impl<T: Store + Directory + Submissions + Statistics> Service for T {}

fn main() -> Outcome<()> {
    let mut words = env::args().skip(1).peekable();
    let address = match words.next_if(|word| word.starts_with("postgres")) {
        Some(address) => Some(ServerAddress::parse(&address)?),
        None => None,
    };
    let size = match words.next() {
        Some(word) => word.parse()?,
        None => SIZE,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match address {
            Some(address) => run_at(&address, size).await,
            None => run_in_folder(size).await,
        }
    })
}

fn key() -> KeySource {
    KeySource::Given(Secret::new(KEY))
}

async fn run_in_folder(size: usize) -> Outcome<()> {
    // Beside the build, since /tmp may be in memory.
    let folder = tempfile::tempdir_in(env::current_dir()?)?;
    run(
        Arc::new(SqliteStore::open_with_key(folder.path(), &key())?),
        size,
    )
    .await
}

async fn run_at(address: &ServerAddress, size: usize) -> Outcome<()> {
    migrate(address).await?;
    let folder = tempfile::tempdir()?;
    let settings = Settings {
        shards: 1,
        ..Settings::default()
    };
    let store = PostgresStore::open_with_key(address, folder.path(), &key(), settings).await?;
    run(Arc::new(store), size).await
}

async fn run(store: Arc<dyn Service>, size: usize) -> Outcome<()> {
    let lease = settle(&*store).await?;
    for first in (0..size).step_by(BATCH) {
        deliver(&*store, &lease, first, BATCH.min(size - first), size).await?;
    }
    timed("counted", size, roll_up(&*store)).await?;
    timed("counted anew", size, rebuild(&*store)).await?;
    let month = StatisticsQuery {
        from: START,
        until: START + 2 * MONTH,
        by: Span::Day,
        tenant: None,
        account: None,
        each: Each::Account,
    };
    timed("a month by days", 1, async {
        store.statistics(month).await?;
        Ok(())
    })
    .await?;
    // Each is measured twice, since the machine may be busy with something else once.
    for round in 0..2 {
        let number = size + round * 2 * TIMED * TIMED_BATCH;
        mail(&*store, &lease, "mail alone", number).await?;
        let number = number + TIMED * TIMED_BATCH;
        let is_over = Arc::new(AtomicBool::new(false));
        let (beside, ends) = (Arc::clone(&store), Arc::clone(&is_over));
        let rebuilding = tokio::spawn(async move {
            let mut rebuilds = 0;
            while !ends.load(Ordering::Relaxed) {
                beside.rebuild(START, START + 2 * MONTH).await?;
                rebuilds += 1;
            }
            Ok::<_, store::StoreError>(rebuilds)
        });
        mail(&*store, &lease, "mail beside it", number).await?;
        is_over.store(true, Ordering::Relaxed);
        println!("counted anew {} times beside it", rebuilding.await??);
    }
    let account = store
        .lane_account(lease.lane)
        .await?
        .ok_or("an account's lane")?;
    let forgotten = size.min(20_000);
    timed("forgotten", forgotten, async {
        for _ in 0..forgotten / 100 {
            store.remove_of_account(account, START, 100).await?;
        }
        Ok(())
    })
    .await?;
    roll_up(&*store).await?;
    timed("counted anew", size, rebuild(&*store)).await
}

/// Does something, and tells what it cost in all, and for each of so many.
async fn timed(what: &str, size: usize, work: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    let (begun, cpu) = (Instant::now(), cpu_time()?);
    work.await?;
    let (took, cpu) = (begun.elapsed(), cpu_time()?.saturating_sub(cpu));
    println!(
        "{what:16} {:>9.1} ms, {:>8.2} µs each, {:>8.1} ms of it our CPU time",
        took.as_secs_f64() * 1e3,
        took.as_secs_f64() * 1e6 / size as f64,
        cpu.as_secs_f64() * 1e3,
    );
    Ok(())
}

async fn roll_up(store: &dyn Service) -> Outcome<()> {
    while store.roll_up(PLACES_MAX).await?.is_behind {}
    Ok(())
}

/// Of a whole month; nothing of it is wrong.
async fn rebuild(store: &dyn Service) -> Outcome<()> {
    let rebuilt = store.rebuild(START - MONTH, START + 2 * MONTH).await?;
    match rebuilt.corrected {
        0 => Ok(()),
        _ => Err(format!("{rebuilt:?}").into()),
    }
}

/// Hands mail over in batches and records it; tells how long a batch took.
async fn mail(store: &dyn Service, lease: &Lease, what: &str, first: usize) -> Outcome<()> {
    let mut times = Vec::with_capacity(TIMED);
    for batch in 0..TIMED {
        let begun = Instant::now();
        let number = first + batch * TIMED_BATCH;
        deliver(store, lease, number, TIMED_BATCH, usize::MAX).await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let at = |part: usize| times[part * (TIMED - 1) / 100].as_secs_f64() * 1e3;
    println!(
        "{what:16} {:>9.1} ms a batch, 99 of 100 within {:.1} ms, the longest {:.1} ms",
        at(50),
        at(99),
        at(100)
    );
    Ok(())
}

/// Hands over messages and records that they were delivered. They are spread over a month, or come at its end.
async fn deliver(
    store: &dyn Service,
    lease: &Lease,
    first: usize,
    count: usize,
    size: usize,
) -> Outcome<()> {
    let at = |number: usize| START + MONTH.mul_f64((number as f64 / size as f64).min(1.0));
    let batch: Vec<NewSubmission> = (first..first + count)
        .map(|number| new_submission(number, at(number)))
        .collect::<Outcome<_>>()?;
    let mut events = Vec::with_capacity(count);
    for (answer, number) in store.submit(batch).await?.into_iter().zip(first..) {
        let Submitted::New(id) = answer else {
            return Err(format!("{answer:?}").into());
        };
        let message = store.message(id.0).await?.ok_or("a message is not there")?;
        events.push(delivered(&Arc::new(message), at(number)));
    }
    store.record(lease, events).await?;
    Ok(())
}

fn delivered(message: &Arc<Message>, at: Timestamp) -> NewEvent {
    NewEvent {
        message: Arc::clone(message),
        kind: EventKind::Delivered,
        at,
        attempts: 1,
        due_at: None,
        attempt: Some(attempt(250)),
        reason: None,
    }
}

fn new_submission(number: usize, at: Timestamp) -> Outcome<NewSubmission> {
    Ok(NewSubmission {
        tenant: TenantId::parse("acme")?,
        client_id: Line::parse("id", &number.to_string())?,
        account: AccountId::parse("main")?,
        priority: Priority::default(),
        batch: None,
        deferred_until: None,
        payload: format!(r#"{{"subject":"Number {number}"}}"#).into(),
        parts: Parts::Inside,
        recipients: vec![Address::parse(&format!("user{number}@example.org"))?],
        at,
    })
}

/// A tenant and its account; gives the account's lane.
async fn settle(store: &dyn Service) -> Outcome<Lease> {
    let tenant = TenantId::parse("acme")?;
    store.put_tenant(Tenant::new(tenant.clone(), START)).await?;
    let (id, host) = (
        AccountId::parse("main")?,
        Host::parse("host", "smtp.example.org")?,
    );
    let account = Account::new(tenant, id, host, port("port", 587)?, START);
    let pk = store.put_account(account).await?;
    Ok(store.lease(LaneKey::account(pk)).await?)
}
