//! Deliveries from the real store to real servers on loopback: one lane's pauses, what is shown meanwhile and its end;
//! and every account of a service.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says by a panic what failed"
)]

#[expect(dead_code, reason = "no check here kills the server")]
#[path = "../../../../tests/postgres/cluster.rs"]
mod cluster;
mod dispatch;
mod live;
mod pause;
#[path = "../support/relay.rs"]
mod relay;

use std::sync::Arc;

use compose::letter::LetterSource;
use deliver::{DeliverError, Delivery, Ended, Gate, Letters, RetryPolicy, Settings, Supply};
use model::{Address, Clock, Live};
use relay::{DEADLINE, Relay};
use smtp::client::{ClientConfig, Connector, TlsMode};
use store::sqlite::FILE_NAME;
use store::{Books, Campaign, LaneKey, Lease, NewCampaign, NewMessage, SqliteStore, Store};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A lane with messages, and everything that its delivery needs.
struct World {
    folder: TempDir,
    store: Arc<SqliteStore>,
    campaign: Campaign,
    lease: Lease,
    relay: Relay,
    live: Arc<Live>,
    gate: Arc<Gate>,
    supply: Arc<Supply>,
    stop: CancellationToken,
    clock: Clock,
}

type Running = JoinHandle<Result<Ended, DeliverError>>;

impl World {
    /// Messages to `person0@example.org`, `person1@example.org` and so on; more may come.
    async fn with(people: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        let letter = LetterSource {
            from: "news@example.org".to_owned(),
            subject: "News".to_owned(),
            text: Some("Hello".to_owned()),
            ..LetterSource::default()
        };
        let content = store
            .put_content(serde_json::to_vec(&letter).unwrap())
            .await
            .unwrap();
        let clock = Clock::system();
        let new = NewCampaign {
            job_id: "run".to_owned(),
            identity: "run".to_owned(),
            name: None,
            content,
            settings: "{}".to_owned(),
            at: clock.now(),
        };
        let beginning = store
            .lease(LaneKey::beginning(&new.identity))
            .await
            .unwrap();
        let campaign = store.begin_campaign(&beginning, new).await.unwrap();
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let world = Self {
            folder,
            store,
            campaign,
            lease,
            relay: Relay::start().await,
            live: Arc::default(),
            gate: Arc::default(),
            supply: Arc::default(),
            stop: CancellationToken::new(),
            clock,
        };
        world.add(0, people).await;
        world
    }

    /// Accepts more messages.
    async fn add(&self, from: usize, to: usize) {
        let now = self.clock.now();
        let batch = (from..to).map(|number| NewMessage {
            lane: self.campaign.lane,
            content: self.campaign.content,
            address: Address::parse(&format!("person{number}@example.org")).unwrap(),
            data: "{}".into(),
            at: now,
            due_at: now,
        });
        self.store
            .accept(&self.lease, batch.collect())
            .await
            .unwrap();
        self.supply.added();
    }

    /// Starts the delivery.
    fn deliver(&self, connections_max: usize, relay_retry: RetryPolicy) -> Running {
        let delivery = Delivery {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            lease: self.lease.clone(),
            maker: Arc::new(Letters::new(Arc::clone(&self.store) as Arc<dyn Store>)),
            connector: connector(&self.relay),
            settings: Settings {
                connections_max,
                relay_retry,
                ..Settings::default()
            },
            supply: Arc::clone(&self.supply),
            gate: Arc::clone(&self.gate),
            live: Arc::clone(&self.live),
            clock: self.clock.clone(),
        };
        tokio::spawn(delivery.run(self.stop.clone()))
    }

    async fn books(&self) -> Books {
        self.store.books(self.campaign.lane).await.unwrap()
    }

    /// Lets another program write to the data file, so that nobody else can.
    fn lock_data_file(&self) -> rusqlite::Connection {
        let other = rusqlite::Connection::open(self.folder.path().join(FILE_NAME)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }
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

/// Waits for the end.
async fn end(running: Running) -> Ended {
    let ended = tokio::time::timeout(DEADLINE, running).await;
    ended.unwrap().unwrap().unwrap()
}
