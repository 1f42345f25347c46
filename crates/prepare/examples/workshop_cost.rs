//! Prints how long it takes to read a draft and make its message:
//! `cargo run --release -p prepare --example workshop_cost`.

#![expect(clippy::print_stdout, reason = "a program that prints its result")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use model::{Clock, MessageId, Seq, Tenant, TenantId, Timestamp};
use prepare::{
    CacheSettings, Draft, FetchLimits, Fetcher, LargeFiles, Roots, TenantSource, Workshop,
};
use serde_json::{Value, json};
use webclient::{Settings, WebClient};

const ROUNDS: usize = 5;
const MESSAGES_A_ROUND: u32 = 50_000;
const BODY_BYTES: usize = 4 << 10;
const AT: Timestamp = Timestamp::from_millis(1_795_355_000_123);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let tenant = Tenant::new(TenantId::parse("acme")?, AT);
    let tenant = TenantSource::new(&tenant, &[])?;
    let workshop = workshop()?;
    for (name, line) in [
        ("ASCII", "Dear customer, the summer sale has begun. "),
        ("accented", "Sehr geehrte Kundschaft, schöne Grüße. "),
    ] {
        let message = message(line);
        let text = message.to_string();
        print_time(&format!("parse the JSON, {name}"), || {
            black_box(serde_json::from_str::<Value>(&text).is_ok());
        });
        print_time(&format!("read the draft, {name}"), || {
            black_box(Draft::read(&message).is_ok());
        });
        print_read_and_make(name, &workshop, &tenant, &message).await?;
    }
    Ok(())
}

/// Runs a step many times and prints how long one takes: the median of the rounds.
fn print_time(name: &str, mut step: impl FnMut()) {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        (0..MESSAGES_A_ROUND).for_each(|_| step());
        start.elapsed() / MESSAGES_A_ROUND
    });
    print_median(name, rounds.collect());
}

async fn print_read_and_make(
    name: &str,
    workshop: &Workshop,
    tenant: &TenantSource,
    message: &Value,
) -> Result<(), Box<dyn Error>> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for number in 0..MESSAGES_A_ROUND {
            let id = MessageId::new(AT, 7, Seq::new(number.into()));
            let draft = Draft::read(message)?;
            black_box(workshop.make(tenant, None, &draft, id, AT).await?);
        }
        rounds.push(start.elapsed() / MESSAGES_A_ROUND);
    }
    print_median(&format!("read and make, {name}"), rounds);
    Ok(())
}

fn print_median(name: &str, mut rounds: Vec<std::time::Duration>) {
    rounds.sort();
    println!("{:>7} ns  {name}", rounds[ROUNDS / 2].as_nanos());
}

fn workshop() -> Result<Workshop, Box<dyn Error>> {
    let web = WebClient::new(Settings::default())?;
    let (clock, cache) = (Clock::manual(AT), CacheSettings::default());
    let (roots, limits) = (Roots::default(), FetchLimits::default());
    let fetcher = Fetcher::new(web.clone(), roots, &cache, limits, clock.clone())?;
    let large_files = LargeFiles::new(web, None, clock.clone());
    Ok(Workshop::new(fetcher, large_files, clock))
}

fn message(line: &str) -> Value {
    let paragraph = format!("<p style=\"margin:0\">{line}</p>\n");
    let html = paragraph.repeat(BODY_BYTES / paragraph.len());
    json!({"id": "m-000001", "tenant_id": "acme", "account_id": "relay", "priority": 2,
        "from": "Glasspost <news@example.org>", "to": ["Ada Lovelace <ada@example.net>"],
        "subject": "Your order has been shipped", "content_type": "html", "body": html,
        "headers": {"X-Order": "12345"}})
}
