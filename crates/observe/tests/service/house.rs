//! A store with tenants, accounts and mail, and a reporter beside it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::account::{Account, AccountId, Host, port};
use model::{
    Address, Attempt, BaseUrl, Category, Clock, EventKind, Line, Message, Phase, PhaseTimes,
    Priority, Reply, Secret, Tenant, TenantId, Timestamp,
};
use observe::reports::{ReportSettings, Reporter, Reports, SyncStatus};
use store::submissions::Followed;
use store::{
    Directory, KeySource, LaneKey, NewEvent, NewSubmission, Parts, SqliteStore, Store, Submissions,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webclient::{TargetPolicy, WebClient};

pub const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);
/// How long a test waits for what has to come.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct House {
    folder: TempDir,
    pub store: Arc<SqliteStore>,
    pub clock: Clock,
}

/// A reporter that runs.
pub struct Running {
    pub reports: Reports,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

pub fn tenant_id(id: &str) -> TenantId {
    TenantId::parse(id).unwrap()
}

/// Settings under which nothing takes long.
pub fn quick() -> ReportSettings {
    ReportSettings {
        gathering: Duration::from_millis(20),
        retry_min: Duration::from_millis(50),
        retry_max: Duration::from_millis(200),
        deadline: Duration::from_secs(5),
        look: Duration::from_millis(100),
        ..ReportSettings::default()
    }
}

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl House {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let store = open(folder.path());
        Self {
            folder,
            store,
            clock: Clock::manual(START),
        }
    }

    /// The same folder, opened again as after a restart.
    pub async fn reopen(self) -> Self {
        let Self {
            folder,
            store,
            clock,
        } = self;
        drop(store);
        let store = open(folder.path());
        Self {
            folder,
            store,
            clock,
        }
    }

    /// Its store, as another process has it.
    pub fn beside(&self) -> Arc<SqliteStore> {
        open(self.folder.path())
    }

    /// A tenant with an account `primary-smtp`, whose application is at a URL.
    pub async fn settle(&self, id: &str, base_url: Option<&str>) {
        self.settle_with(id, base_url, |_| {}).await;
    }

    pub async fn settle_with(
        &self,
        id: &str,
        base_url: Option<&str>,
        change: impl FnOnce(&mut Tenant),
    ) {
        let mut tenant = Tenant::new(tenant_id(id), START);
        tenant.client.base_url = base_url.map(|url| BaseUrl::parse(url).unwrap());
        change(&mut tenant);
        self.store.put_tenant(tenant).await.unwrap();
        let account = Account::new(
            tenant_id(id),
            AccountId::parse("primary-smtp").unwrap(),
            Host::parse("host", "smtp.example.com").unwrap(),
            port("port", 25).unwrap(),
            START,
        );
        self.store.put_account(account).await.unwrap();
    }

    /// Mail under an id to some recipients.
    pub fn mail(&self, tenant: &str, id: &str, recipients: &[&str]) -> NewSubmission {
        NewSubmission {
            tenant: tenant_id(tenant),
            client_id: Line::parse("id", id).unwrap(),
            account: AccountId::parse("primary-smtp").unwrap(),
            priority: Priority::default(),
            batch: None,
            deferred_until: None,
            payload: "{}".into(),
            parts: Parts::Inside,
            recipients: recipients
                .iter()
                .map(|text| Address::parse(text).unwrap())
                .collect(),
            at: self.clock.now(),
        }
    }

    /// Hands over mail under an id to some recipients.
    pub async fn submit(&self, tenant: &str, id: &str, recipients: &[&str]) -> Followed {
        let new = self.mail(tenant, id, recipients);
        self.store.submit(vec![new]).await.unwrap();
        let id = Line::parse("id", id).unwrap();
        let found = self.store.submission(&tenant_id(tenant), &id).await;
        found.unwrap().unwrap()
    }

