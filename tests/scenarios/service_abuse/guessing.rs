//! Whoever guesses tokens is stopped, and a token that is good no more opens nothing, from that moment on (bar: tokens).

use std::io::{Read, Write};
use std::net::SocketAddr;

use model::Clock;
use serde_json::json;

use crate::dashboard::crowd::connect;
use crate::harness::{Answer, Caller, Home, Request, Service, until};

const WRONG_MAX: usize = 10;
const MESSAGES: &str = "/messages?tenant_id=shop";

fn ask(service: &Service, token: &str) -> Answer {
    ask_at(service, MESSAGES, token)
}

fn ask_at(service: &Service, target: &str, token: &str) -> Answer {
    Request::new("GET", target)
        .header("Host", &service.address.to_string())
        .header("X-API-Token", token)
        .send(service.address)
}

/// Asks from another address of this machine; gives the status.
fn ask_from_elsewhere(address: SocketAddr, token: &str) -> String {
    let mut stream = connect(address, 1_000);
    let request = format!(
        "GET /messages?tenant_id=shop HTTP/1.1\r\nHost: {address}\r\nX-API-Token: {token}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn guesses_are_stopped_and_the_neighbours_are_served() {
    let home = Home::new();
    let service = Service::start(&home);
    let shop = service.tenant("shop", 1);
    let other = service.tenant("other", 1);
    ask(&service, &shop.key).expect(200);
    // It does not help to guess at other places.
    let targets = [MESSAGES, "/status", "/api/traffic"].iter().cycle();
    for (number, target) in targets.take(WRONG_MAX).enumerate() {
        let answer = ask_at(&service, target, &format!("guess-{number}")).expect(401);
        assert_eq!(answer.json()["detail"], "Invalid or missing API token");
    }
    let stopped = ask(&service, "guess-last").expect(429);
    let seconds: u64 = stopped.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    assert!(stopped.json()["detail"].is_string(), "{}", stopped.text());
    // A guess that is right tells its guesser no more than a wrong one.
    let fresh = service.post("/tenant", &json!({"id": "fresh"})).expect(200);
    let fresh = fresh.json()["api_key"].as_str().unwrap().to_owned();
    ask(&service, &fresh).expect(429);
    for token in [&shop.key, &other.key, &service.admin] {
        let answer = ask(&service, token);
        assert_ne!(answer.status, 429, "{}", answer.text());
    }
    ask(&service, &shop.key).expect(200);
    assert_eq!(ask_from_elsewhere(service.address, &shop.key), "200");
}

#[test]
fn a_key_that_was_taken_away_opens_nothing_from_then_on() {
    let home = Home::new();
    let service = Service::start(&home);
    let shop = service.tenant("shop", 1);
    ask(&service, &shop.key).expect(200);
    service
        .ask("DELETE", "/tenant/shop/api-key")
        .send(service.address)
        .expect(200);
    ask(&service, &shop.key).expect(401);

    let in_a_moment = Clock::system().now().as_millis() as f64 / 1_000.0 + 1.5;
    let made = service
        .post("/tenant/shop/api-key", &json!({"expires_at": in_a_moment}))
        .expect(200)
        .json();
    let key = made["api_key"].as_str().unwrap();
    ask(&service, key).expect(200);
    until("the key to expire", || {
        (ask(&service, key).status == 401).then_some(())
    });
    let late = Clock::system().now().as_millis() as f64 / 1_000.0 - in_a_moment;
    assert!((0.0..2.0).contains(&late), "{late} s late");

    let kept = service.tenant("kept", 1);
    kept.get("/messages?tenant_id=kept");
    service
        .ask("DELETE", "/tenant/kept")
        .send(service.address)
        .expect(200);
    let request = kept.ask("GET", "/messages?tenant_id=kept");
    request.send(service.address).expect(401);
}
