//! A store with tenants, accounts and mail, and the service's console over it on a port of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use console::service::{Door, FiguresSource, NodeNow, Service};
use deliver::dispatch::LaneNow;
use model::account::{Account, AccountId, AccountPk, Host, port};
use model::{
    Address, Attempt, Category, Clock, EventKind, Line, Message, Phase, PhaseTimes, Priority,
    Reply, Secret, Seq, Tenant, TenantId, Timestamp,
};
use observe::reports::{ReportFigures, SyncStatus};
use store::submissions::{Channel, Followed};
use store::{
    Directory, KeySource, LaneKey, NewEvent, NewSubmission, Nodes, Parts, SqliteStore, Statistics,
    Store, Submissions,
};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use webserver::{Access, Caller, Gate, Keys, Limits, Server};

/// When the service starts.
pub const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);

pub struct House {
    pub store: Arc<SqliteStore>,
    pub clock: Clock,
    pub board: Arc<Board>,
    pub address: SocketAddr,
    pub stop: CancellationToken,
    _ends: DropGuard,
    folder: TempDir,
}

/// What goes on, as a test says.
pub struct Board {
    /// What this process is there for, and whether it is ending.
    pub roles: Mutex<Vec<String>>,
    pub is_draining: AtomicBool,
    /// Whether it exposes the figures of all.
    pub exposes_installation: AtomicBool,
    /// The other processes.
    pub others: Mutex<Vec<NodeNow>>,
    pub lanes: Mutex<Vec<LaneNow>>,
    pub reporting: Mutex<Vec<SyncStatus>>,
    pub sending: Mutex<Vec<Seq>>,
    /// Tenants whose reports wait for nobody.
    pub without_application: Mutex<Vec<TenantId>>,
    /// Whether mail is sent, and whether the task lives that does.
    pub dispatch: Mutex<(bool, bool)>,
}

impl FiguresSource for Board {
    fn nodes(&self) -> Vec<NodeNow> {
        let this = NodeNow {
            id: "this".to_owned(),
            is_this: true,
            host: "mail-1".to_owned(),
            process: 41,
            roles: self.roles.lock().unwrap().clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: START,
            is_active: self.is_active(),
            is_draining: self.is_draining.load(Ordering::Relaxed),
            lanes: self.lanes.lock().unwrap().clone(),
            ..NodeNow::default()
        };
        let others = self.others.lock().unwrap().clone();
        [vec![this], others].concat()
    }

    fn reporting(&self) -> Vec<SyncStatus> {
        self.reporting.lock().unwrap().clone()
    }

    fn are_awaited(&self, tenant: &Tenant, _: Channel) -> bool {
        let alone = self.without_application.lock().unwrap();
        !alone.contains(&tenant.id)
    }

    fn report_figures(&self) -> ReportFigures {
        ReportFigures::default()
    }

    fn archive_behind(&self) -> u64 {
        0
    }

    fn exposes_installation(&self) -> bool {
        self.exposes_installation.load(Ordering::Relaxed)
    }

    fn is_active(&self) -> bool {
        self.dispatch.lock().unwrap().0
    }

    fn is_running(&self) -> bool {
        self.dispatch.lock().unwrap().1
    }

    fn is_sending(&self, message: Seq) -> bool {
        self.sending.lock().unwrap().contains(&message)
    }
}

/// `admin` is the operator's token, `of-acme` one of the tenant `acme`.
struct Tokens;

#[async_trait]
impl Keys for Tokens {
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, webserver::Unavailable> {
        Ok(match token.expose() {
            "admin" => Some(Caller::Admin),
            other => other
                .strip_prefix("of-")
                .map(|tenant| Caller::Tenant(tenant_id(tenant))),
        })
    }
}

/// A lane with so many connections and nothing else.
pub fn lane(account: AccountPk, connections: u64) -> LaneNow {
    LaneNow {
        account,
        connections,
        sending: 0,
        trouble: None,
        limited_until: None,
    }
}

pub fn tenant_id(id: &str) -> TenantId {
    TenantId::parse(id).unwrap()
}

