//! What a submission costs: CPU time and bytes written, from what a client hands over to its recorded delivery.
//!
//! `cargo run --release -p store --example submission_cost -- 20000 100000` runs both sizes: 4 KB each, to one recipient,
//! in batches of 500, through one account. Linux only: it reads `/proc/self`.

#![expect(
    clippy::print_stdout,
    reason = "a measuring tool's table is its output"
)]

#[path = "support/cost.rs"]
mod cost;
mod support;

use std::collections::HashSet;
use std::env;
use std::sync::Arc;
use std::time::Duration;

use cost::{Cost, Meter, folder_bytes, peak_memory_kib};
use model::account::{Account, AccountId, AccountPk, Host, port};
use model::{
    Address, BaseUrl, Client, ClientAuth, EventKind, Line, Message, Priority, Secret, Suspension,
    Tenant, TenantId, TenantLimits, Timestamp, UrlPath,
};
use store::{
    Directory, KeySource, LaneKey, Lease, NewEvent, NewSubmission, SqliteStore, Store, Submissions,
};
use support::{Outcome, attempt};

const SIZES: [usize; 2] = [20_000, 200_000];
const SUBMIT_BATCH: usize = 500;
const DUE_BATCH: usize = 256;
const RECORD_BATCH: usize = 32;
const PAYLOAD_BYTES: usize = 4 * 1024;
const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);
/// The base64 of 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

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
        "{:>9} {:8} {:>9} {:>9} {:>11}",
        "messages", "phase", "CPU µs", "wall µs", "bytes"
    );
    for size in sizes {
        runtime.block_on(run(size))?;
    }
    Ok(())
}

async fn run(size: usize) -> Outcome<()> {
    // Beside the build, since /tmp may be in memory.
    let folder = tempfile::tempdir_in(env::current_dir()?)?;
    let key = KeySource::Given(Secret::new(KEY));
    let store = SqliteStore::open_with_key(folder.path(), &key)?;
    let account = settle(&store).await?;
    let submit = submit_all(&store, size).await?;
    let file_bytes = folder_bytes(folder.path())?;
    let lease = store.lease(LaneKey::account(account)).await?;
    let [due, payload, record] = deliver_all(&store, &lease).await?;
    let counts = store.account_counts().await?;
    if counts[0].sent != size as u64 {
        return Err(format!("{size} messages, but {counts:?}").into());
    }
    let all = submit.plus(due).plus(payload).plus(record);
    for (phase, cost) in [
        ("submit", submit),
        ("due", due),
        ("payload", payload),
        ("record", record),
        ("all", all),
    ] {
        cost.print(&format!("{size:>9}"), phase, size);
    }
    println!(
        "{size:>9} pending {:.1} bytes on disk, done {:.1}; {} KiB at most in memory",
        file_bytes as f64 / size as f64,
        folder_bytes(folder.path())? as f64 / size as f64,
        peak_memory_kib()?,
    );
    Ok(())
}

/// A tenant that is told of what becomes of its mail, and its account.
async fn settle(store: &SqliteStore) -> Outcome<AccountPk> {
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
    Ok(store.put_account(account).await?)
}

async fn submit_all(store: &SqliteStore, size: usize) -> Outcome<Cost> {
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
    Ok(cost)
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
            "x".repeat(PAYLOAD_BYTES)
        )
        .into(),
        recipients: vec![Address::parse(&format!("user{number}@example.org"))?],
        at: START + Duration::from_millis(number as u64 / 5),
    })
}

/// Asks for what is due, reads what it says and records it as delivered, until nothing is left.
async fn deliver_all(store: &SqliteStore, lease: &Lease) -> Outcome<[Cost; 3]> {
    let now = Timestamp::from_millis(i64::MAX);
    let [mut asking, mut reading, mut recording] = [Cost::default(); 3];
    loop {
        let meter = Meter::read()?;
        let due = store.due(lease, now, DUE_BATCH, &HashSet::new()).await?;
        asking = asking.plus(meter.since()?);
        if due.messages.is_empty() {
            return Ok([asking, reading, recording]);
        }
        let meter = Meter::read()?;
        for id in due
            .messages
            .iter()
            .filter_map(|message| message.content.submission())
        {
            store.payload(id).await?.ok_or("a payload is not there")?;
        }
        reading = reading.plus(meter.since()?);
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
