//! A data file with tenants and their mail, a Dovecot with their mailboxes, and a postroom between them.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use intake::postroom::{MailboxNow, Mailboxes, Postroom, PostroomSettings, Rhythm};
use model::account::{Account, AccountId, AccountPk, Host};
use model::{
    Address, Clock, Event, EventKind, Inbox, Line, Message, MessageId, News, Priority, Secret, Seq,
    Tenant, TenantId, Timestamp,
};
use serde_json::{Value, json};
use store::directory::Instance;
use store::{
    Directory, KeySource, LaneKey, NewEvent, NewSubmission, Parts, SqliteStore, Store, Submissions,
    Submitted,
};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::dovecot::{Dovecot, PASSWORD, USER};

/// When every test begins.
pub const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);
/// How long a certified message may go unanswered.
pub const PEC_TIMEOUT: Duration = Duration::from_secs(1_800);
/// The name of the bounce mailbox.
pub const BOUNCES: &str = "mailbox:bounces";
/// Longer than anything here takes that goes well.
const PATIENCE: Duration = Duration::from_secs(60);
/// The base64 of 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub struct World {
    pub store: Arc<SqliteStore>,
    pub dovecot: Dovecot,
    pub clock: Clock,
    pub changed: Arc<Notify>,
    pub settings: PostroomSettings,
    running: Option<Running>,
    folder: TempDir,
}

