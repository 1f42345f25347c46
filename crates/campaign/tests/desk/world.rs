//! A list, a relay and a data folder; a run of them that somebody watches.

use std::iter;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use campaign::request::{Checking, LetterRequest, ListSource, SendRequest, Start};
use campaign::send::View;
use campaign::{CampaignError, Desk, RunReport, Tools, Watcher, send};
use model::{Clock, Control, Live, Mailbox, Seq, Stage};
use rusqlite::Connection;
use smtp::client::{ClientConfig, Connector, TlsMode};
use store::sqlite::FILE_NAME;
use store::{Books, Campaign, SqliteStore, Store};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::relay::{DEADLINE, Relay, until};

/// Who intervenes in these tests.
pub const BY: &str = "dashboard 127.0.0.1";

pub struct World {
    folder: TempDir,
    pub store: Arc<SqliteStore>,
    pub relay: Relay,
    pub request: SendRequest,
}

/// A run under way.
pub struct Running {
    pub desk: Arc<Desk>,
    pub live: Arc<Live>,
    pub stop: CancellationToken,
    pub watcher: Arc<Guard>,
    task: JoinHandle<Result<RunReport, CampaignError>>,
}

/// A watcher that hands out the desk and counts the ends.
pub struct Guard {
    desk: watch::Sender<Option<Arc<Desk>>>,
    pub ends: AtomicUsize,
    linger: Duration,
}

#[async_trait]
impl Watcher for Guard {
    async fn begun(&self, _run: &Campaign, desk: Arc<Desk>) -> Result<(), CampaignError> {
        self.desk.send_replace(Some(desk));
        Ok(())
    }

    async fn ended(&self) {
        self.ends.fetch_add(1, Ordering::SeqCst);
    }

    fn linger(&self) -> Duration {
        self.linger
    }
}

impl World {
    /// A list of `person0@example.org`, `person1@example.org` and so on, sent through two connections.
    pub async fn with(people: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let people = (0..people).map(|number| format!("person{number}@example.org"));
        let list = write_list(&folder, people);
        let request = SendRequest {
            config: PathBuf::new(),
            list: ListSource::File(list),
            filter: None,
            letter: LetterRequest {
                subject: "News".to_owned(),
                text: Some("Hello".to_owned()),
                ..LetterRequest::default()
            },
            name: None,
            connections: 2,
            retries: 0,
            connect_timeout_s: None,
            per_second_max: None,
            webhook: None,
            checking: Checking::Lenient,
            account_folder: folder.path().to_owned(),
            batch_size: 1,
        };
        Self {
            store: Arc::new(SqliteStore::open(&folder.path().join("data")).unwrap()),
            folder,
            relay: Relay::start().await,
            request,
        }
    }

    /// Writes another list in the place of the first.
    pub fn list(&self, people: &[&str]) {
        write_list(&self.folder, people.iter().map(ToString::to_string));
    }

    pub fn tools(&self, watcher: Option<Arc<dyn Watcher>>) -> Tools {
        Tools {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            connector: connector(&self.relay),
            from: Mailbox::parse("news@example.org").unwrap(),
            webhook_secret: None,
            clock: Clock::system(),
            live: Arc::default(),
            stop: CancellationToken::new(),
            view: View::Quiet,
            watcher,
        }
    }

    /// Starts a run that is not watched after its end; gives it once it has begun.
    pub async fn start(&self, start: Start) -> Running {
        self.start_lingering(start, Duration::ZERO).await
    }

    /// Starts a run that is watched for so long after its end.
    pub async fn start_lingering(&self, start: Start, linger: Duration) -> Running {
        let watcher = Arc::new(Guard {
            desk: watch::Sender::default(),
            ends: AtomicUsize::new(0),
            linger,
        });
        let mut desks = watcher.desk.subscribe();
        let tools = self.tools(Some(Arc::clone(&watcher) as Arc<dyn Watcher>));
        let (live, stop) = (Arc::clone(&tools.live), tools.stop.clone());
        let request = self.request.clone();
        let task = tokio::spawn(async move { send(&request, start, &tools).await });
        let desk = tokio::time::timeout(DEADLINE, desks.wait_for(Option::is_some));
        let desk = desk.await.unwrap().unwrap().clone().unwrap();
        let running = Running {
            desk,
            live,
            stop,
            watcher,
            task,
        };
        until("it is sent", || running.stage() != Stage::Starting).await;
        running
    }

    /// The latest run.
    pub async fn run(&self) -> Campaign {
        self.store.campaigns(None, 1).await.unwrap().remove(0)
    }

    /// The books of the latest run, at a moment when nothing changes them: they are what the messages say.
    pub async fn books(&self) -> Books {
        let run = self.run().await.lane;
        let books = self.store.books(run).await.unwrap();
        assert_eq!(books, self.store.count_books(run).await.unwrap());
        assert!(books.balance(), "{books:?}");
        books
    }

    pub async fn controls(&self) -> Vec<Control> {
        let run = self.run().await.lane;
        let controls = self.store.controls_after(Seq::START, run, 1_000).await;
        controls.unwrap()
    }

    /// Waits until the books of the latest run say so.
    pub async fn until_books(&self, mut say: impl FnMut(&Books) -> bool) {
        let waiting = async {
            let run = self.run().await.lane;
            while !say(&self.store.books(run).await.unwrap()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, waiting).await;
        assert!(waited.is_ok(), "the books never said so");
    }

    /// Keeps everybody else from writing into the data file until this is dropped.
    pub fn lock_data(&self) -> Connection {
        let file = self.folder.path().join("data").join(FILE_NAME);
        let connection = Connection::open(file).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        connection
    }

    /// Puts something in the way of one of the account's files.
    pub fn block_account(&self, file: &str) {
        std::fs::create_dir(self.folder.path().join(file)).unwrap();
    }

    /// The addresses in one of the account's files, sorted.
    pub fn account(&self, file: &str) -> Vec<String> {
        let lines = std::fs::read_to_string(self.folder.path().join(file)).unwrap();
        let mut addresses: Vec<String> = lines
            .lines()
            .map(|line| line.split(',').next().unwrap().to_owned())
            .collect();
        addresses.sort();
        addresses
    }
}

fn write_list(folder: &TempDir, people: impl Iterator<Item = String>) -> PathBuf {
    let list = folder.path().join("people.csv");
    let rows: Vec<String> = iter::once("email".to_owned()).chain(people).collect();
    std::fs::write(&list, rows.join("\n")).unwrap();
    list
}

/// The way to a relay.
fn connector(relay: &Relay) -> Arc<Connector> {
    let address = relay.address();
    let config = ClientConfig {
        tls: TlsMode::Off,
        ..ClientConfig::new(address.ip().to_string(), address.port())
    };
    Arc::new(Connector::new(config).unwrap())
}

impl Running {
    pub fn stage(&self) -> Stage {
        self.live.stage()
    }

    pub async fn until_stage(&self, stage: Stage) {
        until(stage.as_str(), || self.stage() == stage).await;
    }

    pub fn ends(&self) -> usize {
        self.watcher.ends.load(Ordering::SeqCst)
    }

    /// Waits for the end.
    pub async fn end(self) -> Result<RunReport, CampaignError> {
        tokio::time::timeout(DEADLINE, self.task)
            .await
            .unwrap()
            .unwrap()
    }
}
