//! The service's log as it is written.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use model::EventKind;
use observe::service_log::ServiceLog;
use store::Submissions;
use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use crate::house::{House, until};

/// What was written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn all(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Logs everything from a level on; lasts as long as the guard.
fn capture(level: Level) -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_writer(lines.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    (lines, guard)
}

async fn begin(house: &House) -> ServiceLog {
    let submissions = Arc::clone(&house.store) as Arc<dyn Submissions>;
    let log = ServiceLog::begin(submissions, &*house.store);
    log.await.unwrap()
}

async fn log(house: &House) -> CancellationToken {
    let stop = CancellationToken::new();
    tokio::spawn(begin(house).await.run(stop.clone()));
    stop
}

#[tokio::test]
async fn events_are_lines_in_the_words_that_people_search_for() {
    let (lines, _guard) = capture(Level::INFO);
    let house = House::open().await;
    house.settle("acme", None).await;
    let stop = log(&house).await;
    house.deliver("acme", "msg-123").await;
    let events = [
        ("msg-456", EventKind::RateLimited),
        ("msg-457", EventKind::Deferred),
        ("msg-789", EventKind::Bounced),
    ];
    for (id, kind) in events {
        let followed = house.submit("acme", id, &["ada@example.org"]).await;
        house.record(&followed, &[kind]).await;
    }
    until("four lines", || lines.all().len() == 4).await;
    let expected = [
        (" INFO ", "Message msg-123 sent via primary-smtp"),
        (
            " WARN ",
            "Rate limit reached for primary-smtp, deferring msg-456",
        ),
        (
            " WARN ",
            "Temporary SMTP error for msg-457: 451 Try again later, retry scheduled in 60 s",
        ),
        ("ERROR ", "SMTP error for msg-789: 550 Mailbox not found"),
    ];
    for (line, (level, text)) in lines.all().iter().zip(expected) {
        assert!(line.starts_with(&format!("{level}{text} ")), "{line}");
        assert!(
            line.contains("account_id=primary-smtp tenant_id=acme"),
            "{line}"
        );
        assert!(line.contains("message_id=msg-"), "{line}");
        assert!(!line.contains("example.org"), "{line}");
    }
    stop.cancel();
}

#[tokio::test]
async fn a_log_for_errors_has_only_errors() {
    let (lines, _guard) = capture(Level::ERROR);
    let house = House::open().await;
    house.settle("acme", None).await;
    let stop = log(&house).await;
    house.deliver("acme", "a").await;
    let followed = house.submit("acme", "b", &["ada@example.org"]).await;
    house.record(&followed, &[EventKind::Bounced]).await;
    until("the error", || !lines.all().is_empty()).await;
    let all = lines.all();
    assert!(
        all.len() == 1 && all[0].contains("SMTP error for b"),
        "{all:?}"
    );
    stop.cancel();
}

#[tokio::test]
async fn what_went_by_is_counted() {
    let (lines, _guard) = capture(Level::WARN);
    let house = House::open().await;
    house.settle("acme", None).await;
    // The log has its turn when far more has happened than the store keeps for it.
    let log = begin(&house).await;
    for number in 0..2_000 {
        house.deliver("acme", &format!("msg-{number}")).await;
    }
    let stop = CancellationToken::new();
    tokio::spawn(log.run(stop.clone()));
    let followed = house.submit("acme", "last", &["ada@example.org"]).await;
    house.record(&followed, &[EventKind::Bounced]).await;
    until("the line", || {
        lines
            .all()
            .iter()
            .any(|line| line.contains("events went by"))
    })
    .await;
    until("the last one", || {
        lines.all().iter().any(|line| line.contains("for last"))
    })
    .await;
    stop.cancel();
}

/// They are in the log of the process that did them.
#[tokio::test]
async fn what_other_processes_did_is_no_line_that_is_missing() {
    let (lines, _guard) = capture(Level::INFO);
    let house = House::open().await;
    house.settle("acme", None).await;
    let stop = log(&house).await;
    let other = house.beside();
    for number in 0..20 {
        let mail = |whose| house.mail("acme", &format!("{whose}-{number}"), &["ada@example.org"]);
        other
            .submit(vec![mail("others"), mail("theirs")])
            .await
            .unwrap();
        house.store.submit(vec![mail("own")]).await.unwrap();
    }
    house.deliver("acme", "last").await;
    until("the last line", || !lines.all().is_empty()).await;
    let all = lines.all();
    assert!(
        all.len() == 1 && all[0].contains("Message last sent"),
        "{all:?}"
    );
    stop.cancel();
}
