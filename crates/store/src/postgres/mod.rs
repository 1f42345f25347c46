//! PostgreSQL: one database for as many processes as share the work.
//!
//! Each process has one writer (`writer`) that commits for everybody in it in groups, and of all processes one writes at a
//! time: a transaction that writes waits for its turn at its beginning (`transaction`). So places in the log come in the
//! order of the commits, as they do in one file, and a reader's cursor is a number. Reads use sessions of their own
//! (`session`), those that a delivery needs others than those that people look at.
//!
//! - `address`: where the database is; `unverified`: a server that is taken as it comes
//! - `migrate`: the schema and its versions; `partitions`: the parts of the events
//! - `holder`: this process as a holder of lanes, and how it stays one; `lanes`: who may deliver from a lane
//! - `nodes`: the processes that there are; `listen`: what other processes did
//! - `accept`, `record`, `retry`: what changes messages, one file an operation
//! - `due`, `history`, `find`, `timeline`: what reads messages and events
//! - `aside`: a due message whose row cannot be read costs nobody else anything
//! - `troubled`: the messages that did not go well at once, beside the others
//! - `campaigns`, `contents`, `controls`, `jobs`: the smaller tables
//! - `directory`: tenants and what belongs to them, one file a table
//! - `submissions`: what clients hand over, its counts and its reports, one file an operation
//! - `statistics`: what happened in each hour, counted beside the log
//! - `preparing`: what is fetched before it is sent
//! - `unlock`: the encryption key at opening
//! - `filling`: an empty database that is filled whole, or not at all
//! - `fault`: what the server says is wrong

mod accept;
mod address;
mod aside;
mod books;
mod campaigns;
mod connect;
mod contents;
mod controls;
mod directory;
mod due;
mod fault;
mod filling;
mod find;
mod history;
mod holder;
mod jobs;
mod lanes;
mod listen;
mod migrate;
mod nodes;
mod partitions;
mod preparing;
mod record;
mod retry;
mod row;
mod session;
mod statistics;
mod submissions;
mod timeline;
mod transaction;
mod troubled;
mod unlock;
mod unverified;
mod writer;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use model::{ContentHash, Control, LaneId, Message, Seq, Timestamp};
use tokio::sync::broadcast;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::nodes::{ORDERS_MAX, Ordered};
use crate::vault::{KeySource, Vault};
use crate::{
    Accepted, Books, Campaign, Due, Find, Found, Job, LaneKey, Lease, Logged, NewCampaign,
    NewControl, NewEvent, NewMessage, Progress, Queued, Renewal, Result, Store, StoreError, Tail,
    Timeline,
};
pub use address::Address;
pub(crate) use filling::Filling;
use holder::Holder;
use listen::Ears;
pub use migrate::{Migrated, migrate};
use preparing::WRITING_AHEAD;
use session::Sessions;
use statistics::Counting;
use writer::Writer;

/// Sessions of a process that deliveries read with.
const DELIVERING: usize = 4;
/// Sessions of a process that people look with.
const LOOKING: usize = 4;
/// Sessions that write for everybody: the writer's.
const WRITING: usize = 1;

/// How a process uses the database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a lane stays a process's that is not heard of.
    pub lease: Duration,
    /// Lanes of an account that has no limits: as many processes can share it.
    pub shards: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            shards: 4,
        }
    }
}

/// The store in a PostgreSQL database.
pub struct PostgresStore {
    writer: Writer,
    /// Reads what a delivery needs.
    delivering: Sessions,
    /// Reads what people look at, so that the longest look holds up no delivery (promise: P-08).
    looking: Sessions,
    /// Counts what happened.
    counting: Counting,
    /// Writes what was prepared, beside the log.
    ahead: Sessions,
    holder: Holder,
    /// What other processes ask for.
    orders: broadcast::Sender<Ordered>,
    /// The store's own random tag, part of every message id.
    tag: u32,
    /// Seals what is secret; `None` when the store was opened without the key.
    vault: Option<Arc<Vault>>,
    settings: Settings,
    /// Ends what goes on beside.
    _end: DropGuard,
}

