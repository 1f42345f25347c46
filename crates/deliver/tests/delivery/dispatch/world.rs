//! A service without its front: tenants with accounts, mail for them, a dispatcher, and servers.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deliver::dispatch::{Dispatch, Dispatcher, LaneNow, Rooms, Settings};
use deliver::{Maker, Recent, RetryPolicy, Unmade};
use model::account::{Account, AccountId, AccountPk, Host};
use model::{
    Address, Clock, Envelope, Event, Line, Message, Priority, SubmissionId, Suspension, Tenant,
    TenantId,
};
use store::postgres::{self, Address as DatabaseAddress};
use store::submissions::AccountCounts;
use store::{
    Directory, KeySource, Logged, NewSubmission, Parts, PostgresStore, SqliteStore, Store,
    Submissions, Submitted,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::relay::{DEADLINE, Relay};

/// A payload that can never be made.
pub const NEVER: &str = r#"{"make":"never"}"#;
/// A payload that cannot be made now.
pub const LATER: &str = r#"{"make":"later"}"#;
/// A payload that takes long to be made.
pub const SLOW: &str = r#"{"make":"slow"}"#;

/// A payload that can never be made, which takes long to be seen.
pub const SLOW_NEVER: &str = r#"{"make":"slow never"}"#;

/// A payload that becomes 600 KiB.
pub const LARGE: &str = r#"{"make":"large"}"#;
/// A payload that becomes 3 MiB.
pub const HUGE: &str = r#"{"make":"huge"}"#;
/// A payload whose making panics.
pub const PANIC: &str = r#"{"make":"panic"}"#;

/// Makes messages that say their payload.
pub struct Plain {
    submissions: Arc<dyn Submissions>,
}

#[async_trait]
impl Maker for Plain {
    async fn make(
        &self,
        message: &Message,
        recent: &Recent,
        bytes: &mut Vec<u8>,
    ) -> Result<Envelope, Unmade> {
        let id = message.content.submission().unwrap();
        let said = recent.said(&*self.submissions, id).await?.unwrap();
        let payload = &said.payload;
        match &**payload {
            NEVER => return Err(Unmade::Never("it is too large".to_owned())),
            LATER => return Err(Unmade::Later("no attachment today".to_owned())),
            PANIC => panic!("a fault of the maker"),
            SLOW_NEVER => {
                tokio::time::sleep(Duration::from_millis(700)).await;
                return Err(Unmade::Never("it is too large".to_owned()));
            }
            SLOW => tokio::time::sleep(Duration::from_millis(700)).await,
            _ => {}
        }
        bytes.extend_from_slice(b"Subject: news\r\n\r\n");
        let times = match &**payload {
            LARGE => 600 * 1024 / (LARGE.len() + 2),
            HUGE => 3 * 1024 * 1024 / (HUGE.len() + 2),
            _ => 1,
        };
        for _ in 0..times {
            bytes.extend_from_slice(payload.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        let sender = Address::parse("sender@example.org").unwrap();
        Ok(Envelope::new(Some(sender), message.address.clone()))
    }
}

/// All of a store.
pub trait Whole: Store + Submissions + Directory {}

impl<T: Store + Submissions + Directory> Whole for T {}

/// The service.
pub struct World {
    pub store: Arc<dyn Whole>,
    pub dispatch: Dispatch,
    pub clock: Clock,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
    folder: Arc<TempDir>,
}

impl World {
    /// A service that delivers, with nobody in it.
    pub async fn start(settings: Settings) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::open(folder, settings).await
    }

    async fn open(folder: Arc<TempDir>, settings: Settings) -> Self {
        let store = SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
        Self::over(Arc::new(store), folder, settings)
    }

    /// Another process on the same data.
    pub async fn beside(&self, settings: Settings) -> Self {
        Self::open(Arc::clone(&self.folder), settings).await
    }

    /// A process on a database whose accounts have so many lanes.
    pub async fn on_postgres(
        address: &str,
        folder: &Arc<TempDir>,
        (shards, lease): (u16, Duration),
        settings: Settings,
    ) -> Self {
        let (address, key) = (DatabaseAddress::parse(address).unwrap(), KeySource::File);
        let how = postgres::Settings { lease, shards };
        let store = PostgresStore::open_with_key(&address, folder.path(), &key, how).await;
        Self::over(Arc::new(store.unwrap()), Arc::clone(folder), settings)
    }

    fn over(store: Arc<dyn Whole>, folder: Arc<TempDir>, settings: Settings) -> Self {
        let clock = Clock::system();
        let rooms = Rooms {
            store: Arc::clone(&store) as Arc<dyn Store>,
            submissions: Arc::clone(&store) as Arc<dyn Submissions>,
            directory: Arc::clone(&store) as Arc<dyn Directory>,
            maker: Arc::new(Plain {
                submissions: Arc::clone(&store) as Arc<dyn Submissions>,
            }),
            clock: clock.clone(),
        };
        let dispatcher = Dispatcher::new(rooms, settings);
        let (dispatch, stop) = (dispatcher.dispatch(), CancellationToken::new());
        let until = stop.clone();
        let running = tokio::spawn(async move { dispatcher.run(until).await.unwrap() });
        Self {
            store,
            dispatch,
            clock,
            stop,
            running: Some(running),
            folder,
        }
    }

    /// Stops the service as SIGTERM would, and starts it again on its data.
    pub async fn restart(mut self, settings: Settings) -> Self {
        self.stop().await;
        let folder = Arc::clone(&self.folder);
        drop(self);
        Self::open(folder, settings).await
    }

    /// Where its data is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops the dispatcher.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            tokio::time::timeout(DEADLINE, running)
                .await
                .unwrap()
                .unwrap();
        }
    }

    /// An account of the tenant `acme` that leads to a relay.
    pub fn account(&self, id: &str, relay: &Relay) -> Account {
        self.account_at(id, relay.address().port())
    }

    /// An account of the tenant `acme` that leads to a port on loopback.
    pub fn account_at(&self, id: &str, port: u16) -> Account {
        Account::new(
            tenant(),
            AccountId::parse(id).unwrap(),
            Host::parse("host", "127.0.0.1").unwrap(),
            NonZeroU16::new(port).unwrap(),
            self.clock.now(),
        )
    }

    /// Keeps an account, with its tenant.
    pub async fn put(&self, account: Account) -> AccountPk {
        if self.store.tenant(&tenant()).await.unwrap().is_none() {
            let acme = Tenant::new(tenant(), self.clock.now());
            self.store.put_tenant(acme).await.unwrap();
        }
        self.store.put_account(account).await.unwrap()
    }

    /// Mail through an account of `acme`.
    pub fn mail(&self, account: &str, id: &str) -> NewSubmission {
        NewSubmission {
            tenant: tenant(),
            client_id: Line::parse("id", id).unwrap(),
            account: AccountId::parse(account).unwrap(),
            priority: Priority::Low,
            batch: None,
            deferred_until: None,
            payload: r#"{"make":"plain"}"#.into(),
            parts: Parts::Inside,
            recipients: vec![Address::parse(&format!("{id}@example.org")).unwrap()],
            at: self.clock.now(),
        }
    }

    /// Hands over mail with these ids.
    pub async fn submit_many(&self, account: &str, ids: impl Iterator<Item = String>) {
        let batch: Vec<NewSubmission> = ids.map(|id| self.mail(account, &id)).collect();
        self.submit_all(batch).await;
    }

    /// Hands over mail.
    pub async fn submit_all(&self, batch: Vec<NewSubmission>) {
        for part in batch.chunks(500) {
            let submitted = self.store.submit(part.to_vec()).await.unwrap();
            for one in submitted {
                assert!(matches!(one, Submitted::New(_)), "{one:?}");
            }
        }
    }

    /// Hands mail over anew under an id that waits, as the service does it.
    pub async fn replace(&self, mail: NewSubmission) {
        let submitted = self.store.submit(vec![mail]).await.unwrap();
        assert!(matches!(submitted[..], [Submitted::Replaced(_)]));
        self.dispatch.recall().await;
        self.dispatch.wake();
    }

    /// The counts of an account.
    pub async fn counts(&self, account: AccountPk) -> AccountCounts {
        let all = self.store.account_counts().await.unwrap();
        all.into_iter().find(|one| one.account == account).unwrap()
    }

    /// Waits until the counts of an account are so.
    pub async fn until_counts(
        &self,
        account: AccountPk,
        holds: impl Fn(&AccountCounts) -> bool,
    ) -> AccountCounts {
        let waiting = async {
            loop {
                let counts = self.counts(account).await;
                if holds(&counts) {
                    return counts;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(counts) => counts,
            Err(_) => panic!("it never came to that: {:?}", self.counts(account).await),
        }
    }

    /// The lane of an account as it is shown.
    pub fn lane(&self, account: AccountPk) -> Option<LaneNow> {
        let lanes = self.dispatch.lanes();
        lanes.into_iter().find(|lane| lane.account == account)
    }

    /// Everything that happened to what was handed over under an id.
    pub async fn history(&self, id: SubmissionId) -> Vec<Logged> {
        self.store.history(id).await.unwrap()
    }

    /// What was handed over under an id.
    pub async fn submission(&self, id: &str) -> SubmissionId {
        let id = Line::parse("id", id).unwrap();
        let found = self.store.submission(&tenant(), &id).await.unwrap();
        found.unwrap().submission.id
    }

    /// What happened last to what was handed over under an id.
    pub async fn last_event(&self, id: &str) -> Event {
        let id = self.submission(id).await;
        self.history(id).await.pop().unwrap().event
    }

    /// Lets the tenant's mail be sent, or not.
    pub async fn set_tenant_active(&self, is_active: bool) {
        let change = Box::new(move |tenant: &mut Tenant| {
            tenant.is_active = is_active;
            Ok(())
        });
        let now = self.clock.now();
        let changed = self.store.change_tenant(&tenant(), change, now).await;
        assert_eq!(changed.unwrap().unwrap().is_active, is_active);
    }

    /// Holds everything of the tenant back, or nothing.
    pub async fn suspend(&self, suspension: Suspension) {
        let change = Box::new(move |tenant: &mut Tenant| {
            tenant.suspension = suspension;
            Ok(())
        });
        let now = self.clock.now();
        self.store
            .change_tenant(&tenant(), change, now)
            .await
            .unwrap();
        while self.store.align_suspension(&tenant(), 500).await.unwrap() > 0 {}
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The tenant of every account.
pub fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// Settings with these retry delays.
pub fn retrying(delays: &[Duration]) -> Settings {
    Settings {
        retry: RetryPolicy::service(delays.to_vec()),
        ..Settings::default()
    }
}

/// So many a minute.
pub fn per_minute(account: &mut Account, count: u32) {
    account.limits.per_minute = NonZeroU32::new(count);
}
