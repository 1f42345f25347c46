//! Input that means harm: it ends soon, within bounds, and without a panic.

use std::fs;
use std::time::{Duration, Instant};

use intake::bounce::{Learned, Refused, read};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::sample::Index;

use super::corpus::messages;

/// How long one message may take. The bar is 200 ms of CPU for a release build; this one is slower, and the machine
/// may be busy.
const TIME_MAX: Duration = Duration::from_secs(4);
/// The stack of a thread, small enough to show recursion without a bound.
const STACK_BYTES: usize = 256 * 1024;

#[track_caller]
fn timed(name: &str, message: Vec<u8>) -> Result<Learned, Refused> {
    let started = Instant::now();
    let reading = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || read(&message));
    let result = reading.unwrap().join().unwrap();
    let took = started.elapsed();
    assert!(took < TIME_MAX, "{name}: {took:?}");
    result
}

fn repeated(text: &str, bytes: usize) -> String {
    text.repeat(bytes / text.len() + 1)
}

const BOUNCE: &str = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: failure notice\n";
const MEGABYTE: usize = 1024 * 1024;

#[test]
fn bombs_end_soon() {
    let bounce = |body: String| format!("{BOUNCE}\n{body}").into_bytes();
    let html = |body: String| format!("{BOUNCE}Content-Type: text/html\n\n{body}").into_bytes();
    let headers = |block: String| format!("{block}\n\nbody\n").into_bytes();
    let report = |status: String| {
        let kind = "Content-Type: multipart/report; boundary=b";
        let part = "--b\nContent-Type: message/delivery-status";
        format!("{BOUNCE}{kind}\n\n{part}\n\n{status}\n--b--\n").into_bytes()
    };
    let bombs = [
        ("empty lines", bounce(repeated("\n", MEGABYTE))),
        (
            "addresses",
            bounce(repeated("<a@b.example>:\n550 no\n\n", MEGABYTE)),
        ),
        ("at signs", bounce(repeated("@", MEGABYTE))),
        ("one word", bounce(repeated("a", MEGABYTE))),
        ("codes", bounce(repeated("550 5.1.1 ", MEGABYTE))),
        ("dots", bounce(repeated("5.1.", MEGABYTE))),
        ("quotes", bounce(repeated("> ", MEGABYTE))),
        ("message ids", bounce(repeated("Message-ID:\n", MEGABYTE))),
        ("tags", html(repeated("<", MEGABYTE))),
        ("comments", html(repeated("<!--", MEGABYTE))),
        ("entities", html(repeated("&#x41;&", MEGABYTE))),
        ("nested tags", html(repeated("<div>", MEGABYTE))),
        (
            "encoded words",
            headers(format!("Subject: {}", repeated("=?utf-8?q?", 200_000))),
        ),
        (
            "from",
            headers(format!("From: {}", repeated("\"a\" <a@b>,", 200_000))),
        ),
        (
            "brackets",
            headers(format!("From: {}", repeated("(<", 200_000))),
        ),
        (
            "parameters",
            headers(format!(
                "Content-Type: multipart/a;{}",
                repeated("a*0=b;", 200_000)
            )),
        ),
        ("names", headers(repeated("a: b\n", 250_000))),
        (
            "folds",
            headers(format!("Subject: a{}", repeated("\n b", 250_000))),
        ),
        (
            "blocks",
            report(repeated(
                "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n",
                MEGABYTE,
            )),
        ),
        ("fields", report(repeated("Status: 5.1.1\n", MEGABYTE))),
        (
            "continuations",
            report(format!("Status: 5{}", repeated("\n x", MEGABYTE))),
        ),
    ];
    for (name, message) in bombs {
        // Whether it is refused or read does not matter here.
        let _ = timed(name, message);
    }
}

