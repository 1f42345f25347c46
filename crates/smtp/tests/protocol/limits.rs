//! What a message must be to go out at all, and how many system calls it costs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use model::{Address, Category, Envelope};
use smtp::server::{Extension, Extensions};
use smtp::{
    Action, Chunking, Connection, Connector, Dialogue, Handler, Peer, ServerConfig, Transport,
    Verdict, serve,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use crate::support::{MESSAGE, Recorder, client_config, envelope, listen};

async fn connection(config: ServerConfig) -> Connection {
    let (address, _) = listen(config).await;
    Connector::new(client_config(address))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

#[tokio::test]
async fn what_the_server_cannot_take_is_not_sent_and_harms_nobody() {
    let mut config = ServerConfig::new("mx.example.org");
    config.message_bytes_max = 1000;
    config.extensions = Extensions::ALL
        .without(Extension::Smtputf8)
        .without(Extension::EightBitMime);
    let mut connection = connection(config).await;
    let plain = envelope(&["ada@example.org"]);
    let foreign = envelope(&["jörg@example.org"]);
    let large = b"x\r\n".repeat(400);
    let cases: [(&_, &[u8], Category); 6] = [
        (&plain, &large, Category::TooLarge),
        (&plain, b"a\nb\r\n", Category::Protocol),
        (&plain, b"a\r\n.\rb\r\n", Category::Protocol),
        (&plain, b"a\r\n.\n", Category::Protocol),
        (&plain, "é\r\n".as_bytes(), Category::Protocol),
        (&foreign, b"x\r\n", Category::Protocol),
    ];
    for (envelope, message, category) in cases {
        let sent = connection.send(envelope, message, Some(&plain)).await;
        assert_eq!(sent.verdict, Verdict::Unsendable, "{sent:?}");
        assert_eq!(sent.attempt.category, Some(category));
        assert!(sent.attempt.error.is_some());
        let sent = connection.send(&plain, MESSAGE, Some(&plain)).await;
        assert_eq!(sent.verdict, Verdict::Delivered, "{sent:?}");
    }
}

/// Bare line breaks of every kind, put on no wire: the outbound side of SMTP smuggling.
#[tokio::test]
async fn smuggling_outbound_no_bare_line_break_leaves() {
    let (address, inbox) = listen(ServerConfig::new("mx.example.org")).await;
    for chunking in [Chunking::Never, Chunking::WhenOffered] {
        let mut config = client_config(address);
        config.chunking = chunking;
        let mut connection = Connector::new(config).unwrap().connect().await.unwrap();
        for before in ["\n", "\r", "\r\r\n", "\n\r", "\r\n\r"] {
            for after in ["\n", "\r", "\r\r\n", "\r\n"] {
                let body = format!("x{before}.{after}MAIL FROM:<evil@example.org>\r\n");
                let to = envelope(&["ada@example.org"]);
                let sent = connection.send(&to, body.as_bytes(), None).await;
                assert_eq!(sent.verdict, Verdict::Unsendable, "{body:?}");
            }
        }
    }
    assert!(inbox.messages().is_empty());
}

/// Counts the reads that brought bytes and the writes that took some.
struct Counted {
    stream: TcpStream,
    reads: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.reads
            .fetch_add(usize::from(polled.is_ready()), Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.writes
            .fetch_add(usize::from(polled.is_ready()), Ordering::Relaxed);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Transport for Counted {}

#[tokio::test]
async fn a_message_costs_one_write_and_one_read() {
    const MESSAGES: usize = 100;
    for chunking in [Chunking::Never, Chunking::WhenOffered] {
        let (address, inbox) = listen(ServerConfig::new("mx.example.org")).await;
        let mut config = client_config(address);
        config.chunking = chunking;
        let (reads, writes) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let counted = Counted {
            stream: TcpStream::connect(address).await.unwrap(),
            reads: Arc::clone(&reads),
            writes: Arc::clone(&writes),
        };
        let connector = Connector::new(config).unwrap();
        let mut connection = connector.open(counted, Peer::Loopback).await.unwrap();
        let to = envelope(&["ada@example.org"]);
        connection.send(&to, MESSAGE, Some(&to)).await;
        let before = (
            reads.load(Ordering::Relaxed),
            writes.load(Ordering::Relaxed),
        );
        for _ in 0..MESSAGES {
            connection.send(&to, MESSAGE, Some(&to)).await;
        }
        let (reads, writes) = (
            reads.load(Ordering::Relaxed),
            writes.load(Ordering::Relaxed),
        );
        assert_eq!(writes - before.1, MESSAGES, "writes, {chunking:?}");
        assert!(
            reads - before.0 <= MESSAGES + 2,
            "{} reads, {chunking:?}",
            reads - before.0
        );
        assert_eq!(inbox.messages().len(), MESSAGES + 1);
    }
}

/// Plays lines against our server and gives all it said.
async fn said(config: ServerConfig, bytes: &[u8]) -> String {
    let (mut client, server) = tokio::io::duplex(1 << 20);
    let serving = tokio::spawn(async move {
        let mut handler = Recorder::default();
        let shutdown = std::future::pending();
        let _ = serve(server, Peer::Loopback, &config, &mut handler, shutdown).await;
    });
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    serving.await.unwrap();
    said
}

#[tokio::test]
async fn an_oversize_message_is_read_to_its_true_end() {
    let mut config = ServerConfig::new("mx.example.org");
    config.message_bytes_max = 100;
    let body = "line\r\n".repeat(100);
    let envelope = "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n";
    let script = format!(
        "EHLO x\r\n{envelope}DATA\r\n{body}.\r\n{envelope}BDAT {} LAST\r\n{body}{envelope}\
         DATA\r\nsmall\r\n.\r\nQUIT\r\n",
        body.len()
    );
    let said = said(config, script.as_bytes()).await;
    assert_eq!(said.matches("552 5.3.4").count(), 2, "{said}");
    assert_eq!(said.matches("250 2.0.0 message accepted").count(), 1);
    assert!(said.ends_with("221 2.0.0 bye\r\n"));
}

#[tokio::test]
async fn too_many_errors_and_too_long_lines_end_the_session() {
    let nonsense = "NONSENSE\r\n".repeat(50);
    let answer = said(ServerConfig::new("x"), nonsense.as_bytes()).await;
    assert_eq!(answer.matches("500 ").count(), 21);
    assert!(answer.ends_with("421 4.7.0 too many errors\r\n"));
    let answer = said(ServerConfig::new("x"), &[b'x'; 10_000]).await;
    assert!(answer.contains("500 5.5.6"), "{answer}");
    let many: String = (0..1002)
        .map(|n| format!("RCPT TO:<r{n}@x.org>\r\n"))
        .collect();
    let script = format!("EHLO x\r\nMAIL FROM:<>\r\n{many}QUIT\r\n");
    let answer = said(ServerConfig::new("x"), script.as_bytes()).await;
    assert_eq!(answer.matches("250 2.1.5").count(), 1000);
    assert_eq!(answer.matches("452 4.5.3").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dripping_client_is_closed_when_its_time_is_up() {
    for opening in ["", "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.c>\r\nDATA\r\n"] {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(async move {
            let config = ServerConfig::new("x");
            let shutdown = std::future::pending();
            serve(
                server,
                Peer::Loopback,
                &config,
                &mut Recorder::default(),
                shutdown,
            )
            .await
        });
        client.write_all(opening.as_bytes()).await.unwrap();
        let started = tokio::time::Instant::now();
        while client.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        assert!(started.elapsed() <= Duration::from_secs(620), "{opening}");
        serving.await.unwrap().unwrap();
    }
}

/// Takes a second over each recipient.
struct Slow;

impl Handler for Slow {
    async fn recipient(&mut self, _: &Address) -> Action {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Action::Accept
    }

    async fn message(&mut self, _: &Envelope, _: &[u8]) -> Action {
        Action::Accept
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_before_a_stall_goes_out_meanwhile() {
    let (mut client, server) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        let config = ServerConfig::new("x");
        let shutdown = std::future::pending();
        serve(server, Peer::Loopback, &config, &mut Slow, shutdown).await
    });
    let started = tokio::time::Instant::now();
    let script = b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.c>\r\n";
    client.write_all(script).await.unwrap();
    let mut heard = String::new();
    for (part, seconds) in [("250 2.1.0", 0), ("250 2.1.5", 1)] {
        while !heard.contains(part) {
            let mut buffer = [0; 1024];
            let count = client.read(&mut buffer).await.unwrap();
            heard.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        assert_eq!(started.elapsed().as_secs(), seconds, "{heard}");
    }
}

#[tokio::test]
async fn a_send_that_is_dropped_half_way_leaves_nothing_to_use() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let config = ServerConfig::new("x");
        let shutdown = std::future::pending();
        serve(stream, Peer::Loopback, &config, &mut Slow, shutdown).await
    });
    let connector = Connector::new(client_config(address)).unwrap();
    let mut connection = connector.connect().await.unwrap();
    let to = envelope(&["ada@example.org"]);
    let send = connection.send(&to, MESSAGE, None);
    let early = tokio::time::timeout(Duration::from_millis(50), send).await;
    assert!(early.is_err() && !connection.is_usable());
    let again = connection.send(&to, MESSAGE, None).await;
    assert_eq!(again.verdict, Verdict::NotStarted);
}

#[tokio::test]
async fn dialogues_are_kept_as_asked() {
    let (address, _) = listen(ServerConfig::new("mx.example.org")).await;
    let mut config = client_config(address);
    config.dialogue = Dialogue::Always;
    let mut connection = Connector::new(config).unwrap().connect().await.unwrap();
    let to = envelope(&["ada@example.org"]);
    let first = connection.send(&to, MESSAGE, None).await;
    let dialogue = first.attempt.dialogue.unwrap();
    assert!(dialogue.starts_with("S: 220 mx.example.org ESMTP ready\nC: EHLO localhost\n"));
    let second = connection.send(&to, MESSAGE, None).await;
    assert_eq!(
        second.attempt.dialogue.as_deref(),
        Some(
            "C: MAIL FROM:<news@example.org> SIZE=24 BODY=8BITMIME\n\
             C: RCPT TO:<ada@example.org>\nC: BDAT 24 LAST\n\
             S: 250 2.1.0 sender ok\nS: 250 2.1.5 recipient ok\nS: 250 2.0.0 message accepted"
        )
    );
}

#[tokio::test]
async fn a_shutdown_is_said() {
    let (mut client, server) = tokio::io::duplex(1 << 16);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let config = ServerConfig::new("mx.example.org");
        let stopped = async move { stopped.await.unwrap_or(()) };
        serve(
            server,
            Peer::Loopback,
            &config,
            &mut Recorder::default(),
            stopped,
        )
        .await
    });
    client.write_all(b"NOOP\r\n").await.unwrap();
    let mut greeting = [0; 64];
    let count = client.read(&mut greeting).await.unwrap();
    assert!(greeting[..count].starts_with(b"220 "));
    stop.send(()).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    assert!(
        rest.ends_with("421 4.3.2 mx.example.org is going away\r\n"),
        "{rest}"
    );
    drop(client);
    serving.await.unwrap().unwrap();
}
