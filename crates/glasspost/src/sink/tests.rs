//! Whole sessions with a sink: every action at every point, and what is counted of it.

use std::time::Instant;

use smtp::server::{AuthPolicy, Extension, ServerConfig};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinHandle;

use super::counts::Snapshot;
use super::*;

/// A running sink and what it needs to end.
struct Running {
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(rules: &[&str]) -> Self {
        Self::with(rules, |_| {}).await
    }

    async fn with(rules: &[&str], change: impl FnOnce(&mut Settings)) -> Self {
        let rules = rules.iter().map(|line| rule_text::parse(line).unwrap());
        let mut settings = Settings {
            server: ServerConfig::new("sink.test"),
            rules: Rules::new(rules.collect()),
            login: None,
            keeping: Keeping::default(),
            count_every: None,
        };
        change(&mut settings);
        let stop = CancellationToken::new();
        let free_port = "127.0.0.1:0".parse().unwrap();
        let sink = Sink::bind(free_port, settings, stop.clone()).await.unwrap();
        Self {
            address: sink.address().unwrap(),
            counts: sink.counts(),
            task: tokio::spawn(sink.run()),
            stop,
        }
    }

    async fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        Client(BufReader::new(stream))
    }

    /// Ends it; gives its counts.
    async fn stop(self) -> Snapshot {
        self.stop.cancel();
        self.task.await.unwrap();
        self.counts.snapshot()
    }
}

/// One connection that speaks line by line.
struct Client(BufReader<TcpStream>);

impl Client {
    /// The last line of the next reply; nothing when the connection is closed.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    async fn say(&mut self, text: &str) -> String {
        self.0
            .write_all(format!("{text}\r\n").as_bytes())
            .await
            .unwrap();
        self.reply().await
    }

    /// Greets and begins a message.
    async fn begin(&mut self) {
        assert!(self.reply().await.starts_with("220"));
        assert!(self.say("EHLO me.test").await.starts_with("250"));
        self.mail().await;
    }

    async fn mail(&mut self) {
        assert!(self.say("MAIL FROM:<from@x.org>").await.starts_with("250"));
    }

    async fn send(&mut self, recipient: &str) -> String {
        let reply = self.say(&format!("RCPT TO:<{recipient}>")).await;
        if !reply.starts_with("250") {
            return reply;
        }
        let reply = self.say("DATA").await;
        if !reply.starts_with("354") {
            return reply;
        }
        self.say("Subject: Hi\r\n\r\nHello\r\n.").await
    }
}