#[test]
fn nesting_without_end_is_refused_on_a_small_stack() {
    let deep = |count: usize| -> String {
        let level =
            |depth| format!("Content-Type: multipart/mixed; boundary=b{depth}\n\n--b{depth}\n");
        (0..count).map(level).collect()
    };
    let result = timed("10,000 multiparts", deep(10_000).into_bytes());
    assert_eq!(result, Err(Refused::TooDeep));
    let enclosed = format!("{BOUNCE}Content-Type: message/rfc822\n\n").repeat(5_000);
    assert_eq!(
        timed("enclosed messages", enclosed.into_bytes()),
        Ok(Learned::Nothing)
    );
    let same = "Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(10_000);
    assert!(timed("one boundary again and again", same.into_bytes()).is_err());
}

#[test]
fn the_number_of_parts_and_the_length_of_headers_are_bounded() {
    let kind = "Content-Type: multipart/mixed; boundary=b";
    let many = format!("{kind}\n\n{}", "--b\n\nx\n".repeat(20_000));
    assert_eq!(
        timed("parts", many.into_bytes()),
        Err(Refused::TooManyParts)
    );
    let long = format!("X: {}\n\n", repeated("x", 300_000));
    assert_eq!(
        timed("header", long.into_bytes()),
        Err(Refused::HeadersTooLong)
    );
}

#[test]
fn a_hundred_megabytes_cost_no_more_than_their_beginning() {
    let mut message = fs::read(&messages()[0]).unwrap();
    message.resize(100 * MEGABYTE, b'x');
    assert!(timed("100 MB", message).is_ok());
}

/// One change to a message.
#[derive(Clone, Debug)]
enum Change {
    Cut(Index),
    Drop(Index, u8),
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Repeat(Index, u8, u8),
}

fn changes() -> impl Strategy<Value = Change> {
    let pieces = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..9),
        Just(b"\r\n\r\n".to_vec()),
        Just(b"\n--=_part_1\n".to_vec()),
        Just(b"Content-Type: message/rfc822\n\n".to_vec()),
        Just(b"=?utf-8?B?".to_vec()),
        Just("\u{202e}\u{130}\u{df}é@é.example:".as_bytes().to_vec()),
        Just(b"\0\xff\xfe".to_vec()),
    ];
    prop_oneof![
        any::<Index>().prop_map(Change::Cut),
        any::<(Index, u8)>().prop_map(|(place, count)| Change::Drop(place, count)),
        any::<(Index, u8)>().prop_map(|(place, byte)| Change::Replace(place, byte)),
        (any::<Index>(), pieces).prop_map(|(place, piece)| Change::Insert(place, piece)),
        any::<(Index, u8, u8)>()
            .prop_map(|(place, bytes, times)| Change::Repeat(place, bytes, times)),
    ]
}

impl Change {
    fn apply(&self, message: &mut Vec<u8>) {
        let place = |index: &Index| index.index(message.len() + 1).min(message.len());
        match self {
            Self::Cut(index) => message.truncate(place(index)),
            Self::Drop(index, count) => {
                let start = place(index);
                let end = message.len().min(start + usize::from(*count));
                message.drain(start..end);
            }
            Self::Replace(index, byte) => {
                let place = place(index);
                if let Some(old) = message.get_mut(place) {
                    *old = *byte;
                }
            }
            Self::Insert(index, piece) => {
                let place = place(index);
                message.splice(place..place, piece.iter().copied());
            }
            Self::Repeat(index, bytes, times) => {
                let start = place(index);
                let end = message.len().min(start + usize::from(*bytes));
                let piece = message[start..end].repeat(usize::from(*times));
                message.splice(start..start, piece);
            }
        }
    }
}

proptest! {
    #[test]
    fn mutated_messages_never_panic(choice in any::<Index>(), changes in prop::collection::vec(changes(), 1..12)) {
        let messages = messages();
        let mut message = fs::read(choice.get(&messages)).unwrap();
        for change in &changes {
            change.apply(&mut message);
        }
        if let Ok(Learned::Report(news)) = read(&message) {
            for entry in news {
                assert!(entry.reason.chars().count() <= 500);
                assert!(!entry.reason.contains(char::is_control));
                assert!(!entry.recipient.unwrap_or_default().contains(char::is_control));
            }
        }
    }

    #[test]
    fn bytes_without_any_sense_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = read(&bytes);
    }
}