impl House {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let data = Some(folder.path().to_owned());
        Self::open_in(folder, data).await
    }

    /// The same, with the folder that is said to be the data's.
    pub async fn open_in(folder: TempDir, data: Option<PathBuf>) -> Self {
        let key = KeySource::Given(Secret::new("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
        let store = Arc::new(SqliteStore::open_with_key(folder.path(), &key).unwrap());
        let clock = Clock::manual(START);
        let roles = ["api", "worker", "smtp"].map(str::to_owned);
        let board = Arc::new(Board {
            roles: Mutex::new(roles.to_vec()),
            is_draining: AtomicBool::new(false),
            exposes_installation: AtomicBool::new(true),
            others: Mutex::default(),
            lanes: Mutex::default(),
            reporting: Mutex::default(),
            sending: Mutex::default(),
            without_application: Mutex::default(),
            dispatch: Mutex::new((true, true)),
        });
        let stop = CancellationToken::new();
        let server = Server::bind(([127, 0, 0, 1], 0).into(), "--listen")
            .await
            .unwrap();
        let address = server.address();
        let service = Service {
            submissions: Arc::clone(&store) as Arc<dyn Submissions>,
            directory: Arc::clone(&store) as Arc<dyn Directory>,
            store: Arc::clone(&store) as Arc<dyn Store>,
            statistics: Arc::clone(&store) as Arc<dyn Statistics>,
            nodes: Arc::clone(&store) as Arc<dyn Nodes>,
            preparation: None,
            figures: Arc::clone(&board) as Arc<dyn FiguresSource>,
            folder: data,
            clock: clock.clone(),
            started_at: START,
            stop: stop.clone(),
        };
        let door = Door {
            token: Secret::new("admin"),
            port: address.port(),
            gate: Gate::new(Arc::new(Tokens)),
        };
        let router = console::service::router(service, door);
        let closed = CancellationToken::new();
        let served = server.serve(
            router,
            Access::loopback(),
            Limits::default(),
            closed.clone(),
        );
        tokio::spawn(served);
        Self {
            store,
            clock,
            board,
            address,
            stop,
            _ends: closed.drop_guard(),
            folder,
        }
    }

    /// The file that the data is in.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join(store::sqlite::FILE_NAME)
    }

    /// A tenant with accounts; gives their numbers.
    pub async fn settle(&self, id: &str, accounts: &[&str]) -> Vec<AccountPk> {
        let mut tenant = Tenant::new(tenant_id(id), START);
        tenant.client.base_url = Some(model::BaseUrl::parse("https://app.example").unwrap());
        self.store.put_tenant(tenant).await.unwrap();
        let mut numbers = Vec::new();
        for account in accounts {
            let account = Account::new(
                tenant_id(id),
                AccountId::parse(account).unwrap(),
                Host::parse("host", "smtp.example.com").unwrap(),
                port("port", 25).unwrap(),
                START,
            );
            numbers.push(self.store.put_account(account).await.unwrap());
        }
        numbers
    }

    /// Hands over mail through an account, `tenant/account`, under an id.
    pub async fn submit(&self, through: &str, id: &str, recipients: &[&str]) -> Followed {
        let (tenant, account) = through.split_once('/').unwrap();
        let address = |text: &&str| Address::parse(text).unwrap();
        let payload = serde_json::json!({
            "from": "shop@example.com", "subject": format!("About {id}"),
            "attachments": [{ "filename": "bill.pdf", "storage_path": "base64:QQ==" }],
        });
        let new = NewSubmission {
            tenant: tenant_id(tenant),
            client_id: Line::parse("id", id).unwrap(),
            account: AccountId::parse(account).unwrap(),
            priority: Priority::default(),
            batch: None,
            deferred_until: None,
            payload: payload.to_string().into(),
            parts: Parts::Inside,
            recipients: recipients.iter().map(address).collect(),
            at: self.clock.now(),
        };
        self.store.submit(vec![new]).await.unwrap();
        let id = Line::parse("id", id).unwrap();
        let found = self.store.submission(&tenant_id(tenant), &id).await;
        found.unwrap().unwrap()
    }

    /// Records what became of each message of a submission.
    pub async fn record(&self, of: &Followed, kinds: &[EventKind]) {
        let lane = LaneKey::account(of.submission.account);
        let lease = self.store.lease(lane).await.unwrap();
        let at = self.clock.now();
        let messages = of.messages.iter().zip(kinds);
        let batch = messages.map(|(each, kind)| outcome(&each.message, *kind, at));
        self.store.record(&lease, batch.collect()).await.unwrap();
        self.store.release(lease).await.unwrap();
    }

    /// Mail to one recipient, and what became of it.
    pub async fn mail(&self, through: &str, id: &str, kinds: &[EventKind]) -> Followed {
        let followed = self.submit(through, id, &["ada@example.org"]).await;
        for kind in kinds {
            self.record(&followed, &[*kind]).await;
        }
        followed
    }
}

fn outcome(message: &Message, kind: EventKind, at: Timestamp) -> NewEvent {
    let is_attempt = kind != EventKind::RateLimited;
    let delivered = kind == EventKind::Delivered;
    let attempt = Attempt {
        remote: "smtp.example.com:25".into(),
        tls: None,
        phase: Phase::Recipient,
        reply: Some(Reply {
            code: if delivered { 250 } else { 550 },
            enhanced: None,
            text: if delivered {
                "OK"
            } else {
                "<b>no</b> such user"
            }
            .into(),
        }),
        category: (!delivered).then_some(Category::UnknownRecipient),
        error: None,
        times: PhaseTimes::default(),
        refused_copies: Vec::new(),
        dialogue: (!delivered).then(|| "C: RCPT TO:<x>\nS: 550 no".into()),
    };
    NewEvent {
        message: Arc::new(message.clone()),
        kind,
        at,
        attempts: message.attempts + u32::from(is_attempt),
        due_at: None,
        attempt: is_attempt.then_some(attempt),
        reason: (!is_attempt).then(|| "100 a minute".into()),
    }
}
