//! Plays the dialogues in `tests/dialogues`, each against the role it is for.
//!
//! `C: ` and `S: ` lines are what the client and the server say. Lines that begin with `> ` set the scene:
//! - `role client|server|both`: who is under test
//! - `auth MECHANISM|auto`, `clear-text allow`, `peer remote`, `chunking never`: the client's configuration
//! - `without EXTENSION`, `auth-required`, `message-bytes-max N`: the server's configuration
//! - `send SENDER RECIPIENT…[ | SENDER RECIPIENT…]`: a message is sent, with the next one's envelope behind `|`
//! - `result VERDICT PHASE CODE|-`: what became of it, in order
//! - `connect-error CATEGORY permanent|transient`: what became of the connection

use std::path::Path;

use model::{Address, Envelope, Secret};
use smtp::server::{AuthPolicy, Extension};
use smtp::{
    Chunking, ClearTextAuth, ClientConfig, Connection, Connector, Credentials, Mechanism, Peer,
    ServerConfig, serve,
};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, duplex,
};

use crate::support::{MESSAGE, Recorder, client_config};

/// One file, taken apart.
struct Scene {
    name: String,
    settings: Vec<Vec<String>>,
    /// Speaker and line.
    lines: Vec<(char, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

impl Scene {
    fn parse(name: &str, text: &str) -> Self {
        let mut scene = Self {
            name: name.to_owned(),
            settings: Vec::new(),
            lines: Vec::new(),
        };
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
            match mark {
                ">" => scene
                    .settings
                    .push(rest.split(' ').map(str::to_owned).collect()),
                "C:" => scene.lines.push(('C', rest.to_owned())),
                "S:" => scene.lines.push(('S', rest.to_owned())),
                _ => panic!("{name}: what is {line:?}?"),
            }
        }
        scene
    }

    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a [String]> {
        let matching = self.settings.iter().filter(move |words| words[0] == key);
        matching.map(|words| &words[1..])
    }

    fn word<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all(key).next().map(|words| words[0].as_str())
    }

    fn roles(&self) -> Vec<Role> {
        match self.word("role") {
            Some("client") => vec![Role::Client],
            Some("server") => vec![Role::Server],
            Some("both") => vec![Role::Client, Role::Server],
            other => panic!("{}: role {other:?}", self.name),
        }
    }