struct Running {
    mailboxes: Mailboxes,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    /// Two tenants with an account each, and nothing that is read.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = KeySource::Given(Secret::new(KEY));
        let store = Arc::new(SqliteStore::open_with_key(folder.path(), &source).unwrap());
        let dovecot = Dovecot::start();
        let settings = PostroomSettings {
            pec_timeout: PEC_TIMEOUT,
            rhythm: Rhythm {
                interval: Duration::from_millis(20),
                pause_max: Duration::from_millis(50),
            },
            look: Duration::from_millis(50),
            trust: dovecot.trust(),
            ..PostroomSettings::default()
        };
        let world = Self {
            store,
            dovecot,
            clock: Clock::manual(START),
            changed: Arc::default(),
            settings,
            running: None,
            folder,
        };
        for tenant in ["acme", "beta"] {
            let tenant = Tenant::new(tenant_id(tenant), START);
            world.store.put_tenant(tenant.clone()).await.unwrap();
            let account = world.account(tenant.id.as_str());
            world.store.put_account(account).await.unwrap();
        }
        world
    }

    /// The same with a bounce mailbox, the INBOX, and a running postroom.
    pub async fn with_bounces() -> Self {
        let mut world = Self::start().await;
        world.read_bounces(&json!({})).await;
        world.run();
        world
    }

    /// The same with certified accounts instead, each with a folder of its tenant's name, and a running postroom.
    pub async fn with_certified() -> Self {
        let mut world = Self::start().await;
        for tenant in ["acme", "beta"] {
            world.certify(tenant).await;
        }
        world.run();
        world
    }

    /// Lets time pass; gives what it is then.
    pub fn pass(&self, time: Duration) -> Timestamp {
        self.clock.set(self.clock.now() + time);
        self.clock.now()
    }

    pub fn data_file(&self) -> PathBuf {
        self.folder.path().join("glasspost.db")
    }

    // === The settings ===

    /// Sets the bounce mailbox as the API stores it, with some fields changed.
    pub async fn read_bounces(&self, changes: &Value) {
        let reached = self.dovecot.settings();
        let mut set = json!({"enabled": true, "imap_host": &*reached.host, "imap_port": reached.port,
            "imap_user": USER, "imap_password": PASSWORD, "imap_ssl": false, "poll_interval": 1});
        for (name, value) in changes.as_object().unwrap() {
            set[name] = value.clone();
        }
        let change = move |instance: &mut Instance| {
            instance.bounce = Some(Secret::new(set.to_string()));
            Ok(())
        };
        let at = self.clock.now();
        self.store
            .change_instance(Box::new(change), at)
            .await
            .unwrap();
        self.changed.notify_one();
    }

    /// Makes a tenant's account a certified one, with an inbox.
    pub async fn certify(&self, tenant: &str) -> AccountPk {
        let folders = self.dovecot.folders();
        if !folders.contains(&tenant.to_owned()) {
            self.dovecot
                .doveadm(&["mailbox", "create", "-u", USER, tenant]);
        }
        let mut account = self.account(tenant);
        account.is_pec = true;
        account.inbox = Some(self.inbox(tenant));
        self.store.put_account(account).await.unwrap()
    }

    /// The inbox that is a folder of this name.
    pub fn inbox(&self, folder: &str) -> Inbox {
        let port = self
            .dovecot
            .secure_settings(intake::bounce::mailbox::Security::Implicit)
            .port;
        Inbox {
            port: NonZeroU16::new(port).unwrap(),
            user: Some(Line::parse("imap_user", USER).unwrap()),
            password: Some(Secret::new(PASSWORD)),
            folder: Some(Line::parse("imap_folder", folder).unwrap()),
            ..Inbox::new(Host::parse("imap_host", "127.0.0.1").unwrap())
        }
    }

    /// The ordinary account of a tenant, changed just now.
    pub fn account(&self, tenant: &str) -> Account {
        Account::new(
            tenant_id(tenant),
            AccountId::parse("main").unwrap(),
            Host::parse("host", "smtp.example.org").unwrap(),
            NonZeroU16::new(25).unwrap(),
            self.clock.now(),
        )
    }

    // === The mail ===

    /// Hands a submission over; gives its messages.
    pub async fn submit(&self, tenant: &str, recipients: &[&str]) -> Vec<Message> {
        self.submit_saying(tenant, recipients, json!({})).await
    }

    pub async fn submit_saying(
        &self,
        tenant: &str,
        recipients: &[&str],
        payload: Value,
    ) -> Vec<Message> {
        let end = self.store.end_of_log().await.unwrap().get();
        let address = |text: &&str| Address::parse(text).unwrap();
        let new = NewSubmission {
            tenant: tenant_id(tenant),
            client_id: Line::parse("id", &format!("order-{end}")).unwrap(),
            account: AccountId::parse("main").unwrap(),
            priority: Priority::default(),
            batch: None,
            deferred_until: None,
            payload: payload.to_string().into(),
            parts: Parts::Inside,
            recipients: recipients.iter().map(address).collect(),
            at: self.clock.now(),
        };
        let answer = self.store.submit(vec![new]).await.unwrap();
        let [Submitted::New(id)] = answer[..] else {
            panic!("{answer:?}");
        };
        let mut messages = Vec::new();
        for number in 0..recipients.len() as i64 {
            let seq = Seq::new(id.0.get() + number);
            messages.push(self.store.message(seq).await.unwrap().unwrap());
        }
        messages
    }

    /// Records that these messages were delivered just now.
    pub async fn deliver(&self, messages: &[Message]) {
        let lane = messages[0].lane;
        let account = self.store.lane_account(lane).await.unwrap().unwrap();
        let lease = self.store.lease(LaneKey::account(account)).await.unwrap();
        let delivered = |message: &Message| NewEvent {
            message: Arc::new(message.clone()),
            kind: EventKind::Delivered,
            at: self.clock.now(),
            attempts: 1,
            due_at: None,
            attempt: None,
            reason: None,
        };
        let batch = messages.iter().map(delivered).collect();
        assert_eq!(self.store.record(&lease, batch).await.unwrap(), 0);
        self.store.release(lease).await.unwrap();
    }

    /// The id of a message to Ada that was delivered.
    pub async fn delivered(&self, tenant: &str) -> MessageId {
        let messages = self.submit(tenant, &["ada@reader.example"]).await;
        self.deliver(&messages).await;
        messages[0].id
    }

    // === What became of it ===

    /// What was learned of a message: each event with its news.
    pub async fn events(&self, id: MessageId) -> Vec<Event> {
        let timeline = self.store.timeline(id.seq()).await.unwrap().unwrap();
        let events = timeline.events.into_iter();
        events.filter(|event| event.news.is_some()).collect()
    }

    pub async fn news(&self, id: MessageId) -> Vec<News> {
        let events = self.events(id).await.into_iter();
        events.filter_map(|event| event.news).collect()
    }

    /// How many reports a tenant is to be told, the outcomes included.
    pub async fn reports(&self, tenant: &str) -> usize {
        let tenant = tenant_id(tenant);
        let reports = self
            .store
            .reports(&tenant, store::submissions::Channel::Sync, Seq::START, 100)
            .await;
        reports.unwrap().len()
    }

    pub async fn store_message(&self, id: MessageId) -> Message {
        self.store.message(id.seq()).await.unwrap().unwrap()
    }

    /// What GET shows of a message's submission.
    pub async fn history(&self, message: &Message) -> Vec<store::Logged> {
        let id = message.content.submission().unwrap();
        self.store.history(id).await.unwrap()
    }

    /// How far a mailbox was read, as it is stored.
    pub async fn place(&self, name: &str) -> Value {
        let text = self.store.cursor(name).await.unwrap().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    // === The postroom ===

    pub fn run(&mut self) {
        assert!(self.running.is_none());
        let postroom = Postroom::new(
            Arc::clone(&self.store) as Arc<dyn Submissions>,
            Arc::clone(&self.store) as Arc<dyn Store>,
            Arc::clone(&self.store) as Arc<dyn Directory>,
            self.settings.clone(),
            self.clock.clone(),
            Arc::clone(&self.changed),
        )
        .unwrap();
        let (mailboxes, stop) = (postroom.mailboxes(), CancellationToken::new());
        let task = tokio::spawn(postroom.run(stop.clone()));
        self.running = Some(Running {
            mailboxes,
            stop,
            task,
        });
    }

    /// Ends it and waits for its end.
    pub async fn stop(&mut self) {
        let running = self.running.take().unwrap();
        running.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), running.task);
        ended.await.expect("it does not stop").unwrap();
    }

    /// Ends it as a crash does.
    pub async fn abort(&mut self) {
        let running = self.running.take().unwrap();
        running.task.abort();
        assert!(running.task.await.is_err());
    }

    pub fn mailboxes(&self) -> Vec<MailboxNow> {
        self.running.as_ref().unwrap().mailboxes.now()
    }

    /// Waits until a mailbox was read up to a message.
    pub async fn read_to(&self, name: &str, uid: u32) {
        self.until(&format!("{name} to be read to {uid}"), async || {
            self.last_uid(name).await >= Some(uid.into())
        })
        .await;
    }

    pub async fn last_uid(&self, name: &str) -> Option<u64> {
        let place: Value = serde_json::from_str(&self.store.cursor(name).await.unwrap()?).unwrap();
        place["last_uid"].as_u64()
    }

    /// Waits until it is so.
    pub async fn until(&self, what: &str, is: impl AsyncFn() -> bool) {
        let wait = async {
            while !is().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(
            waited.is_ok(),
            "waited in vain for {what}: {:?}",
            self.mailboxes()
        );
    }
}

pub fn tenant_id(text: &str) -> TenantId {
    TenantId::parse(text).unwrap()
}

/// The name of an account's inbox.
pub fn inbox_name(account: AccountPk) -> String {
    format!("mailbox:account:{}", account.0)
}
