//! Hostile and broken servers: whatever they do in whichever phase, the attempt ends by its deadline as a
//! classified result.

use std::time::Duration;

use model::{Attempt, Category, Phase};
use smtp::{Chunking, ClientConfig, Connector, Deadlines, Verdict};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::support::{MESSAGE, client_config, envelope};

const DEADLINE: Duration = Duration::from_millis(500);
const PHASES: [Phase; 6] = [
    Phase::Greeting,
    Phase::Hello,
    Phase::Mail,
    Phase::Recipient,
    Phase::Data,
    Phase::Final,
];

/// What a server does in place of its reply.
#[derive(Clone, Debug)]
enum Misdeed {
    /// Says this and waits.
    Say(Vec<u8>),
    /// Says this over and over.
    Flood(Vec<u8>),
    /// Says this over and over, a byte every 20 ms.
    Drip(&'static [u8]),
    /// Closes.
    Drop,
    /// Waits.
    Hang,
}

/// A server that is polite up to a phase.
async fn peer(stream: TcpStream, phase: Phase, misdeed: Misdeed) {
    let mut stream = BufReader::new(stream);
    let mut replies = vec![(Phase::Greeting, "220 polite\r\n")];
    loop {
        for (now, reply) in replies.drain(..) {
            if now == phase {
                return misbehave(stream.into_inner(), misdeed).await;
            }
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        replies.push(match &line[..4] {
            "EHLO" => (Phase::Hello, "250-polite\r\n250 PIPELINING\r\n"),
            "MAIL" => (Phase::Mail, "250 ok\r\n"),
            "RCPT" => (Phase::Recipient, "250 ok\r\n"),
            "DATA" => (Phase::Data, "354 go\r\n"),
            _ => continue,
        });
        if line.starts_with("DATA") && phase == Phase::Final {
            stream.write_all(b"354 go\r\n").await.unwrap();
            while line != ".\r\n" {
                line.clear();
                stream.read_line(&mut line).await.unwrap();
            }
            replies = vec![(Phase::Final, "")];
        }
    }
}

async fn misbehave(mut stream: TcpStream, misdeed: Misdeed) {
    match misdeed {
        Misdeed::Say(bytes) => {
            stream.write_all(&bytes).await.unwrap();
        }
        Misdeed::Flood(bytes) => while stream.write_all(&bytes).await.is_ok() {},
        Misdeed::Drip(bytes) => {
            for byte in bytes.iter().cycle() {
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        Misdeed::Drop => return,
        Misdeed::Hang => {}
    }
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// One attempt against such a server.
async fn attempt(phase: Phase, misdeed: Misdeed) -> (Attempt, Option<Verdict>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = ClientConfig {
        deadlines: Deadlines::all(DEADLINE),
        chunking: Chunking::Never,
        ..client_config(listener.local_addr().unwrap())
    };
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        peer(stream, phase, misdeed).await;
    });
    let result = match Connector::new(config).unwrap().connect().await {
        Err(error) => (*error.attempt, None),
        Ok(mut connection) => {
            let to = envelope(&["ada@example.org"]);
            let sent = connection.send(&to, MESSAGE, None).await;
            (sent.attempt, Some(sent.verdict))
        }
    };
    serving.abort();
    result
}

fn misdeeds() -> Vec<(Misdeed, Category)> {
    let say = |text: &str| Misdeed::Say(text.as_bytes().to_vec());
    vec![
        (Misdeed::Drop, Category::Connection),
        (Misdeed::Hang, Category::Timeout),
        (Misdeed::Drip(b"250-x\r\n"), Category::Timeout),
        (Misdeed::Drip(b"2"), Category::Timeout),
        (
            Misdeed::Flood(b"250-again\r\n".to_vec()),
            Category::Protocol,
        ),
        (Misdeed::Flood(vec![b'2'; 8192]), Category::Protocol),
        (Misdeed::Flood(vec![0; 8192]), Category::Protocol),
        (say("000 zero\r\n"), Category::Protocol),
        (say("199 low\r\n"), Category::Protocol),
        (say("999 high\r\n"), Category::Protocol),
        (say("2500 long\r\n"), Category::Protocol),
        (say("25\r\n"), Category::Protocol),
        (say("HTTP/1.1 400 Bad Request\r\n"), Category::Protocol),
        (say("250-one\r\n550 two\r\n"), Category::Protocol),
        (say("334 what\r\n"), Category::Protocol),
        (say("\r\n"), Category::Protocol),
    ]
}

#[tokio::test]
async fn every_misdeed_in_every_phase_ends_in_time_and_classified() {
    let mut running = tokio::task::JoinSet::new();
    for phase in PHASES {
        for (misdeed, category) in misdeeds() {
            running.spawn(async move {
                let started = Instant::now();
                let (attempt, verdict) = attempt(phase, misdeed.clone()).await;
                let about = format!("{misdeed:?} at {phase:?}: {verdict:?} {attempt:?}");
                assert!(started.elapsed() < DEADLINE * 10, "late: {about}");
                assert_eq!(attempt.category, Some(category), "{about}");
                assert_eq!(attempt.phase, phase, "{about}");
                let is_opening = matches!(phase, Phase::Greeting | Phase::Hello);
                let expected = (!is_opening).then_some(Verdict::Failed);
                assert_eq!(verdict, expected, "{about}");
                assert!(
                    attempt.dialogue.is_some() || phase == Phase::Greeting,
                    "{about}"
                );
            });
        }
    }
    let mut ended = 0;
    while let Some(done) = running.join_next().await {
        done.unwrap();
        ended += 1;
    }
    assert_eq!(ended, PHASES.len() * misdeeds().len());
}

#[tokio::test]
async fn hostile_text_in_a_refusal_is_shown_harmless() {
    for phase in PHASES {
        let text = b"550 5.7.1 \0nul \x1b[31mred \xff\xfe\x9b end\r\n".to_vec();
        let (attempt, verdict) = attempt(phase, Misdeed::Say(text)).await;
        let reply = attempt.reply.unwrap_or_else(|| panic!("{phase:?}"));
        assert_eq!(
            (reply.code, reply.enhanced.unwrap().to_string()),
            (550, "5.7.1".into())
        );
        assert!(reply.text.ends_with(" end"));
        let dialogue = attempt.dialogue.unwrap();
        let shown = reply.text.chars().chain(dialogue.chars());
        assert!(
            !shown.clone().any(|c| c.is_control() && c != '\n'),
            "{phase:?}"
        );
        assert!(
            matches!(verdict, None | Some(Verdict::Refused)),
            "{phase:?}"
        );
    }
}

#[tokio::test]
async fn a_reply_to_another_question_is_no_answer() {
    let cases = [
        (Phase::Greeting, "250 not a greeting\r\n"),
        (Phase::Mail, "354 go\r\n"),
        (Phase::Recipient, "354 go\r\n"),
        (Phase::Data, "250 taken already\r\n"),
        (Phase::Final, "354 more\r\n"),
        // One reply too many puts all later ones out of step.
        (Phase::Greeting, "220 hi\r\n250-early\r\n250 PIPELINING\r\n"),
        (Phase::Hello, "250 x\r\n250 early\r\n"),
        (Phase::Mail, "250 ok\r\n250 ok\r\n250 ok\r\n"),
        (Phase::Data, "354 go\r\n250 taken already\r\n"),
    ];
    for (phase, reply) in cases {
        let (attempt, verdict) = attempt(phase, Misdeed::Say(reply.into())).await;
        let about = format!("{reply:?} at {phase:?}: {verdict:?} {attempt:?}");
        assert_eq!(attempt.category, Some(Category::Protocol), "{about}");
        assert!(matches!(verdict, None | Some(Verdict::Failed)), "{about}");
    }
}

#[tokio::test]
async fn a_server_that_closes_with_421_is_quoted() {
    for phase in PHASES {
        let (attempt, verdict) = attempt(phase, Misdeed::Say(b"421 4.3.2 busy\r\n".into())).await;
        assert_eq!(attempt.reply.unwrap().code, 421, "{phase:?}");
        assert_eq!((attempt.phase, attempt.category), (phase, None));
        assert!(
            matches!(verdict, None | Some(Verdict::Refused)),
            "{phase:?}"
        );
    }
}

#[tokio::test]
async fn nobody_listening_and_no_such_host_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let connector = Connector::new(client_config(address)).unwrap();
    let error = connector.connect().await.unwrap_err();
    assert_eq!(error.attempt.phase, Phase::Connect);
    assert_eq!(error.attempt.category, Some(Category::Connection));
    assert!(!error.is_permanent());
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

/// A used connection that the server closed while it was idle costs no attempt.
#[tokio::test]
async fn an_idle_goodbye_is_noticed_before_the_next_message() {
    for goodbye in ["", "421 4.4.2 idle\r\n", "451 4.4.2 idle\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = client_config(listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 x\r\n").await.unwrap();
            // EHLO, MAIL, RCPT, DATA; then the message of four lines.
            for (lines, reply) in [
                (1, "250 x"),
                (1, "250 x"),
                (1, "250 x"),
                (1, "354 x"),
                (4, "250 x"),
            ] {
                for _ in 0..lines {
                    stream.read_line(&mut String::new()).await.unwrap();
                }
                stream
                    .write_all(format!("{reply}\r\n").as_bytes())
                    .await
                    .unwrap();
            }
            stream.write_all(goodbye.as_bytes()).await.unwrap();
        });
        let mut connection = Connector::new(config).unwrap().connect().await.unwrap();
        let to = envelope(&["ada@example.org"]);
        let first = connection.send(&to, MESSAGE, None).await;
        assert_eq!(first.verdict, Verdict::Delivered, "{first:?}");
        serving.await.unwrap();
        let second = connection.send(&to, MESSAGE, None).await;
        assert_eq!(
            second.verdict,
            Verdict::NotStarted,
            "{goodbye:?} {second:?}"
        );
        assert!(!connection.is_usable());
    }
}
