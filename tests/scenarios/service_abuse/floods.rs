//! Clients that send half a request, and requests beyond every limit: others are served at once, and nothing of what
//! is too much is taken (bars: slowloris, size bombs).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::letters::{address, letters};
use super::memory::resident_kib;
use crate::dashboard::crowd::{connect, is_closed};
use crate::harness::{
    Answer, Application, Caller, Home, Service, Sink, amount, until, until_within,
};

/// How long an honest request may take meanwhile.
const HONEST_MAX: Duration = Duration::from_secs(2);
/// By when half a head is closed, and half a body.
const HEADS_CLOSED_WITHIN: Duration = Duration::from_secs(35);
const BODIES_CLOSED_WITHIN: Duration = Duration::from_secs(60 + 35);
/// What refused bodies may leave in memory.
const GROWTH_KIB_MAX: u64 = 64 * 1024;

fn scene() -> (Home, Sink, Service, Application) {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    (home, sink, service, shop)
}

/// Connects from many addresses; each client says this and nothing more.
fn crowd(service: &Service, numbers: std::ops::Range<usize>, text: &str) -> Vec<TcpStream> {
    let say = |number| {
        let mut stream = connect(service.address, number);
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    numbers.map(say).collect()
}

fn until_closed(what: &str, deadline: Duration, mut crowd: Vec<TcpStream>) {
    until_within(deadline, what, || {
        crowd.retain(|stream| !is_closed(stream));
        crowd.is_empty().then_some(())
    });
}

#[test]
fn half_requests_hold_up_nobody_and_are_closed() {
    let (_home, sink, service, shop) = scene();
    let size = amount(300, 5_000);
    let host = format!("Host: {}\r\n", service.address);
    let head = format!("POST /commands/add-messages HTTP/1.1\r\n{host}X-Half");
    let body = format!(
        "POST /commands/add-messages HTTP/1.1\r\n{host}X-API-Token: {}\r\n\
         Content-Type: application/json\r\nContent-Length: 30000000\r\n\r\n{{\"messages\": [",
        shop.key
    );
    let began = Instant::now();
    let heads = crowd(&service, 0..size, &head);
    let bodies = crowd(&service, size..2 * size, &body);
    let mut slowest = Duration::ZERO;
    for number in 0..50 {
        let id = format!("honest{number}");
        let asked = Instant::now();
        shop.send(&[shop.message(&id, &address(&id))]);
        slowest = asked.elapsed().max(slowest);
    }
    println!("{slowest:?} for the slowest honest request");
    assert!(slowest < HONEST_MAX, "{slowest:?}");
    service.until_done();
    assert_eq!(sink.count(), 50);
    until_closed("half heads", HEADS_CLOSED_WITHIN, heads);
    println!("half heads closed after {:?}", began.elapsed());
    // Half bodies are given a minute, which is too long for every change.
    if amount(0, 1) == 1 {
        for mut stream in bodies {
            let left = BODIES_CLOSED_WITHIN.saturating_sub(began.elapsed());
            assert!(!left.is_zero(), "half bodies are not closed");
            stream.set_read_timeout(Some(left)).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        }
        println!("half bodies closed after {:?}", began.elapsed());
    }
}

#[test]
fn what_is_too_much_is_refused_whole_and_in_words() {
    let (_home, sink, service, shop) = scene();
    let too_many = letters(&shop, "main", "many", 0..1_001);
    let answer = shop.post("/commands/add-messages", &json!({"messages": too_many}));
    assert_refused(&answer, &[413, 400, 422], "1000");

    let answer = post_text(&service, &shop, &nested(&shop, 200));
    assert_refused(&answer, &[400], "32 levels");

    let long = format!(r#"{{"messages": ["{}"]}}"#, "x".repeat(40 << 20));
    let answer = post_text(&service, &shop, &long);
    assert_refused(&answer, &[413], "33554432");

    let mut people = shop.message("people", "bob@example.org");
    people["to"] = (0..1_001).map(|n| address(&format!("p{n}"))).collect();
    let answer = shop.post("/commands/add-messages", &json!({"messages": [people]}));
    assert_refused(&answer, &[400], "1000");

    assert_eq!(service.metrics()["gmp_pending_messages"], 0.0);
    assert_eq!(shop.get("/messages?tenant_id=shop")["messages"], json!([]));
    assert_eq!(sink.count(), 0);
}

/// A request whose message would be right but for so many levels of lists in it.
fn nested(shop: &Application, levels: usize) -> String {
    let mut message = shop.message("deep", &address("deep"));
    message["extra"] = json!("here");
    let deep = "[".repeat(levels) + &"]".repeat(levels);
    json!({"messages": [message]})
        .to_string()
        .replace("\"here\"", &deep)
}

#[track_caller]
fn assert_refused(answer: &Answer, statuses: &[u16], word: &str) {
    let text = answer.text();
    println!("{} {}", answer.status, &text[..text.len().min(300)]);
    assert!(
        statuses.contains(&answer.status),
        "{}: {text}",
        answer.status
    );
    assert!(answer.json()["detail"] != Value::Null, "{text}");
    assert!(text.contains(word), "{text}");
}

#[test]
fn bombs_are_refused_and_leave_no_memory_behind() {
    let (_home, _sink, service, shop) = scene();
    shop.send(&[shop.message("first", &address("first"))]);
    service.until_done();
    let before = resident_kib(&service.process);
    let bombs = [
        "[".repeat(1 << 20),
        r#"{"a":"#.repeat(1 << 20),
        format!(r#"{{"messages":[{}0]}}"#, r#"{"":0},"#.repeat(4 << 20)),
        format!(r#"{{"messages":[{}0]}}"#, "0,".repeat(14 << 20)),
        format!(r#"{{"messages":[{}{{}}]}}"#, "{},".repeat(1_000_000)),
    ];
    for bomb in &bombs {
        let answer = post_text(&service, &shop, bomb);
        assert!((400..500).contains(&answer.status), "{}", answer.text());
        assert!(answer.body.len() < 1 << 20, "{} bytes", answer.body.len());
        assert!(answer.json()["detail"] != Value::Null);
    }
    until("the memory to be given back", || {
        (resident_kib(&service.process) < before + GROWTH_KIB_MAX).then_some(())
    });
    shop.send(&[shop.message("last", &address("last"))]);
    service.until_done();
}

/// Posts a text that may be refused before its end: then the rest is not sent.
fn post_text(service: &Service, shop: &Application, text: &str) -> Answer {
    let mut stream = TcpStream::connect(service.address).unwrap();
    let head = format!(
        "POST /commands/add-messages HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nX-API-Token: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        service.address,
        shop.key,
        text.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let _ = stream.write_all(text.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    parsed(&bytes)
}

fn parsed(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    }
}
