//! Many messages through one connection, refused at random places: none is lost, none doubled, and no refusal
//! touches the message after it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use model::{Address, Envelope, Phase};
use smtp::server::{Extension, Extensions};
use smtp::{Chunking, Connection, Connector, Sent, ServerConfig, Verdict};

use crate::support::{Taken, client_config, envelope, listen};

const MESSAGES: usize = 1000;

/// Small and repeatable: a linear congruential generator.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// What is to become of one message.
#[derive(Clone, Debug)]
struct Plan {
    envelope: Envelope,
    outcome: Verdict,
}

fn plan(number: usize, dice: &mut Dice) -> Plan {
    let plain = format!("ok{number}@example.org");
    let (stage, outcome) = match dice.roll(12) {
        0 => ("mail-550", Verdict::Refused),
        1 => ("rcpt-550", Verdict::Refused),
        2 => ("data-451", Verdict::Refused),
        3 => ("final-554", Verdict::Refused),
        4 => ("rcpt-450", Verdict::Refused),
        _ => ("ok", Verdict::Delivered),
    };
    let mut envelope = envelope(&[&plain]);
    let address = |name: &str| Address::parse(&format!("{name}-{number}@example.org")).unwrap();
    match stage {
        "mail-550" => envelope.sender = Some(address(stage)),
        "ok" => {}
        _ => envelope.recipients = vec![address(stage)],
    }
    match dice.roll(6) {
        0 => envelope.recipients.push(address("copy")),
        1 => envelope.recipients.push(address("rcpt-550-copy")),
        _ => {}
    }
    Plan { envelope, outcome }
}

fn message(number: usize, dice: &mut Dice) -> Vec<u8> {
    let lines = dice.roll(60);
    let body = ".dots and text\r\n".repeat(lines as usize);
    format!("Subject: number {number}\r\n\r\n{body}").into_bytes()
}

/// Sends one message, on a fresh connection when the old one cannot take it.
struct Line {
    connector: Connector,
    connection: Option<Connection>,
    connects: usize,
}

impl Line {
    async fn send(&mut self, envelope: &Envelope, message: &[u8], next: Option<&Envelope>) -> Sent {
        for _ in 0..3 {
            let mut connection = match self.connection.take().filter(Connection::is_usable) {
                Some(connection) => connection,
                None => {
                    self.connects += 1;
                    self.connector.connect().await.unwrap()
                }
            };
            let sent = connection.send(envelope, message, next).await;
            self.connection = Some(connection);
            if sent.verdict != Verdict::NotStarted {
                return sent;
            }
        }
        panic!("not started three times");
    }
}

async fn line_to(address: SocketAddr, chunking: Chunking) -> Line {
    let mut config = client_config(address);
    config.chunking = chunking;
    Line {
        connector: Connector::new(config).unwrap(),
        connection: None,
        connects: 0,
    }
}

/// Sends all messages; `faithful` tells whether the message announced as next really comes next.
async fn run(extensions: Extensions, chunking: Chunking, faithful: u64) {
    let mut config = ServerConfig::new("mx.example.org");
    config.extensions = extensions;
    let (address, inbox) = listen(config).await;
    let mut line = line_to(address, chunking).await;
    let mut dice = Dice(7);
    let plans: Vec<Plan> = (0..MESSAGES).map(|n| plan(n, &mut dice)).collect();
    let mut expected = BTreeMap::new();
    for (number, this) in plans.iter().enumerate() {
        let message = message(number, &mut dice);
        let next = match dice.roll(faithful) {
            0 => plans.get(number + 7),
            _ => plans.get(number + 1),
        };
        let next = next.map(|plan| &plan.envelope);
        let sent = line.send(&this.envelope, &message, next).await;
        assert_eq!(sent.verdict, this.outcome, "{number}: {this:?} {sent:?}");
        // "503 nested MAIL" is what a refusal not cleaned up after looks like.
        let code = sent.attempt.reply.as_ref().map(|reply| reply.code);
        assert_ne!(code, Some(503), "{number}: {sent:?}");
        if sent.verdict == Verdict::Delivered {
            expected.insert(message, this.envelope.recipients[0].to_string());
        }
    }
    let taken: Vec<Taken> = inbox.messages();
    assert_eq!(taken.len(), expected.len(), "lost or doubled");
    for taken in taken {
        assert_eq!(expected.get(&taken.message), taken.recipients.first());
    }
}

#[tokio::test]
async fn with_data_each_message_is_taken_once() {
    run(Extensions::ALL, Chunking::Never, u64::MAX).await;
}

#[tokio::test]
async fn with_data_and_broken_promises_each_message_is_taken_once() {
    run(Extensions::ALL, Chunking::Never, 5).await;
}

#[tokio::test]
async fn with_chunks_each_message_is_taken_once() {
    run(Extensions::ALL, Chunking::WhenOffered, u64::MAX).await;
}

