//! Delivers one lane as fast as it can: `lane_rate HOST:PORT MESSAGES [account [DEAD]]`, a campaign's lane, or with
//! `account` a service's, beside another account with DEAD messages whose server cannot be reached. 4 KiB a message, from
//! a data file in the current folder's file system.
#![expect(
    clippy::print_stdout,
    reason = "a program for the terminal that only prints"
)]

use std::error::Error;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use compose::letter::LetterSource;
use deliver::dispatch::{Dispatcher, Rooms};
use deliver::{Delivery, Letters, Maker, Recent, Settings, Supply, Unmade, dispatch};
use model::account::{Account, AccountId, AccountPk, Host};
use model::{Address, Clock, Envelope, Line, Message, Priority, Tenant, TenantId};
use smtp::client::{ClientConfig, Connector, TlsMode};
use store::submissions::AccountCounts;
use store::{
    Directory, KeySource, LaneKey, NewCampaign, NewMessage, NewSubmission, Parts, SqliteStore,
    Store, Submissions,
};
use tokio_util::sync::CancellationToken;

const CONNECTIONS: usize = 8;
const MESSAGE_BYTES: usize = 4096;
const BATCH: usize = 500;

type Failed = Box<dyn Error>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (target, messages, dead) = match arguments.as_slice() {
        [target, messages] => (target, messages, None),
        [target, messages, word] if word == "account" => (target, messages, Some(0)),
        [target, messages, word, dead] if word == "account" => {
            (target, messages, Some(dead.parse()?))
        }
        _ => return Err("usage: lane_rate HOST:PORT MESSAGES [account [DEAD]]".into()),
    };
    let (host, port) = target.split_once(':').ok_or("HOST:PORT expected")?;
    let (port, messages): (u16, usize) = (port.parse()?, messages.parse()?);
    let folder = tempfile::tempdir_in(".")?;
    let store = Arc::new(SqliteStore::open_with_key(folder.path(), &KeySource::File)?);
    let seconds = match dead {
        None => campaign(store, host, port, messages).await?,
        Some(dead) => {
            let port = NonZeroU16::new(port).ok_or("a port expected")?;
            let good = fill(&store, "good", host, port, messages).await?;
            // Nobody listens on the lowest port.
            fill(&store, "dead", "127.0.0.1", NonZeroU16::MIN, dead).await?;
            service(store, good, messages).await?
        }
    };
    let rate = messages as f64 / seconds;
    println!("{messages} delivered in {seconds:.2} s: {rate:.0}/s");
    Ok(())
}

async fn campaign(
    store: Arc<SqliteStore>,
    host: &str,
    port: u16,
    messages: usize,
) -> Result<f64, Failed> {
    let clock = Clock::system();
    let letter = LetterSource {
        from: "news@example.org".to_owned(),
        subject: "News".to_owned(),
        text: Some("Hello, how are you?\n".repeat(MESSAGE_BYTES / 20)),
        ..LetterSource::default()
    };
    let content = store.put_content(serde_json::to_vec(&letter)?).await?;
    let new = NewCampaign {
        job_id: "run".to_owned(),
        identity: "run".to_owned(),
        name: None,
        content,
        settings: "{}".to_owned(),
        at: clock.now(),
    };
    let beginning = store.lease(LaneKey::beginning(&new.identity)).await?;
    let campaign = store.begin_campaign(&beginning, new).await?;
    let lease = store.lease(campaign.lane_key()).await?;
    for first in (0..messages).step_by(BATCH) {
        let numbers = first..messages.min(first + BATCH);
        let batch: Result<Vec<NewMessage>, Failed> = numbers
            .map(|number| {
                Ok(NewMessage {
                    lane: campaign.lane,
                    content,
                    address: Address::parse(&format!("person{number}@example.org"))?,
                    data: "{}".into(),
                    at: clock.now(),
                    due_at: clock.now(),
                })
            })
            .collect();
        store.accept(&lease, batch?).await?;
    }
    let config = ClientConfig {
        tls: TlsMode::Off,
        ..ClientConfig::new(host, port)
    };
    let store: Arc<dyn Store> = store;
    let delivery = Delivery {
        lease,
        maker: Arc::new(Letters::new(Arc::clone(&store))),
        connector: Arc::new(Connector::new(config)?),
        settings: Settings {
            connections_max: CONNECTIONS,
            ..Settings::default()
        },
        supply: Arc::new(Supply::default()),
        gate: Arc::default(),
        live: Arc::default(),
        store,
        clock,
    };
    delivery.supply.complete();
    let began = Instant::now();
    delivery.run(CancellationToken::new()).await?;
    Ok(began.elapsed().as_secs_f64())
}

