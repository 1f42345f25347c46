//! A data file that cannot be written, an end at any moment, reports built to cost time, and a wrong password.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::mail::{bounce, report_about};
use super::world::{BOUNCES, World};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn what_could_not_be_kept_is_read_again() {
    let mut world = World::with_bounces().await;
    let id = world.delivered("acme").await;
    let other = rusqlite::Connection::open(world.data_file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.dovecot.deliver(bounce(id).as_bytes());
    world
        .until("the trouble", async || world.mailboxes()[0].failures > 0)
        .await;
    let shown = &world.mailboxes()[0];
    let trouble = shown.trouble.as_deref().unwrap();
    assert!(
        trouble.starts_with("what the mailbox said cannot be kept: "),
        "{trouble}"
    );
    assert_eq!(shown.noted, 0);
    other.execute_batch("ROLLBACK").unwrap();
    world.read_to(BOUNCES, 1).await;
    assert_eq!(world.news(id).await.len(), 1);
}

#[tokio::test]
async fn an_end_at_any_moment_loses_nothing_and_doubles_nothing() {
    const MESSAGES: usize = 60;
    let mut world = World::start().await;
    world.read_bounces(&json!({})).await;
    let mut ids = Vec::new();
    for _ in 0..MESSAGES {
        let id = world.delivered("acme").await;
        world.dovecot.deliver(bounce(id).as_bytes());
        ids.push(id);
    }
    for round in 0..25 {
        world.run();
        tokio::time::sleep(Duration::from_millis(round * 3)).await;
        world.abort().await;
    }
    world.run();
    world.read_to(BOUNCES, MESSAGES as u32).await;
    for id in ids {
        assert_eq!(world.news(id).await.len(), 1);
    }
}

#[tokio::test]
async fn reports_about_hundreds_of_recipients_are_read_in_time() {
    let mut world = World::with_bounces().await;
    let recipients: Vec<String> = (0..500).map(|n| format!("r{n}@reader.example")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let messages = world.submit("acme", &recipients).await;
    world.deliver(&messages).await;
    let message_id = format!("{}@sender.example", messages[0].id);
    let report = report_about(&message_id, &recipients);
    let begun = Instant::now();
    for _ in 0..10 {
        world.dovecot.deliver(report.as_bytes());
    }
    world.read_to(BOUNCES, 10).await;
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    for message in &messages {
        assert_eq!(world.news(message.id).await.len(), 1, "{}", message.address);
    }
}

#[tokio::test]
async fn a_wrong_password_is_named_as_the_trouble_and_shown_nowhere() {
    let lines = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let mut world = World::start().await;
    world
        .read_bounces(&json!({"imap_password": "canary-4711"}))
        .await;
    world.run();
    world
        .until("two troubles", async || {
            let now = world.mailboxes();
            now.first().is_some_and(|one| one.failures >= 2)
        })
        .await;
    let shown = format!("{:?}", world.mailboxes());
    assert!(shown.contains("refused the login"), "{shown}");
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.matches("it goes on trying").count(), 1, "{log}");
    assert!(
        !log.contains("canary") && !shown.contains("canary"),
        "{log}"
    );
}