#[tokio::test]
async fn without_pipelining_each_message_is_taken_once() {
    let extensions = Extensions::ALL.without(Extension::Pipelining);
    run(extensions, Chunking::Never, 5).await;
    run(extensions, Chunking::WhenOffered, 5).await;
}

#[tokio::test]
async fn a_steady_stream_uses_one_connection() {
    let (address, inbox) = listen(ServerConfig::new("mx.example.org")).await;
    let mut line = line_to(address, Chunking::Never).await;
    let refused = envelope(&["rcpt-550-x@example.org"]);
    let good = envelope(&["ada@example.org"]);
    for number in 0..100 {
        let (this, next) = match number % 3 {
            0 => (&refused, &good),
            1 => (&good, &good),
            _ => (&good, &refused),
        };
        line.send(this, b"x\r\n", Some(next)).await;
    }
    assert_eq!((line.connects, inbox.messages().len()), (1, 66));
}

#[tokio::test]
async fn a_refusal_after_the_dot_is_one_and_the_next_message_goes_through() {
    let (address, inbox) = listen(ServerConfig::new("mx.example.org")).await;
    for chunking in [Chunking::Never, Chunking::WhenOffered] {
        let mut line = line_to(address, chunking).await;
        let (bad, good) = (
            envelope(&["final-554-x@example.org"]),
            envelope(&["a@example.org"]),
        );
        let refused = line.send(&bad, b"x\r\n", Some(&good)).await;
        assert_eq!(refused.verdict, Verdict::Refused);
        assert_eq!(refused.attempt.phase, Phase::Final);
        assert_eq!(refused.attempt.reply.unwrap().code, 554);
        assert!(
            refused
                .attempt
                .dialogue
                .unwrap()
                .contains("S: 554 as you wish")
        );
        let sent = line.send(&good, b"x\r\n", None).await;
        assert_eq!(
            (sent.verdict, sent.attempt.dialogue),
            (Verdict::Delivered, None)
        );
        assert_eq!(line.connects, 1);
    }
    assert_eq!(inbox.messages().len(), 2);
}

#[tokio::test]
async fn a_dead_connection_is_told_from_a_message_that_failed() {
    let (address, inbox) = listen(ServerConfig::new("mx.example.org")).await;
    let mut line = line_to(address, Chunking::Never).await;
    let dropped = envelope(&["final-drop-x@example.org"]);
    let good = envelope(&["a@example.org"]);
    line.send(&good, b"1\r\n", Some(&dropped)).await;
    let failed = line.send(&dropped, b"2\r\n", Some(&good)).await;
    assert_eq!(failed.verdict, Verdict::Failed);
    assert_eq!(failed.attempt.phase, Phase::Final);
    let connection = line.connection.as_mut().unwrap();
    assert!(!connection.is_usable());
    let again = connection.send(&good, b"3\r\n", None).await;
    assert_eq!(again.verdict, Verdict::NotStarted);
    assert_eq!(
        line.send(&good, b"3\r\n", None).await.verdict,
        Verdict::Delivered
    );
    assert_eq!(inbox.messages().len(), 2);
}

#[tokio::test]
async fn copies_may_be_refused_but_not_the_first() {
    let (address, inbox) = listen(ServerConfig::new("mx.example.org")).await;
    for chunking in [Chunking::Never, Chunking::WhenOffered] {
        let mut line = line_to(address, chunking).await;
        let copies = envelope(&["a@example.org", "rcpt-550-c@example.org", "d@example.org"]);
        let sent = line.send(&copies, b"x\r\n", None).await;
        assert_eq!(sent.verdict, Verdict::Delivered);
        let noted = ["rcpt-550-c@example.org: 550 as you wish".into()];
        assert_eq!(sent.attempt.refused_copies, noted);
        let first = envelope(&["rcpt-550-a@example.org", "copy@example.org"]);
        let sent = line.send(&first, b"x\r\n", None).await;
        assert_eq!(
            (sent.verdict, sent.attempt.phase),
            (Verdict::Refused, Phase::Recipient)
        );
    }
    let recipients: Vec<_> = inbox.messages().into_iter().map(|m| m.recipients).collect();
    assert_eq!(
        recipients,
        [
            ["a@example.org", "d@example.org"],
            ["a@example.org", "d@example.org"]
        ]
    );
}

#[tokio::test]
async fn large_messages_arrive_whole_either_way() {
    let (address, inbox) = listen(ServerConfig::new("mx.example.org")).await;
    let large = ".0123456789 a line of some length\r\n"
        .repeat(30_000)
        .into_bytes();
    for chunking in [Chunking::Never, Chunking::WhenOffered] {
        let mut line = line_to(address, chunking).await;
        let to = envelope(&["a@example.org"]);
        let sent = line.send(&to, &large, None).await;
        assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    }
    assert!(inbox.messages().iter().all(|taken| taken.message == large));
    assert_eq!(inbox.messages().len(), 2);
}