/// Makes messages of the usual size from what the store keeps of them.
struct Plain(Arc<dyn Submissions>);

#[async_trait]
impl Maker for Plain {
    async fn make(
        &self,
        message: &Message,
        recent: &Recent,
        bytes: &mut Vec<u8>,
    ) -> Result<Envelope, Unmade> {
        let id = message.content.submission();
        let id = id.ok_or_else(|| Unmade::Never("no submission".to_owned()))?;
        let said = recent.said(&*self.0, id).await?;
        let said = said.ok_or_else(|| Unmade::Never("it is gone".to_owned()))?;
        bytes.extend_from_slice(b"Subject: news\r\n\r\n");
        bytes.extend_from_slice(said.payload.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        let sender = Address::parse("news@example.org").ok();
        Ok(Envelope::new(sender, message.address.clone()))
    }
}

/// An account with mail in its lane.
async fn fill(
    store: &SqliteStore,
    id: &str,
    host: &str,
    port: NonZeroU16,
    messages: usize,
) -> Result<AccountPk, Failed> {
    let now = Clock::system().now();
    let tenant = TenantId::parse("acme")?;
    let id = AccountId::parse(id)?;
    let host = Host::parse("host", host)?;
    store.put_tenant(Tenant::new(tenant.clone(), now)).await?;
    let account = Account::new(tenant.clone(), id.clone(), host, port, now);
    let pk = store.put_account(account).await?;
    let text = "0123456789abcde ".repeat(MESSAGE_BYTES / 16);
    let payload = format!(r#"{{"text":"{text}"}}"#);
    let mail = |number: usize| -> Result<NewSubmission, Failed> {
        Ok(NewSubmission {
            tenant: tenant.clone(),
            client_id: Line::parse("id", &format!("{id}{number}"))?,
            account: id.clone(),
            priority: Priority::default(),
            batch: None,
            deferred_until: None,
            payload: payload.clone().into(),
            parts: Parts::Inside,
            recipients: vec![Address::parse(&format!("person{number}@example.org"))?],
            at: now,
        })
    };
    for first in (0..messages).step_by(BATCH) {
        let numbers = first..messages.min(first + BATCH);
        let batch: Result<Vec<NewSubmission>, Failed> = numbers.map(mail).collect();
        store.submit(batch?).await?;
    }
    Ok(pk)
}

async fn service(
    store: Arc<SqliteStore>,
    account: AccountPk,
    messages: usize,
) -> Result<f64, Failed> {
    let rooms = Rooms {
        store: Arc::clone(&store) as Arc<dyn Store>,
        submissions: Arc::clone(&store) as Arc<dyn Submissions>,
        directory: Arc::clone(&store) as Arc<dyn Directory>,
        maker: Arc::new(Plain(Arc::clone(&store) as Arc<dyn Submissions>)),
        clock: Clock::system(),
    };
    let settings = dispatch::Settings {
        connections_per_account: CONNECTIONS,
        ..dispatch::Settings::default()
    };
    let stop = CancellationToken::new();
    let began = Instant::now();
    let running = tokio::spawn(Dispatcher::new(rooms, settings).run(stop.clone()));
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let counts = store.account_counts().await?;
        let is_done = |one: &AccountCounts| one.account == account && one.sent == messages as u64;
        if counts.iter().any(is_done) {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    stop.cancel();
    running.await??;
    Ok(seconds)
}
