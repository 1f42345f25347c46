//! Asked to stop while applications hand mail over, again and again: the door is closed at once, what was answered
//! is delivered, and nothing twice (promise: P-06).

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::letters::{assert_all, assert_nothing_twice, copies, ids, letters};
use crate::dashboard::crowd::connect;
use crate::harness::{Application, Caller, Home, Service, Sink, amount, until};

const CLIENTS: usize = 4;
const BATCH: usize = 10;
/// What the relay has before a stop, at most.
const MESSAGES_A_ROUND: usize = 150;
/// How long connections may be taken after the stop was asked for (promise: P-06), and what a busy machine may add.
const ACCEPTS_ON: Duration = Duration::from_millis(1_000 + 500);
/// What a stop may take (promise: P-06).
const GRACE: Duration = Duration::from_secs(30);

#[test]
fn a_stop_under_load_loses_nothing_and_repeats_nothing() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "2%: stall 200ms at end"]);
    let mut service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let mut answered = Vec::new();
    for round in 0..amount(10, 100) {
        answered.extend(stop_under_load(service, &shop, &sink, round));
        service = Service::start(&home);
    }
    service.until_done();
    let received = sink.recipients();
    let copies = copies(&received);
    assert_nothing_twice(&copies);
    assert_all(&copies, &answered);
    let sent = service.count("gmp_sent_total", "main");
    assert_eq!(sent, received.len() as f64);
    println!("{} answered, {} received", answered.len(), received.len());
}

#[test]
fn clients_and_relays_that_hang_hold_no_stop() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "hangs*@*: stall 10m at end"]);
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    shop.send(&letters(&shop, "main", "hangs", 0..4));
    shop.send(&letters(&shop, "main", "m", 0..50));
    until("the others", || (sink.count() >= 50).then_some(()));
    let half = format!(
        "POST /commands/add-messages HTTP/1.1\r\nHost: {}\r\nX-API-Token: {}\r\nContent-Length: 1000\r\n\r\n{{",
        service.address, shop.key
    );
    let clients: Vec<TcpStream> = (0..50)
        .map(|number| {
            let mut stream = connect(service.address, number);
            stream.write_all(half.as_bytes()).unwrap();
            stream
        })
        .collect();
    let asked = Instant::now();
    service.process.signal("TERM");
    let finished = service.process.wait().expect_code(0);
    assert!(asked.elapsed() < GRACE, "{finished}");
    drop(clients);
    let service = Service::start(&home);
    assert_eq!(service.metrics()["gmp_pending_messages"], 4.0);
    assert_eq!(service.count("gmp_sent_total", "main"), 50.0);
}

/// Stops a service while clients hand mail over; gives what they were told is taken.
fn stop_under_load(service: Service, shop: &Application, sink: &Sink, round: usize) -> Vec<String> {
    let shop = &shop.at(&service);
    let wanted = sink.count() + fastrand::usize(1..MESSAGES_A_ROUND);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || post_on_and_on(shop, &format!("r{round}-{client}"))))
            .collect();
        until("some messages", || (sink.count() >= wanted).then_some(()));
        let asked = Instant::now();
        service.process.signal("TERM");
        until("the closed door", || {
            TcpStream::connect(service.address).is_err().then_some(())
        });
        let closed = asked.elapsed();
        let finished = service.process.wait().expect_code(0);
        assert!(closed < ACCEPTS_ON, "closed after {closed:?}: {finished}");
        assert!(asked.elapsed() < GRACE, "{finished}");
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    })
}

/// One client, until nobody answers.
fn post_on_and_on(shop: &Application, name: &str) -> Vec<String> {
    let mut answered = Vec::new();
    for call in 0.. {
        let name = format!("{name}-{call}");
        let batch = letters(shop, "main", &name, 0..BATCH);
        match shop.try_post("/commands/add-messages", &json!({"messages": batch})) {
            Ok(answer) if answer.status == 200 => answered.extend(ids(&name, 0..BATCH)),
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_) => break,
        }
    }
    answered
}