    /// Records what became of each message of a submission, in one commit.
    pub async fn record(&self, of: &Followed, kinds: &[EventKind]) {
        let lane = LaneKey::account(of.submission.account);
        let lease = self.store.lease(lane).await.unwrap();
        let at = self.clock.now();
        let messages = of.messages.iter().zip(kinds);
        let batch = messages.map(|(each, kind)| outcome(&each.message, *kind, at));
        self.store.record(&lease, batch.collect()).await.unwrap();
        self.store.release(lease).await.unwrap();
    }

    /// Mail to one recipient that is delivered at once.
    pub async fn deliver(&self, tenant: &str, id: &str) {
        let followed = self.submit(tenant, id, &["ada@example.org"]).await;
        self.record(&followed, &[EventKind::Delivered]).await;
    }

    /// Reports that wait, of all tenants.
    pub async fn backlog(&self) -> u64 {
        let backlog = self.store.report_backlog().await.unwrap();
        backlog.iter().map(|each| each.count).sum()
    }

    pub async fn until_all_are_told(&self) {
        self.until_so_many_wait(0).await;
    }

    /// Waits until so many reports are left.
    pub async fn until_so_many_wait(&self, count: u64) {
        let began = Instant::now();
        while self.backlog().await != count {
            assert!(began.elapsed() < PATIENCE, "{count} reports were to wait");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn report(&self, settings: ReportSettings) -> Running {
        self.report_to(TargetPolicy::AllowPrivate, settings)
    }

    pub fn report_to(&self, policy: TargetPolicy, settings: ReportSettings) -> Running {
        let web = webclient::Settings {
            policy,
            ..webclient::Settings::default()
        };
        let reporter = Reporter::new(
            Arc::clone(&self.store) as Arc<dyn Submissions>,
            Arc::clone(&self.store) as Arc<dyn Directory>,
            Arc::clone(&self.store) as Arc<dyn Store>,
            WebClient::new(web).unwrap(),
            settings,
            self.clock.clone(),
        );
        let (reports, stop) = (reporter.reports(), CancellationToken::new());
        let task = tokio::spawn(reporter.run(stop.clone()));
        Running {
            reports,
            stop,
            task,
        }
    }
}

impl Running {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    pub fn status(&self, tenant: &str) -> SyncStatus {
        let all = self.reports.status().into_iter();
        let mut of_tenant = all.filter(|status| status.tenant.as_str() == tenant);
        of_tenant.next().unwrap_or(SyncStatus {
            tenant: tenant_id(tenant),
            last_sync_at: None,
            next_sync_at: None,
            in_dnd: false,
            failures: 0,
        })
    }
}

fn open(folder: &Path) -> Arc<SqliteStore> {
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let source = KeySource::Given(Secret::new(key));
    Arc::new(SqliteStore::open_with_key(folder, &source).unwrap())
}

fn outcome(message: &Message, kind: EventKind, at: Timestamp) -> NewEvent {
    NewEvent {
        message: Arc::new(message.clone()),
        kind,
        at,
        attempts: message.attempts + u32::from(kind != EventKind::RateLimited),
        due_at: matches!(kind, EventKind::Deferred | EventKind::RateLimited)
            .then_some(at + Duration::from_secs(60)),
        attempt: (kind != EventKind::RateLimited).then(|| attempt(kind)),
        reason: None,
    }
}

fn attempt(kind: EventKind) -> Attempt {
    let (code, text) = match kind {
        EventKind::Delivered => (250, "OK"),
        EventKind::Deferred | EventKind::Expired => (451, "Try again later"),
        _ => (550, "Mailbox not found"),
    };
    Attempt {
        remote: "smtp.example.com:25".into(),
        tls: None,
        phase: Phase::Final,
        reply: Some(Reply {
            code,
            enhanced: None,
            text: text.into(),
        }),
        category: (kind != EventKind::Delivered).then_some(Category::Other),
        error: None,
        times: PhaseTimes::default(),
        refused_copies: Vec::new(),
        dialogue: None,
    }
}
