//! SMTP smuggling, inbound (CVE-2023-51764, -51765, -51766 and their kin): only CRLF "." CRLF ends a message,
//! however the bytes are cut into segments.

use proptest::prelude::*;
use smtp::server::{AuthPolicy, Progress, Session};
use smtp::wire::InputBuffer;
use smtp::{Action, Peer, Protection, ServerConfig};

const ENDS: [&str; 8] = [
    "\r\n", "\r", "\n", "\r\r\n", "\0\r\n", "\r\0\n", "\n\r", "\r\n\r",
];
const SMUGGLED: &str = "MAIL FROM:<evil@x.org>\r\nRCPT TO:<smuggled@x.org>\r\nDATA\r\nx\r\n.\r\n";

/// What a session did with a stream.
#[derive(Debug, Default)]
struct Seen {
    messages: Vec<Vec<u8>>,
    recipients: Vec<String>,
    closed: bool,
}

fn feed(session: &mut Session<'_>, input: &mut InputBuffer, piece: &[u8], seen: &mut Seen) {
    input.space()[..piece.len()].copy_from_slice(piece);
    input.filled(piece.len());
    let mut out = Vec::new();
    loop {
        match session.advance(input, &mut out) {
            Progress::Continue => {}
            Progress::NeedsInput => return,
            Progress::Closed => {
                seen.closed = true;
                return;
            }
            Progress::Ask(event) => {
                match &event {
                    smtp::server::Event::Message => seen.messages.push(session.message().to_vec()),
                    smtp::server::Event::Recipient(r) => seen.recipients.push(r.to_string()),
                    _ => {}
                }
                session.answer(event, Action::Accept, &mut out);
            }
        }
    }
}

fn play(stream: &[u8], cut: usize, protection: Protection) -> Seen {
    let mut config = ServerConfig::new("mx.example.org");
    config.auth = AuthPolicy::Offered;
    let mut session = Session::new(&config, Peer::Remote, protection);
    let mut input = InputBuffer::new(65_536, 65_536);
    let mut seen = Seen::default();
    for piece in [&stream[..cut], &stream[cut..]] {
        if !seen.closed {
            feed(&mut session, &mut input, piece, &mut seen);
        }
    }
    seen
}

#[test]
fn no_other_end_of_data_lets_a_second_message_in() {
    let mut cases = 0;
    for protection in [Protection::Clear, Protection::Tls] {
        for before in ENDS {
            for after in ENDS {
                cases += check_end(before, after, protection);
            }
        }
    }
    assert!(cases >= 2000, "{cases}");
}

fn check_end(before: &str, after: &str, protection: Protection) -> usize {
    let opening = "EHLO x\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n";
    let stream = format!("{opening}hello{before}.{after}{SMUGGLED}.\r\nQUIT\r\n");
    // The one true end; a NUL before it is a byte of the message like any other.
    let truly_ends = before.ends_with("\r\n") && before != "\r\r\n" && after == "\r\n";
    for cut in opening.len()..=stream.len() {
        let seen = play(stream.as_bytes(), cut, protection);
        let smuggled = seen.recipients.iter().any(|r| r.starts_with("smuggled"));
        assert_eq!(
            smuggled, truly_ends,
            "{before:?}.{after:?} cut at {cut}: {seen:?}"
        );
        if !truly_ends {
            assert!(
                seen.messages.len() <= 1,
                "{before:?}.{after:?} cut at {cut}"
            );
        }
    }
    stream.len() - opening.len() + 1
}

#[test]
fn bare_line_breaks_in_commands_close_the_session() {
    for bare in ["\n", "\r", "\r\r\n", "\n\r\n", "\r\0\n"] {
        let stream = format!("EHLO x\r\nMAIL FROM:<a@x.org>{bare}RCPT TO:<b@x.org>\r\nNOOP\r\n");
        for cut in 0..=stream.len() {
            let seen = play(stream.as_bytes(), cut, Protection::Clear);
            assert!(
                seen.closed && seen.recipients.is_empty(),
                "{bare:?} cut at {cut}"
            );
        }
    }
}

/// Anything a client may say, in and out of place.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let lines = [
        "EHLO x\r\n",
        "MAIL FROM:<a@x.org> SIZE=9 BODY=8BITMIME\r\n",
        "RCPT TO:<b@x.org>\r\n",
        "DATA\r\n",
        "hello\r\n",
        ".\r\n",
        "BDAT 7\r\n",
        "BDAT 7 LAST\r\n",
        "BDAT 0 LAST\r\n",
        "RSET\r\n",
        "AUTH PLAIN\r\n",
        "AUTH LOGIN YWRh\r\n",
        "AGFkYQBz\r\n",
        "*\r\n",
        "STARTTLS\r\n",
        "QUIT\r\n",
        "\0",
        "MAIL FROM:<",
        "\"\\",
        "> ",
        "\u{e9}",
        "\r\n",
    ];
    prop::collection::vec(prop::sample::select(lines.to_vec()), 0..60)
        .prop_map(|lines| lines.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_conversation_means_the_same_however_it_is_cut(
        stream in conversation(),
        cut in 0..2000_usize,
    ) {
        let whole = play(&stream, 0, Protection::Tls);
        let cut = play(&stream, cut % (stream.len() + 1), Protection::Tls);
        prop_assert_eq!(whole.messages, cut.messages);
        prop_assert_eq!(whole.recipients, cut.recipients);
        prop_assert_eq!(whole.closed, cut.closed);
    }
}

#[test]
fn the_bytes_of_a_refused_chunk_are_never_commands() {
    let evil = "MAIL FROM:<evil@x.org>\r\nRCPT TO:<smuggled@x.org>\r\n";
    let stream = format!("EHLO x\r\nBDAT {} LAST\r\n{evil}NOOP\r\n", evil.len());
    for cut in 0..=stream.len() {
        let seen = play(stream.as_bytes(), cut, Protection::Clear);
        assert!(seen.recipients.is_empty(), "cut at {cut}");
    }
}