#[tokio::test]
async fn without_rules_everything_is_accepted() {
    let sink = Running::start(&[]).await;
    let mut client = sink.client().await;
    client.begin().await;
    assert!(client.send("a@x.org").await.starts_with("250"));
    client.mail().await;
    client.say("RCPT TO:<b@x.org>").await;
    assert!(client.send("c@x.org").await.starts_with("250"));
    let counts = sink.stop().await;
    assert_eq!(
        (counts.accepted_messages, counts.accepted_recipients),
        (2, 3)
    );
    assert_eq!(
        (counts.connections, counts.refused, counts.deferred),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn replies_come_at_the_point_that_the_rule_names() {
    let rules = [
        "rcpt@x.org: refuse 550 5.1.1 \"no such user\"",
        "data@x.org: defer 451 \"busy\" at data",
        "end@x.org: refuse-after-data",
        "grey@x.org: defer times 1",
    ];
    let sink = Running::start(&rules).await;
    let mut client = sink.client().await;
    client.begin().await;
    assert_eq!(client.send("rcpt@x.org").await, "550 5.1.1 no such user");
    client.say("RSET").await;
    client.mail().await;
    assert_eq!(client.send("data@x.org").await, "451 busy");
    client.say("RSET").await;
    client.mail().await;
    assert_eq!(
        client.send("end@x.org").await,
        "554 5.6.0 the content was refused"
    );
    client.mail().await;
    assert!(client.send("grey@x.org").await.starts_with("451"));
    client.say("RSET").await;
    client.mail().await;
    assert!(client.send("grey@x.org").await.starts_with("250"));
    let counts = sink.stop().await;
    assert_eq!(
        (counts.refused, counts.deferred, counts.accepted_messages),
        (2, 2, 1)
    );
}

#[tokio::test]
async fn rules_for_data_hold_for_chunks_too() {
    let sink = Running::start(&["*: defer at data"]).await;
    let mut client = sink.client().await;
    client.begin().await;
    client.say("RCPT TO:<a@x.org>").await;
    let reply = client.say("BDAT 15 LAST\r\nSubject: Hi\r\n\r\n").await;
    assert!(reply.starts_with("451"), "{reply}");
    assert_eq!(sink.stop().await.accepted_messages, 0);
}

#[tokio::test]
async fn a_rule_of_one_message_does_not_touch_the_next() {
    let sink = Running::start(&["end@x.org: refuse at end"]).await;
    let mut client = sink.client().await;
    client.begin().await;
    client.say("RCPT TO:<end@x.org>").await;
    client.say("RSET").await;
    client.mail().await;
    assert!(client.send("a@x.org").await.starts_with("250"));
    sink.stop().await;
}

#[tokio::test]
async fn connections_are_dropped_and_answered_with_garbage() {
    let rules = [
        "drop@x.org: drop at end",
        "garbage@x.org: garbage",
        "*: drop at connect times 1",
    ];
    let sink = Running::start(&rules).await;
    assert_eq!(
        sink.client().await.reply().await,
        "",
        "the first connection is dropped"
    );
    let mut client = sink.client().await;
    client.begin().await;
    let garbage = client.say("RCPT TO:<garbage@x.org>").await;
    assert!(
        garbage.starts_with("0 ") && garbage.contains("HTTP"),
        "{garbage}"
    );
    assert_eq!(client.send("drop@x.org").await, "");
    let counts = sink.stop().await;
    assert_eq!(
        (counts.dropped, counts.garbage, counts.accepted_messages),
        (2, 1, 0)
    );
}

#[tokio::test]
async fn a_stall_delays_and_ends_with_the_sink() {
    let sink = Running::start(&["short@x.org: stall 30ms", "long@x.org: stall 1h"]).await;
    let mut client = sink.client().await;
    client.begin().await;
    let started = Instant::now();
    assert!(client.send("short@x.org").await.starts_with("250"));
    assert!(started.elapsed() >= Duration::from_millis(30));
    client.mail().await;
    let stalled = tokio::spawn(async move { client.say("RCPT TO:<long@x.org>").await });
    while sink.counts.snapshot().stalled < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(sink.stop().await.stalled, 2);
    assert_eq!(stalled.await.unwrap(), "");
}

#[tokio::test]
async fn a_login_can_be_asked_for() {
    let sink = Running::with(&[], |settings| {
        settings.server.auth = AuthPolicy::Required;
        settings.server.extensions = settings.server.extensions.without(Extension::Chunking);
        settings.login = Some(Login {
            user: "ada".to_owned(),
            password: Secret::new("secret"),
        });
    });
    let sink = sink.await;
    let mut client = sink.client().await;
    client.reply().await;
    client.say("EHLO me.test").await;
    assert!(
        client
            .say("MAIL FROM:<from@x.org>")
            .await
            .starts_with("530")
    );
    // "\0ada\0wrong" and "\0ada\0secret".
    assert!(
        client
            .say("AUTH PLAIN AGFkYQB3cm9uZw==")
            .await
            .starts_with("535")
    );
    assert!(
        client
            .say("AUTH PLAIN AGFkYQBzZWNyZXQ=")
            .await
            .starts_with("235")
    );
    client.mail().await;
    assert!(client.send("a@x.org").await.starts_with("250"));
    sink.stop().await;
}

#[tokio::test]
async fn a_message_is_recorded_before_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.jsonl");
    let keeping = Keeping::open(Some(&record), None).unwrap();
    let sink = Running::with(&[], |settings| settings.keeping = keeping).await;
    let mut client = sink.client().await;
    client.begin().await;
    for count in 1..=3 {
        assert!(client.send("a@x.org").await.starts_with("250"));
        let lines = std::fs::read_to_string(&record).unwrap();
        assert_eq!(lines.lines().count(), count);
        client.mail().await;
    }
    sink.stop().await;
}

#[tokio::test]
async fn a_made_certificate_serves_a_client_that_believes_it() {
    use smtp::client::{ClientConfig, Connector, TlsMode, Trust};
    let (server, pem) = tls::self_signed().unwrap();
    let sink = Running::with(&[], |settings| {
        settings.server.tls = smtp::server::ServerTls::StartTls(server);
    });
    let sink = sink.await;
    let mut config = ClientConfig::new("127.0.0.1", sink.address.port());
    config.tls = TlsMode::Required;
    let stranger = Connector::new(config.clone()).unwrap();
    assert!(stranger.connect().await.is_err());
    config.trust = Trust::PlatformAnd(pem.into_bytes().into());
    let believer = Connector::new(config).unwrap();
    assert!(believer.connect().await.is_ok());
    sink.stop().await;
}
