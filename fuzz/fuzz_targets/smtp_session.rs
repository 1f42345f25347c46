//! The server against any client: its replies are ones that our client can read, the same however the input is
//! cut, and no bound is passed.
#![no_main]

use glasspost_fuzz::split_size;
use libfuzzer_sys::fuzz_target;
use smtp::security::{Peer, Protection};
use smtp::server::{AuthPolicy, Event, Progress, Session};
use smtp::wire::{InputBuffer, ReplyReader};
use smtp::{Action, ServerConfig};

const MESSAGE_BYTES_MAX: usize = 300;
const RECIPIENTS_MAX: usize = 3;
const INPUT_BYTES_MAX: usize = 8 * 1024;

/// What a conversation left behind.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    replies: Vec<u8>,
    /// Each message that was taken: its recipients and its bytes.
    messages: Vec<(Vec<String>, Vec<u8>)>,
    /// Where the server stopped listening.
    closed: bool,
}

fn config() -> ServerConfig {
    ServerConfig {
        auth: AuthPolicy::Offered,
        message_bytes_max: MESSAGE_BYTES_MAX,
        recipients_max: RECIPIENTS_MAX,
        ..ServerConfig::new("mx.example.org")
    }
}

/// Refuses what begins with `no`, and closes on what begins with `drop`.
fn decide(event: &Event) -> Action {
    let name = match event {
        Event::Mail(Some(address)) | Event::Recipient(address) => address.local_part(),
        Event::Authenticate(user, _) => user,
        Event::Mail(None) | Event::Data | Event::Message | Event::StartTls => "",
    };
    match name {
        _ if name.starts_with("no") => Action::reply(550, "not here\nnor there"),
        _ if name.starts_with("drop") => Action::Drop,
        _ => Action::Accept,
    }
}

fn note(heard: &mut Heard, session: &Session<'_>) {
    let envelope = session.envelope().expect("a message without an envelope");
    assert!((1..=RECIPIENTS_MAX).contains(&envelope.recipients.len()));
    assert!(session.message().len() <= MESSAGE_BYTES_MAX);
    let recipients = envelope
        .recipients
        .iter()
        .map(|address| address.to_string())
        .collect();
    heard
        .messages
        .push((recipients, session.message().to_vec()));
}

fn converse(config: &ServerConfig, mut bytes: &[u8], piece: usize) -> Heard {
    let mut heard = Heard::default();
    let mut session = Session::new(config, Peer::Loopback, Protection::Clear);
    let mut input = InputBuffer::new(1024, INPUT_BYTES_MAX);
    session.greet(Action::Accept, &mut heard.replies);
    loop {
        match session.advance(&mut input, &mut heard.replies) {
            Progress::Continue => {}
            Progress::Closed => {
                heard.closed = true;
                return heard;
            }
            Progress::Ask(event) => {
                if matches!(event, Event::Message) {
                    note(&mut heard, &session);
                }
                let action = decide(&event);
                session.answer(event, action, &mut heard.replies);
            }
            Progress::NeedsInput if bytes.is_empty() => return heard,
            Progress::NeedsInput => {
                let space = input.space();
                assert!(!space.is_empty(), "a full buffer that nobody reads");
                let count = space.len().min(piece).min(bytes.len());
                space[..count].copy_from_slice(&bytes[..count]);
                input.filled(count);
                bytes = &bytes[count..];
            }
        }
    }
}

/// Reads the replies as our client would.
fn check_replies(mut wire: &[u8]) {
    let mut reader = ReplyReader::default();
    while !wire.is_empty() {
        let space = reader.space();
        let count = space.len().min(wire.len());
        space[..count].copy_from_slice(&wire[..count]);
        reader.filled(count);
        wire = &wire[count..];
        while let Some(reply) = reader.take().expect("a reply that is none") {
            assert!(reply.as_bytes().ends_with(b"\r\n"));
        }
    }
    assert!(reader.is_empty(), "a reply was left unfinished");
}

fuzz_target!(|input: &[u8]| {
    let Some((piece, bytes)) = split_size(input) else {
        return;
    };
    let config = config();
    let whole = converse(&config, bytes, INPUT_BYTES_MAX);
    check_replies(&whole.replies);
    assert_eq!(
        whole,
        converse(&config, bytes, piece),
        "in pieces of {piece}"
    );
});
