//! Where others can reach it, a dashboard asks for a token.

use std::fs;

use super::scene::{people, write_list};
use crate::harness::{Dashboard, Home, Process, Request, Sink, wait_for_the_end};

/// A token of one's own.
const CANARY: &str = "canary-5f3a9c1e7b2d4860";
/// Wrong ones after which an address has to wait.
const WRONG_MAX: usize = 10;

/// A campaign that is over, and its dashboard for the whole network.
fn scene(variables: &[(&str, &str)]) -> (Home, Sink, Process, Dashboard) {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    write_list(&home, &people(3));
    let letter = [
        "send",
        "--env",
        "config.json",
        "--csv",
        "list.csv",
        "--text",
        "Hello",
    ];
    let watched = [
        "--monitor",
        "--monitor-port",
        "0",
        "--monitor-listen",
        "0.0.0.0",
    ];
    let more = ["--monitor-linger", "10m", "--log-level", "debug"];
    let args = [&letter[..], &watched, &more].concat();
    let mut process = home.glasspost_with(variables, &args);
    let dashboard = Dashboard::of(&mut process);
    wait_for_the_end(&mut process);
    (home, sink, process, dashboard)
}

/// A request without a token, or with one.
fn ask(dashboard: &Dashboard, target: &str, token: Option<&str>) -> u16 {
    let request = Request::new("GET", target).header("Host", &dashboard.address.to_string());
    let request = match token {
        Some(token) => request.header("Authorization", &format!("Bearer {token}")),
        None => request,
    };
    request.send(dashboard.address).status
}

/// So many lines of what it said have the token, and no file.
fn check_kept(home: &Home, process: Process, token: &str, lines: usize) {
    process.signal("INT");
    let finished = process.wait().expect_code(0);
    let output = finished.output();
    let telling = output.lines().filter(|line| line.contains(token));
    assert_eq!(telling.count(), lines, "{finished}");
    for file in home.files() {
        let bytes = fs::read(&file).unwrap();
        let found = memchr::memmem::find(&bytes, token.as_bytes());
        assert!(found.is_none(), "the token is in {}", file.display());
    }
}

#[test]
fn one_is_made_and_shown_to_who_began() {
    let (home, _sink, process, dashboard) = scene(&[]);
    let token = dashboard.token.clone().unwrap();
    assert!(token.len() >= 32, "{token}");
    for target in [
        "/",
        "/api/stats",
        "/api/stream",
        "/metrics",
        "/health",
        "/none",
    ] {
        assert_eq!(ask(&dashboard, target, None), 401, "{target}");
        assert_eq!(ask(&dashboard, target, Some("wrong")), 401, "{target}");
    }
    assert_eq!(ask(&dashboard, "/api/stats", Some(&token)), 200);
    sign_in(&dashboard, &token);
    // The address is shown, once.
    check_kept(&home, process, &token, 1);
}

/// A person opens the address that was shown: the browser keeps a cookie, and the token is gone from the address.
fn sign_in(dashboard: &Dashboard, token: &str) {
    let host = dashboard.address.to_string();
    let page = Request::new("GET", &format!("/?token={token}"))
        .header("Host", &host)
        .header("Accept", "text/html");
    let answer = page.send(dashboard.address).expect(303);
    assert_eq!(answer.header("location"), Some("./"));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert!(!cookie.contains(token), "{cookie}");
    let (pair, _) = cookie.split_once(';').unwrap();
    let with_cookie = Request::new("GET", "/api/stats")
        .header("Host", &host)
        .header("Cookie", pair);
    with_cookie.send(dashboard.address).expect(200);
}

#[test]
fn who_guesses_has_to_wait() {
    let (home, _sink, process, dashboard) = scene(&[("GLASSPOST_MONITOR_TOKEN", CANARY)]);
    // Who chose it knows it.
    assert_eq!(dashboard.token, None);
    assert_eq!(ask(&dashboard, "/api/stats", None), 401);
    assert_eq!(ask(&dashboard, "/api/stats", Some(CANARY)), 200);
    for guess in 0..WRONG_MAX {
        let guess = format!("{CANARY}{guess}");
        assert_eq!(ask(&dashboard, "/api/stats", Some(&guess)), 401, "{guess}");
    }
    assert_eq!(ask(&dashboard, "/api/stats", Some("another")), 429);
    assert_eq!(ask(&dashboard, "/api/stats", Some(CANARY)), 429);
    check_kept(&home, process, CANARY, 0);
}

#[test]
fn a_foreign_name_is_refused_with_the_right_token_too() {
    let (_home, _sink, process, dashboard) = scene(&[("GLASSPOST_MONITOR_TOKEN", CANARY)]);
    let request = Request::new("GET", "/api/stats")
        .header("Host", "evil.example")
        .header("Authorization", &format!("Bearer {CANARY}"));
    request.send(dashboard.address).expect(403);
    process.signal("INT");
    process.wait().expect_code(0);
}