impl PostgresStore {
    /// Opens a database that has the schema. Without the encryption key, the part of the directory that has secrets is
    /// closed.
    pub async fn open(address: &Address, settings: Settings) -> Result<Self> {
        Self::open_by(address, None, settings).await
    }

    /// The same with the key to the directory's secrets; its file is in `folder`. A wrong key is refused.
    pub async fn open_with_key(
        address: &Address,
        folder: &Path,
        source: &KeySource,
        settings: Settings,
    ) -> Result<Self> {
        Self::open_by(address, Some((folder, source)), settings).await
    }

    async fn open_by(
        address: &Address,
        key: Option<(&Path, &KeySource)>,
        settings: Settings,
    ) -> Result<Self> {
        let unusable = |error| fault::unusable(address, error);
        let (mut client, _task) = connect::open(address).await.map_err(unusable)?;
        migrate::check(&mut client).await.map_err(unusable)?;
        let tag = migrate::tag(&client).await?;
        let vault = match key {
            Some((folder, source)) => {
                Some(Arc::new(unlock::unlock(&mut client, folder, source).await?))
            }
            None => None,
        };
        let end = CancellationToken::new();
        let ends_all = end.clone().drop_guard();
        let holder = Holder::start(address, settings.lease, &end)?;
        let writer = Writer::start(Sessions::new(address, WRITING)?, holder.name());
        let (orders, _) = broadcast::channel(ORDERS_MAX);
        let ears = Ears {
            commits: writer.publisher(),
            orders: orders.downgrade(),
        };
        listen::start(address, holder.name(), ears, &end).await?;
        Ok(Self {
            writer,
            delivering: Sessions::reading(address, DELIVERING)?,
            looking: Sessions::reading(address, LOOKING)?,
            counting: Counting::new(address)?,
            ahead: Sessions::new(address, WRITING_AHEAD)?,
            holder,
            orders,
            tag,
            vault,
            settings,
            _end: ends_all,
        })
    }

    /// Gives back the lanes that are held, so that others need not wait for their end, and ends what goes on beside. A
    /// store that is dropped does it in the background, where there is time for that.
    pub async fn close(&self) {
        self.holder.close().await;
    }

    /// Waits until a commit has ended that is under way anywhere. What the holder before had begun to record stands in the
    /// log then, and whatever it records later is refused.
    async fn wait_for_commits_under_way(&self, lease: &Lease) -> Result<()> {
        let waited = self.writer.write(|_| async { Ok(()) }.boxed()).await;
        if waited.is_err() {
            // Nobody delivers from it on such grounds. Where this fails as well, it expires.
            let _ = self.holder.release(lease.clone()).await;
        }
        waited
    }
}

impl PostgresStore {
    /// Makes the parts of the events ahead of time, where they are not there yet: to be called every day or so, by any of
    /// the processes. Without it, the events of a month that has no part are kept in the one for all others, from where the
    /// next call moves them.
    pub async fn prepare_partitions(&self) -> Result<()> {
        self.writer
            .write(move |tx| partitions::prepare(tx).boxed())
            .await
    }

