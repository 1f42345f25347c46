//! A server that says exactly what a test wants.

use std::time::Duration;

use intake::bounce::mailbox::{Deadlines, Security, Settings, Trust, Trusted};
use model::Secret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What the server does after a line of the client.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Says this; `TAG` stands for the tag of the client's line.
    Say(Vec<u8>),
    /// Says nothing more.
    Hang,
    /// Says this again and again.
    Repeat(Vec<u8>),
    /// Closes the connection.
    Die,
}

/// Answers a line of the client.
pub type Script = fn(&str) -> Deed;

/// How many lines of the clients are remembered.
const LINES_MAX: usize = 10_000;

/// A listening server that serves one connection after the other.
pub struct Scripted {
    port: u16,
    heard: mpsc::Receiver<String>,
}

pub fn say(text: impl AsRef<[u8]>) -> Deed {
    Deed::Say(text.as_ref().to_vec())
}

/// What any server says on the way to an open folder with two messages.
pub fn usual(line: &str) -> Deed {
    let commands: [(&str, &str); 6] = [
        ("GREETING", "* OK ready\r\n"),
        (
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nTAG OK\r\n",
        ),
        ("AUTHENTICATE", "TAG OK\r\n"),
        (
            "EXAMINE",
            "* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 3] x\r\nTAG OK [READ-ONLY]\r\n",
        ),
        ("UID SEARCH", "* SEARCH 2 1\r\nTAG OK\r\n"),
        ("LOGOUT", "* BYE\r\nTAG OK\r\n"),
    ];
    let answer = commands
        .iter()
        .find(|(command, _)| command_of(line).starts_with(command));
    match answer {
        Some((_, answer)) => say(answer),
        None => fetched(line, &super::mailbox::bounce(7)),
    }
}

/// The answer to a FETCH.
pub fn fetched(line: &str, message: &[u8]) -> Deed {
    let uid = command_of(line).split(' ').nth(2).unwrap().to_owned();
    let mut answer =
        format!("* 1 FETCH (UID {uid} BODY[]<0> {{{}}}\r\n", message.len()).into_bytes();
    answer.extend_from_slice(message);
    answer.extend_from_slice(b")\r\nTAG OK\r\n");
    Deed::Say(answer)
}

/// A client's line without its tag.
pub fn command_of(line: &str) -> &str {
    line.split_once(' ').map_or(line, |(_, command)| command)
}

impl Scripted {
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (said, heard) = mpsc::channel(LINES_MAX);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(BufReader::new(stream), script, &said).await;
            }
        });
        Self { port, heard }
    }

    /// How it is reached, with little patience.
    pub fn settings(&self) -> Settings {
        let second = Duration::from_secs(1);
        Settings {
            host: "127.0.0.1".into(),
            port: self.port,
            security: Security::Plain,
            trust: Trusted::prepare(&Trust::Platform).unwrap(),
            user: "ada".into(),
            password: Secret::new("secret-1"),
            folder: "INBOX".into(),
            deadlines: Deadlines {
                connect: second,
                tls: second,
                reply: second,
            },
        }
    }

    /// What the clients said until now.
    pub fn heard(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }
}

async fn serve(
    mut stream: BufReader<tokio::net::TcpStream>,
    script: Script,
    said: &mpsc::Sender<String>,
) {
    let mut line = "TAG GREETING".to_owned();
    loop {
        match script(&line) {
            Deed::Say(answer) => {
                let tag = line.split(' ').next().unwrap_or_default();
                let text = replace(&answer, tag);
                if stream.write_all(&text).await.is_err() {
                    return;
                }
            }
            // Until the client has enough of it.
            Deed::Repeat(answer) => while stream.write_all(&answer).await.is_ok() {},
            Deed::Hang => {}
            Deed::Die => return,
        }
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        line.truncate(line.trim_end().len());
        // Not every test wants to know.
        let _ = said.send(line.clone()).await;
    }
}

/// The answer with the client's tag.
fn replace(answer: &[u8], tag: &str) -> Vec<u8> {
    let Some(place) = answer.windows(4).rposition(|window| window == b"TAG ") else {
        return answer.to_vec();
    };
    [&answer[..place], tag.as_bytes(), &answer[place + 3..]].concat()
}
