//! What a submission costs: CPU time and bytes written, from what a client hands over to its recorded delivery.
//!
//! `cargo run --release -p store --example submission_cost -- 20000 100000` runs both sizes: 4 KB each, to one recipient,
//! in batches of 500, through one account. With `postgres://…` and the number of the server's first process before the
//! sizes, it runs them in that database, which has to be an empty one, and counts the server's CPU time too. Linux only: it
//! reads `/proc`.

#![expect(
    clippy::print_stdout,
    reason = "a measuring tool's table is its output"
)]

#[path = "support/cost.rs"]
mod cost;
#[path = "support/server.rs"]
mod server;
mod support;

use std::collections::HashSet;
use std::env;
use std::sync::Arc;
use std::time::Duration;

use cost::{Cost, Meter, folder_bytes, peak_memory_kib};
use model::account::{Account, AccountId, Host, port};
use model::{
    Address, BaseUrl, Client, ClientAuth, EventKind, Line, Message, Priority, Secret, Suspension,
    Tenant, TenantId, TenantLimits, Timestamp, UrlPath,
};
use store::postgres::{Address as ServerAddress, Settings, migrate};
use store::{
    Directory, KeySource, LaneKey, Lease, NewEvent, NewSubmission, Parts, PostgresStore,
    SqliteStore, Store, Submissions,
};
use support::{Outcome, attempt};

const SIZES: [usize; 2] = [20_000, 200_000];
const SUBMIT_BATCH: usize = 500;
const DUE_BATCH: usize = 256;
const RECORD_BATCH: usize = 64;
const PAYLOAD_BYTES: usize = 4 * 1024;
/// What the payloads are made of.
const WORDS: [&str; 32] = [
    "order ",
    "invoice ",
    "<p>",
    "</p>",
    "thank you ",
    "delivery ",
    "your ",
    "account ",
    "please ",
    "find ",
    "attached ",
    "total ",
    "EUR ",
    "2026 ",
    "<td>",
    "</td>",
    "number ",
    "customer ",
    "with ",
    "the ",
    "of ",
    "and ",
    "regards ",
    "address ",
    "confirmed ",
    "payment ",
    "<br/>",
    "until ",
    "Monday ",
    "receipt ",
    "not ",
    "reply ",
];
/// The longest of them.
const WORD_BYTES_MAX: usize = 10;
const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);
/// The base64 of 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Everything that is measured.
trait Service: Store + Directory + Submissions {}

impl<T: Store + Directory + Submissions> Service for T {}