    /// Plays the other side: says its lines, and insists on those of the role under test.
    async fn play_against(&self, role: Role, stream: DuplexStream) {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut reader = BufReader::new(reader);
        let under_test = if role == Role::Client { 'C' } else { 'S' };
        let mut pending = String::new();
        for (number, (speaker, line)) in self.lines.iter().enumerate() {
            if *speaker != under_test {
                pending.push_str(line);
                pending.push_str("\r\n");
                continue;
            }
            say(&mut writer, &mut pending).await;
            let mut heard = String::new();
            reader.read_line(&mut heard).await.unwrap();
            let expected = format!("{line}\r\n");
            assert_eq!(heard, expected, "{} line {}", self.name, number + 1);
        }
        say(&mut writer, &mut pending).await;
        writer.shutdown().await.unwrap();
        let mut rest = String::new();
        reader.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "", "{}: said more than its lines", self.name);
    }

    fn client_config(&self) -> ClientConfig {
        let mut config = client_config("127.0.0.1:25".parse().unwrap());
        config.hello_name = "client.example.org".into();
        if self.word("chunking") == Some("never") {
            config.chunking = Chunking::Never;
        }
        if self.word("clear-text") == Some("allow") {
            config.clear_text_auth = ClearTextAuth::Allow;
        }
        config.credentials = self.word("auth").map(|mechanism| Credentials {
            username: "ada".into(),
            password: Secret::new("s3cret-pass"),
            mechanism: match mechanism {
                "auto" => None,
                "plain" => Some(Mechanism::Plain),
                "login" => Some(Mechanism::Login),
                "cram-md5" => Some(Mechanism::CramMd5),
                "xoauth2" => Some(Mechanism::Xoauth2),
                other => panic!("{}: auth {other}", self.name),
            },
        });
        config
    }

    async fn run_client(&self, stream: DuplexStream) {
        let peer = match self.word("peer") {
            Some("remote") => Peer::Remote,
            _ => Peer::Loopback,
        };
        let connector = Connector::new(self.client_config()).unwrap();
        let expected = self
            .all("connect-error")
            .next()
            .map(|words| words.join(" "));
        match connector.open(stream, peer).await {
            Ok(connection) => {
                assert_eq!(expected, None, "{}", self.name);
                self.send_all(connection).await;
            }
            Err(error) => {
                let persistence = if error.is_permanent() {
                    "permanent"
                } else {
                    "transient"
                };
                let category = error.attempt.category.map_or("-", |c| c.as_str());
                let found = format!("{category} {persistence}");
                assert_eq!(Some(found), expected, "{}: {error}", self.name);
                let shown = format!("{error:?}");
                assert!(!shown.contains("s3cret"), "{shown}");
            }
        }
    }

    async fn send_all(&self, mut connection: Connection<DuplexStream>) {
        let mut results = self.all("result");
        for send in self.all("send") {
            let mut envelopes = send.split(|word| word == "|").map(envelope_of);
            let (this, next) = (envelopes.next().unwrap(), envelopes.next());
            let sent = connection.send(&this, MESSAGE, next.as_ref()).await;
            let code = sent
                .attempt
                .reply
                .as_ref()
                .map_or("-".into(), |r| r.code.to_string());
            let found = format!("{:?} {:?} {code}", sent.verdict, sent.attempt.phase);
            let expected = results.next().expect("a result for each send").join(" ");
            assert_eq!(found.to_lowercase(), expected, "{}: {sent:?}", self.name);
        }
        assert_eq!(results.next(), None, "{}: results without sends", self.name);
        connection.quit().await;
    }

    async fn run_server(&self, stream: DuplexStream) {
        let mut config = ServerConfig::new("mx.example.org");
        for extension in self.all("without") {
            config.extensions = config.extensions.without(match extension[0].as_str() {
                "PIPELINING" => Extension::Pipelining,
                "CHUNKING" => Extension::Chunking,
                "SIZE" => Extension::Size,
                "8BITMIME" => Extension::EightBitMime,
                "SMTPUTF8" => Extension::Smtputf8,
                "ENHANCEDSTATUSCODES" => Extension::EnhancedStatusCodes,
                other => panic!("{}: without {other}", self.name),
            });
        }
        if self.all("auth-required").next().is_some() {
            config.auth = AuthPolicy::Required;
        }
        if let Some(max) = self.word("message-bytes-max") {
            config.message_bytes_max = max.parse().unwrap();
        }
        let shutdown = std::future::pending();
        let mut handler = Recorder::default();
        serve(stream, Peer::Loopback, &config, &mut handler, shutdown)
            .await
            .unwrap();
    }
}

async fn say(writer: &mut (impl AsyncWrite + Unpin), pending: &mut String) {
    writer.write_all(pending.as_bytes()).await.unwrap();
    pending.clear();
}

fn envelope_of(words: &[String]) -> Envelope {
    let address = |word: &String| Address::parse(word).unwrap();
    let words: Vec<&String> = words.iter().filter(|word| !word.is_empty()).collect();
    Envelope {
        sender: (words[0] != "<>").then(|| address(words[0])),
        recipients: words[1..].iter().map(|word| address(word)).collect(),
    }
}

#[tokio::test]
async fn every_dialogue_is_spoken_to_the_letter() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let scene = Scene::parse(&name, &std::fs::read_to_string(&path).unwrap());
        for role in scene.roles() {
            let (here, there) = duplex(1 << 20);
            let other_side = scene.play_against(role, there);
            match role {
                Role::Client => tokio::join!(other_side, scene.run_client(here)),
                Role::Server => tokio::join!(other_side, scene.run_server(here)),
            };
            played += 1;
        }
    }
    assert!(played >= 30, "{played} dialogues");
}