    /// Drops the parts of months long over in which nothing is left. One that somebody looks into stays for now.
    async fn drop_emptied_partitions(&self) -> Result<()> {
        let emptied = self
            .looking
            .read(|session| partitions::emptied(session).boxed())
            .await?;
        for part in emptied {
            let dropped = self
                .writer
                .write(move |tx| async move { partitions::drop_emptied(tx, &part).await }.boxed())
                .await;
            match dropped {
                Ok(()) | Err(StoreError::Unavailable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn put_content(&self, bytes: Vec<u8>) -> Result<ContentHash> {
        self.writer
            .write(move |tx| contents::put(&tx.session, bytes).boxed())
            .await
    }

    async fn content(&self, hash: ContentHash) -> Result<Vec<u8>> {
        self.delivering
            .read(move |session| contents::get(session, hash).boxed())
            .await
    }

    async fn begin_campaign(&self, lease: &Lease, new: NewCampaign) -> Result<Campaign> {
        let lease = lease.clone();
        self.writer
            .write(move |tx| async move { campaigns::begin(tx, &lease, new).await }.boxed())
            .await
    }

    async fn campaigns(&self, identity: Option<&str>, limit: u32) -> Result<Vec<Campaign>> {
        let identity = identity.map(str::to_owned);
        self.looking
            .read(move |session| {
                async move { campaigns::list(session, identity.as_deref(), limit).await }.boxed()
            })
            .await
    }

    async fn campaign(&self, job_id: &str) -> Result<Option<Campaign>> {
        let job_id = job_id.to_owned();
        self.looking
            .read(move |session| {
                async move { campaigns::by_job_id(session, &job_id).await }.boxed()
            })
            .await
    }

    async fn mark_campaign(&self, lease: &Lease, progress: Progress) -> Result<()> {
        let lease = lease.clone();
        self.writer
            .write(move |tx| async move { campaigns::mark(tx, &lease, progress).await }.boxed())
            .await
    }

    async fn accept(&self, lease: &Lease, batch: Vec<NewMessage>) -> Result<Vec<Accepted>> {
        let (lease, tag) = (lease.clone(), self.tag);
        self.writer
            .write(move |tx| async move { accept::accept(tx, tag, &lease, batch).await }.boxed())
            .await
    }

    async fn renew(&self, lease: &Lease, batch: Vec<Renewal>) -> Result<()> {
        let lease = lease.clone();
        self.writer
            .write(move |tx| async move { accept::renew(tx, &lease, batch).await }.boxed())
            .await
    }

    async fn lease(&self, lane: LaneKey) -> Result<Lease> {
        let taken = self.holder.lease(lane).await?;
        if taken.is_overtaken {
            self.wait_for_commits_under_way(&taken.lease).await?;
        }
        Ok(taken.lease)
    }

    fn holds(&self, lease: &Lease) -> bool {
        self.holder.holds(lease)
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.holder.release(lease).await
    }

    async fn due(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: usize,
        in_flight: &HashSet<Seq>,
    ) -> Result<Due> {
        let (tag, lane) = (self.tag, lease.lane);
        let mut without = in_flight.clone();
        loop {
            let leave_out = without.clone();
            let (due, damaged) = self
                .delivering
                .read(move |session| {
                    async move { due::due(session, tag, lane, now, limit, &leave_out).await }
                        .boxed()
                })
                .await?;
            if damaged.is_empty() {
                return Ok(due);
            }
            for &seq in &damaged {
                self.set_aside(lease, seq, now).await?;
            }
            // Each look leaves out what was set aside before it, so that there is a last one.
            without.extend(damaged);
        }
    }

    async fn record(&self, lease: &Lease, batch: Vec<NewEvent>) -> Result<usize> {
        let lease = lease.clone();
        self.writer
            .write(move |tx| async move { record::record(tx, &lease, batch).await }.boxed())
            .await
    }

    async fn queued(&self, lane: LaneId, cursor: Seq, limit: usize) -> Result<Vec<Queued>> {
        self.delivering
            .read(move |session| due::queued(session, lane, cursor, limit).boxed())
            .await
    }

    async fn cancel(
        &self,
        lease: &Lease,
        messages: Vec<Seq>,
        reason: &str,
        at: Timestamp,
    ) -> Result<usize> {
        let (lease, reason, tag) = (lease.clone(), reason.to_owned(), self.tag);
        self.writer
            .write(move |tx| {
                async move { record::cancel(tx, tag, &lease, &messages, &reason, at).await }.boxed()
            })
            .await
    }

    async fn end_of_log(&self) -> Result<Seq> {
        self.delivering
            .read(|session| history::end_of_log(session).boxed())
            .await
    }

    async fn events_after(
        &self,
        cursor: Seq,
        lane: Option<LaneId>,
        limit: usize,
    ) -> Result<Vec<Logged>> {
        let tag = self.tag;
        self.delivering
            .read(move |session| history::after(session, tag, cursor, lane, limit).boxed())
            .await
    }

    fn tail(&self) -> Tail {
        self.writer.tail()
    }

    async fn books(&self, lane: LaneId) -> Result<Books> {
        self.delivering
            .read(move |session| books::read(session, lane).boxed())
            .await
    }

    async fn count_books(&self, lane: LaneId) -> Result<Books> {
        self.looking
            .read(move |session| books::count(session, lane).boxed())
            .await
    }

    async fn messages(&self, lane: LaneId, cursor: Seq, limit: usize) -> Result<Vec<Logged>> {
        let tag = self.tag;
        self.looking
            .read(move |session| history::latest(session, tag, lane, cursor, limit).boxed())
            .await
    }

    async fn find(&self, lane: LaneId, query: Find) -> Result<Found> {
        let tag = self.tag;
        self.looking
            .read(move |session| {
                async move { find::find(session, tag, lane, &query).await }.boxed()
            })
            .await
    }

    async fn timeline(&self, message: Seq) -> Result<Option<Timeline>> {
        let tag = self.tag;
        self.looking
            .read(move |session| timeline::timeline(session, tag, message).boxed())
            .await
    }

    async fn control(&self, new: NewControl) -> Result<Control> {
        self.writer
            .write(move |tx| controls::control(tx, new).boxed())
            .await
    }

    async fn controls_after(
        &self,
        cursor: Seq,
        lane: LaneId,
        limit: usize,
    ) -> Result<Vec<Control>> {
        self.looking
            .read(move |session| controls::after(session, cursor, lane, limit).boxed())
            .await
    }

    async fn retry_failed(
        &self,
        lease: &Lease,
        up_to: Seq,
        limit: usize,
        at: Timestamp,
    ) -> Result<usize> {
        let (lease, tag) = (lease.clone(), self.tag);
        self.writer
            .write(move |tx| {
                async move { retry::retry_failed(tx, tag, &lease, up_to, limit, at).await }.boxed()
            })
            .await
    }

    async fn has_repeatable(&self, lane: LaneId) -> Result<bool> {
        self.delivering
            .read(move |session| troubled::has_repeatable(session, lane).boxed())
            .await
    }

    async fn message(&self, seq: Seq) -> Result<Option<Message>> {
        let tag = self.tag;
        self.delivering
            .read(move |session| row::message(session, tag, seq).boxed())
            .await
    }

    async fn save_cursor(&self, reader: &str, place: &str) -> Result<()> {
        let (reader, place) = (reader.to_owned(), place.to_owned());
        self.writer
            .write(move |tx| {
                async move { campaigns::save_cursor(tx, &reader, &place).await }.boxed()
            })
            .await
    }

    async fn cursor(&self, reader: &str) -> Result<Option<String>> {
        let reader = reader.to_owned();
        self.delivering
            .read(move |session| async move { campaigns::cursor(session, &reader).await }.boxed())
            .await
    }

    async fn add_job(&self, job: Job) -> Result<()> {
        self.writer
            .write(move |tx| async move { jobs::add(tx, &job).await }.boxed())
            .await
    }

    async fn jobs(&self) -> Result<Vec<Job>> {
        self.delivering
            .read(move |session| jobs::all(session).boxed())
            .await
    }

    async fn save_job(&self, lease: &Lease, job: Job) -> Result<bool> {
        let lease = lease.clone();
        self.writer
            .write(move |tx| async move { jobs::save(tx, &lease, &job).await }.boxed())
            .await
    }

    async fn cancel_job(&self, id: &str, at: Timestamp) -> Result<bool> {
        let id = id.to_owned();
        self.writer
            .write(move |tx| async move { jobs::cancel(tx, &id, at).await }.boxed())
            .await
    }
}