fn main() -> Outcome<()> {
    let mut words = env::args().skip(1).peekable();
    let server = match words.next_if(|word| word.starts_with("postgres")) {
        Some(address) => {
            let process = words.next().ok_or("the number of the server's process")?;
            Some((ServerAddress::parse(&address)?, process.parse()?))
        }
        None => None,
    };
    let asked: Vec<usize> = words.map(|size| size.parse()).collect::<Result<_, _>>()?;
    let sizes = match asked.is_empty() {
        true => SIZES.to_vec(),
        false => asked,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // A thread that ends takes its meter with it.
        .thread_keep_alive(Duration::from_secs(3600))
        .build()?;
    println!(
        "{:>9} {:8} {:>9} {:>9} {:>11}",
        "messages", "phase", "CPU µs", "wall µs", "bytes"
    );
    for size in sizes {
        match &server {
            Some((address, process)) => runtime.block_on(run_at(address, *process, size))?,
            None => runtime.block_on(run(size))?,
        }
    }
    Ok(())
}

fn key() -> KeySource {
    KeySource::Given(Secret::new(KEY))
}

async fn run(size: usize) -> Outcome<()> {
    // Beside the build, since /tmp may be in memory.
    let folder = tempfile::tempdir_in(env::current_dir()?)?;
    let store = SqliteStore::open_with_key(folder.path(), &key())?;
    submit_all(&store, size).await?;
    let file_bytes = folder_bytes(folder.path())?;
    deliver_all(&store, size).await?;
    println!(
        "{size:>9} pending {:.1} bytes on disk, done {:.1}; {} KiB at most in memory",
        file_bytes as f64 / size as f64,
        folder_bytes(folder.path())? as f64 / size as f64,
        peak_memory_kib()?,
    );
    Ok(())
}

async fn run_at(address: &ServerAddress, process: u32, size: usize) -> Outcome<()> {
    migrate(address).await?;
    let folder = tempfile::tempdir()?;
    let settings = Settings::default();
    let store = PostgresStore::open_with_key(address, folder.path(), &key(), settings).await?;
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / size as f64;
    let before = server::cpu_time(process)?;
    submit_all(&store, size).await?;
    let submitted = server::cpu_time(process)?;
    deliver_all(&store, size).await?;
    let delivered = server::cpu_time(process)?;
    println!(
        "{size:>9} the server: submit {:.1} CPU µs, the rest {:.1}",
        each(submitted - before),
        each(delivered - submitted),
    );
    Ok(())
}

/// Hands over as many as are asked for.
async fn submit_all(store: &impl Service, size: usize) -> Outcome<()> {
    settle(store).await?;
    let mut cost = Cost::default();
    let numbers: Vec<usize> = (0..size).collect();
    for batch in numbers.chunks(SUBMIT_BATCH) {
        let batch = batch
            .iter()
            .map(|&number| new_submission(number))
            .collect::<Outcome<Vec<_>>>()?;
        let meter = Meter::read()?;
        store.submit(batch).await?;
        cost = cost.plus(meter.since()?);
    }
    cost.print(&format!("{size:>9}"), "submit", size);
    Ok(())
}

/// Delivers them all, one lane of the account after the other.
async fn deliver_all(store: &impl Service, size: usize) -> Outcome<()> {
    let mut costs = [Cost::default(); 3];
    for waiting in store.waiting_lanes().await? {
        let key = LaneKey::account_shard(waiting.account, waiting.shard);
        let lease = store.lease(key).await?;
        deliver(store, &lease, &mut costs).await?;
        store.release(lease).await?;
    }
    let counts = store.account_counts().await?;
    if counts[0].sent != size as u64 {
        return Err(format!("{size} messages, but {counts:?}").into());
    }
    for (phase, cost) in ["due", "payload", "record"].into_iter().zip(costs) {
        cost.print(&format!("{size:>9}"), phase, size);
    }
    Ok(())
}

/// A tenant that is told of what becomes of its mail, and its account.
async fn settle(store: &impl Service) -> Outcome<()> {
    let tenant = Tenant {
        id: TenantId::parse("acme")?,
        name: None,
        client: Client {
            base_url: Some(BaseUrl::parse("https://acme.example")?),
            sync_path: UrlPath::parse("client_sync_path", "/reports")?,
            attachment_path: UrlPath::parse("client_attachment_path", "/files")?,
            auth: ClientAuth::None,
        },
        limits: TenantLimits::default(),
        webhook: None,
        large_files: None,
        is_active: true,
        suspension: Suspension::default(),
        created_at: START,
        updated_at: START,
    };
    store.put_tenant(tenant).await?;
    let account = Account::new(
        TenantId::parse("acme")?,
        AccountId::parse("main")?,
        Host::parse("host", "smtp.example.org")?,
        port("port", 587)?,
        START,
    );
    store.put_account(account).await?;
    Ok(())
}

fn new_submission(number: usize) -> Outcome<NewSubmission> {
    // Odd, so that it visits every value once: ids as good as shuffled, as UUIDs are.
    let shuffled = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Ok(NewSubmission {
        tenant: TenantId::parse("acme")?,
        client_id: Line::parse("id", &format!("{shuffled:032x}"))?,
        account: AccountId::parse("main")?,
        priority: Priority::default(),
        batch: None,
        deferred_until: None,
        payload: format!(
            r#"{{"subject":"Number {number}","body":"{}"}}"#,
            text(number as u64)
        )
        .into(),
        parts: Parts::Inside,
        recipients: vec![Address::parse(&format!("user{number}@example.org"))?],
        at: START + Duration::from_millis(number as u64 / 5),
    })
}

/// Asks for what is due, reads what it says and records it as delivered, until nothing is left.
async fn deliver(
    store: &impl Service,
    lease: &Lease,
    [asking, reading, recording]: &mut [Cost; 3],
) -> Outcome<()> {
    let now = Timestamp::from_millis(i64::MAX);
    loop {
        let meter = Meter::read()?;
        let due = store.due(lease, now, DUE_BATCH, &HashSet::new()).await?;
        *asking = asking.plus(meter.since()?);
        if due.messages.is_empty() {
            return Ok(());
        }
        let meter = Meter::read()?;
        for id in due
            .messages
            .iter()
            .filter_map(|message| message.content.submission())
        {
            store.payload(id).await?.ok_or("a payload is not there")?;
        }
        *reading = reading.plus(meter.since()?);
        let messages: Vec<Arc<Message>> = due.messages.into_iter().map(Arc::new).collect();
        for batch in messages.chunks(RECORD_BATCH) {
            let events = batch.iter().map(delivered).collect();
            let meter = Meter::read()?;
            store.record(lease, events).await?;
            *recording = recording.plus(meter.since()?);
        }
    }
}

/// Words in no order, which compress about as much as mail does.
fn text(number: u64) -> String {
    let mut state = number;
    let mut text = String::with_capacity(PAYLOAD_BYTES + WORD_BYTES_MAX);
    while text.len() < PAYLOAD_BYTES {
        // A linear congruential generator (Knuth, The Art of Computer Programming 2, 3.3.4).
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        text.push_str(WORDS[(state >> 59) as usize]);
    }
    text
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
