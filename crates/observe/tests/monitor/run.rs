//! A run in a real store, whose outcomes the tests decide.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Address, Attempt, Category, Clock, ControlAction, EventKind, Live, Message, Phase, PhaseTimes,
    Reply, Seq, Timestamp,
};
use observe::Monitor;
use observe::monitor::view::Figures;
use store::{
    Accepted, Campaign, LaneKey, Lease, NewCampaign, NewControl, NewEvent, NewMessage, Progress,
    SqliteStore, Store,
};
use tempfile::TempDir;

/// When every run begins.
pub const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);
/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Run {
    pub folder: TempDir,
    pub store: Arc<dyn Store>,
    pub campaign: Campaign,
    pub lease: Lease,
    pub live: Arc<Live>,
    pub clock: Clock,
}

pub fn open(folder: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(folder).unwrap())
}

impl Run {
    pub async fn begin() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let store = open(folder.path());
        let content = store.put_content(b"Hello".to_vec()).await.unwrap();
        let new = NewCampaign {
            job_id: "spring".to_owned(),
            identity: "spring".to_owned(),
            name: None,
            content,
            settings: "{}".to_owned(),
            at: START,
        };
        let beginning = store
            .lease(LaneKey::beginning(&new.identity))
            .await
            .unwrap();
        let campaign = store.begin_campaign(&beginning, new).await.unwrap();
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        Self {
            folder,
            store,
            campaign,
            lease,
            live: Arc::new(Live::default()),
            clock: Clock::manual(START),
        }
    }

    pub async fn watch(&self) -> Monitor {
        let (store, live) = (Arc::clone(&self.store), Arc::clone(&self.live));
        Monitor::start(store, self.campaign.clone(), live, self.clock.clone())
            .await
            .unwrap()
    }

    pub async fn accept(&self, addresses: impl Iterator<Item = String>) -> Vec<Seq> {
        let new = |address: String| NewMessage {
            lane: self.campaign.lane,
            content: self.campaign.content,
            address: Address::parse(&address).unwrap(),
            data: r#"{"name":"Ada"}"#.into(),
            at: START,
            due_at: START,
        };
        let batch = addresses.map(new).collect();
        let accepted = self.store.accept(&self.lease, batch).await.unwrap();
        accepted.into_iter().map(Accepted::seq).collect()
    }

    /// `name0@domain`, `name1@domain` and so on.
    pub async fn accept_at(&self, domain: &str, count: usize) -> Vec<Arc<Message>> {
        let addresses = (0..count).map(|number| format!("name{number}@{domain}"));
        let mut messages = Vec::new();
        for seq in self.accept(addresses).await {
            messages.push(self.message(seq).await);
        }
        messages
    }

    async fn message(&self, seq: Seq) -> Arc<Message> {
        Arc::new(self.store.message(seq).await.unwrap().unwrap())
    }

    /// Records one outcome for each message, so many seconds after the start.
    pub async fn record(&self, messages: &[Arc<Message>], kind: EventKind, second: u64) {
        let mut batch = Vec::new();
        for message in messages {
            let message = self.message(message.seq).await;
            batch.push(outcome(message, kind, second));
        }
        self.store.record(&self.lease, batch).await.unwrap();
    }

    pub async fn list(&self) {
        let listed = Progress::Listed(at(1));
        let marked = self.store.mark_campaign(&self.lease, listed).await;
        marked.unwrap();
    }

    pub async fn control(&self, action: ControlAction, second: u64) {
        let new = NewControl {
            lane: self.campaign.lane,
            at: at(second),
            action,
            by: "somebody".into(),
        };
        self.store.control(new).await.unwrap();
    }
}

pub fn at(second: u64) -> Timestamp {
    START + Duration::from_secs(second)
}

fn outcome(message: Arc<Message>, kind: EventKind, second: u64) -> NewEvent {
    let attempts = message.attempts + u32::from(kind != EventKind::Dropped);
    NewEvent {
        attempts,
        message,
        kind,
        at: at(second),
        due_at: (kind == EventKind::Deferred).then_some(at(second + 60)),
        attempt: Some(attempt(kind)),
        reason: None,
    }
}

fn attempt(kind: EventKind) -> Attempt {
    let (code, category) = match kind {
        EventKind::Delivered => (250, None),
        EventKind::Bounced => (550, Some(Category::UnknownRecipient)),
        _ => (451, Some(Category::RateLimited)),
    };
    Attempt {
        remote: "mx.example.org:25".into(),
        tls: None,
        phase: Phase::Final,
        reply: (kind != EventKind::Dropped).then(|| Reply {
            code,
            enhanced: None,
            text: "<script>\"so\\it\nis\"</script>".into(),
        }),
        category,
        error: None,
        times: PhaseTimes {
            transaction_us: 2_000,
            ..PhaseTimes::default()
        },
        refused_copies: Vec::new(),
        dialogue: None,
    }
}

/// Waits until the figures are as they should be.
pub async fn until(monitor: &Monitor, is_so: impl Fn(&Figures) -> bool) -> Figures {
    let wait = async {
        loop {
            let figures = monitor.figures();
            assert_adds_up(&figures);
            if is_so(&figures) {
                return figures;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.unwrap_or_else(|_| panic!("it did not come to it: {:?}", monitor.figures()))
}

pub fn assert_adds_up(figures: &Figures) {
    let Figures {
        pending,
        sending,
        sent,
        failed,
        retrying,
        total,
        ..
    } = figures;
    assert_eq!(pending + sending + sent + failed + retrying, *total);
}
