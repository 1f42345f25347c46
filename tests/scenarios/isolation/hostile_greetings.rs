//! Servers that misbehave before any message: a try ends by its deadline, the next one sends the mail, and one that
//! never behaves is an unreachable relay, not a failure of anybody's message.

use std::time::Duration;

use crate::harness::{Deed, Home, Moment, Relay};

const TIME_MAX: Duration = Duration::from_secs(20);

/// A home with ten recipients and a short deadline.
fn home(relay: &Relay) -> Home {
    let home = Home::new();
    home.relay_with(relay.port(), serde_json::json!({"reply_timeout_ms": 700}));
    let list: Vec<String> = (0..10).map(|n| format!("good{n}@good.example")).collect();
    home.write_list("list.csv", list.iter().map(String::as_str));
    home
}

fn sends_after_two_tries(relay: &Relay) {
    let home = home(relay);
    let args = ["-f", "list.csv", "--text", "Hello", "--retries", "3"];
    let finished = home.send(&args).expect_code(0);
    assert!(finished.took < TIME_MAX, "{finished}");
    assert_eq!(relay.recipients().len(), 10);
    assert_eq!(relay.connections(), 3);
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "delivered")
    );
}

#[test]
fn an_endless_and_a_dripping_greeting() {
    sends_after_two_tries(&Relay::start(|moment| match moment {
        Moment::Greeting(0) => Some(Deed::Endless(b"220-welcome\r\n")),
        Moment::Greeting(1) => Some(Deed::Drip(b"220-slow\r\n", Duration::from_millis(50))),
        _ => None,
    }));
}

#[test]
fn no_greeting_and_one_that_is_none() {
    sends_after_two_tries(&Relay::start(|moment| match moment {
        Moment::Greeting(0) => Some(Deed::Drop),
        Moment::Greeting(1) => Some(Deed::Say(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
        _ => None,
    }));
}

#[test]
fn a_server_that_never_greets_is_unreachable_and_nobody_pays_for_it() {
    let relay = Relay::start(|moment| match moment {
        Moment::Greeting(_) => Some(Deed::Drip(b"220-slow\r\n", Duration::from_millis(50))),
        _ => None,
    });
    let home = home(&relay);
    let finished = home
        .send(&["-f", "list.csv", "--text", "Hello", "-c", "3"])
        .expect_code(5);
    assert!(finished.took < TIME_MAX, "{finished}");
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "queued")
    );
}

#[test]
fn a_hello_that_never_ends_is_the_same() {
    let relay = Relay::start(|moment| match moment {
        Moment::Hello => Some(Deed::Endless(b"250-EXTENSION\r\n")),
        _ => None,
    });
    let home = home(&relay);
    let finished = home
        .send(&["-f", "list.csv", "--text", "Hello", "-c", "3"])
        .expect_code(5);
    assert!(finished.took < TIME_MAX, "{finished}");
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "queued")
    );
}
