//! Sends as fast as it can: `blast HOST:PORT CONNECTIONS MESSAGES [dot] [starttls]`, 4 KiB each, on one thread.
#![expect(
    clippy::print_stdout,
    reason = "a program for the terminal that only prints"
)]

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use std::time::Instant;

use model::{Address, Envelope};
use smtp::{Chunking, ClientConfig, Connector, TlsMode, Verdict};

const MESSAGE_BYTES: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, connections, messages, rest @ ..] = arguments.as_slice() else {
        return Err("usage: blast HOST:PORT CONNECTIONS MESSAGES [dot] [starttls]".into());
    };
    let (host, port) = target.split_once(':').ok_or("HOST:PORT expected")?;
    let mut config = ClientConfig::new(host, port.parse()?);
    config.tls = match rest.iter().any(|word| word == "starttls") {
        true => TlsMode::Opportunistic,
        false => TlsMode::Off,
    };
    if rest.iter().any(|word| word == "dot") {
        config.chunking = Chunking::Never;
    }
    let connector = Connector::new(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (connections, messages) = (connections.parse()?, messages.parse()?);
    let started = Instant::now();
    let delivered = runtime.block_on(blast(connector, connections, messages))?;
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()?);
    let rate = f64::from(delivered) / seconds;
    let cost = cpu * 1e6 / f64::from(delivered.max(1));
    println!(
        "{delivered} of {messages} delivered in {seconds:.2} s: {rate:.0}/s, {cost:.1} µs CPU each"
    );
    Ok(())
}

async fn blast(
    connector: Connector,
    connections: u32,
    messages: u32,
) -> Result<u32, Box<dyn Error>> {
    let left = Rc::new(Cell::new(messages));
    let tasks = tokio::task::LocalSet::new();
    let workers: Vec<_> = (0..connections)
        .map(|_| tasks.spawn_local(work(connector.clone(), Rc::clone(&left))))
        .collect();
    tasks.await;
    let mut delivered = 0;
    for worker in workers {
        delivered += worker.await?;
    }
    Ok(delivered)
}

async fn work(connector: Connector, left: Rc<Cell<u32>>) -> u32 {
    let Ok(mut connection) = connector.connect().await else {
        return 0;
    };
    let message = message();
    let mut delivered = 0;
    let mut current = envelope(&left);
    while let Some(this) = current {
        let next = envelope(&left);
        let sent = connection.send(&this, &message, next.as_ref()).await;
        if sent.verdict != Verdict::Delivered {
            println!("{sent:?}");
            return delivered;
        }
        delivered += 1;
        current = next;
    }
    connection.quit().await;
    delivered
}

fn envelope(left: &Cell<u32>) -> Option<Envelope> {
    let number = left.get().checked_sub(1)?;
    left.set(number);
    let sender = Address::parse("news@example.org").ok()?;
    let recipient = Address::parse(&format!("reader{number}@example.com")).ok()?;
    Some(Envelope::new(Some(sender), recipient))
}

fn message() -> Vec<u8> {
    let mut message = b"From: news@example.org\r\nSubject: News\r\n\r\n".to_vec();
    while message.len() < MESSAGE_BYTES {
        message
            .extend_from_slice(b"All the news that fits in a line of sixty characters or so.\r\n");
    }
    message
}

/// User and system time of this process so far, from the kernel's account of it.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("odd stat")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / TICKS_PER_SECOND)
}
