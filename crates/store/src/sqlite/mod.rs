//! SQLite: one file that people can open, query and back up.
//!
//! One writer thread commits for everybody in groups (`writer`), with `synchronous=FULL` on a write-ahead log,
//! so an answer means that the bytes are on the disk. Reads use connections of their own (`readers`), and those that a delivery
//! needs others than those that people look at.
//!
//! - `accept`, `record`, `retry`, `lanes`: what changes messages, one file an operation
//! - `due`, `history`, `find`, `timeline`: what reads messages and events
//! - `aside`: a due message whose row cannot be read costs nobody else anything
//! - `troubled`: the messages that did not go well at once, beside the others
//! - `campaigns`, `contents`, `controls`, `jobs`: the smaller tables
//! - `directory`: tenants and what belongs to them, one file a table
//! - `submissions`: what clients hand over, its counts and its reports, one file an operation
//! - `connection`: the settings of every connection to the file
//! - `holder`: the lock file by which a dead process is told from a living one
//! - `migrate`: the schema and its versions
//! - `nodes`: the processes that there are
//! - `snapshot`: the file as it stands at one moment, for a copy
//! - `statistics`: what happened in each hour, counted beside the log
//! - `transaction`: a group's transaction, and what happens to it when an operation fails
//! - `unlock`: the encryption key at opening

mod accept;
mod aside;
mod books;
mod campaigns;
mod connection;
mod contents;
mod controls;
mod directory;
mod due;
mod find;
mod history;
mod holder;
mod jobs;
mod lanes;
mod migrate;
mod nodes;
mod readers;
mod record;
mod retry;
mod row;
mod snapshot;
mod statistics;
mod submissions;
mod timeline;
mod transaction;
mod troubled;
mod unlock;
mod writer;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use model::{ContentHash, Control, LaneId, Message, Seq, Timestamp};
use rusqlite::Connection;
use tokio::sync::broadcast;

use crate::folder;
use crate::nodes::{ORDERS_MAX, Ordered};
use crate::vault::{KeySource, Vault};
use crate::{
    Accepted, Books, Campaign, Due, Find, Found, Job, LaneKey, Lease, Logged, NewCampaign,
    NewControl, NewEvent, NewMessage, Progress, Queued, Renewal, Result, Store, StoreError, Tail,
    Timeline,
};
use holder::Holder;
use readers::Readers;
pub(crate) use snapshot::Snapshot;
use statistics::Counting;
use writer::Writer;

/// The data file's name in the data folder.
pub const FILE_NAME: &str = "glasspost.db";

/// The store in one SQLite file of a data folder.
pub struct SqliteStore {
    writer: Writer,
    /// Reads what a delivery needs.
    delivering: Readers,
    /// Reads what people look at, so that the longest look holds up no delivery (promise: P-08).
    looking: Readers,
    /// Counts what happened.
    counting: Counting,
    holder: Holder,
    /// The store's own random tag, part of every message id.
    tag: u32,
    /// Seals what is secret; `None` when the store was opened without the key.
    vault: Option<Arc<Vault>>,
    /// What other processes ask for: nothing is ever said here.
    orders: broadcast::Sender<Ordered>,
}

impl SqliteStore {
    /// Opens the data folder, making it and the data file when they are not there. Without the encryption key, the
    /// part of the directory that has secrets is closed.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_by(folder, |_| Ok(None))
    }

    /// The same with the key to the directory's secrets. A wrong key is refused.
    pub fn open_with_key(folder: &Path, source: &KeySource) -> Result<Self> {
        Self::open_by(folder, |connection| {
            unlock::unlock(connection, folder, source).map(|vault| Some(Arc::new(vault)))
        })
    }

    fn open_by(
        folder: &Path,
        unlock: impl FnOnce(&mut Connection) -> Result<Option<Arc<Vault>>>,
    ) -> Result<Self> {
        folder::make(folder)?;
        let file = folder.join(FILE_NAME);
        let (mut connection, tag) =
            connection::create(&file).map_err(|error| in_folder(folder, error))?;
        let vault = unlock(&mut connection)?;
        let holder = Holder::register(folder).map_err(|error| folder::unusable(folder, &error))?;
        Ok(Self {
            writer: Writer::start(connection)?,
            delivering: Readers::start(&file, readers::DELIVERING)?,
            looking: Readers::start(&file, readers::LOOKING)?,
            counting: Counting::start(folder, &file)?,
            holder,
            tag,
            vault,
            orders: broadcast::channel(ORDERS_MAX).0,
        })
    }
}

impl SqliteStore {
    /// Takes a due message out of the queue whose row cannot be read, or where that cannot be recorded, out of what is due
    /// for a while.
    async fn set_aside(&self, lease: &Lease, seq: Seq, now: Timestamp) -> Result<()> {
        let (tag, of) = (self.tag, lease.clone());
        let dropped = self
            .writer
            .write(move |tx| aside::drop_damaged(tx, tag, &of, seq, now))
            .await;
        if let Some(cause) = crate::aside::cause_to_park(lease, dropped)? {
            let (of, why) = (lease.clone(), cause.clone());
            self.writer
                .write(move |tx| aside::park(tx, &of, seq, now, why))
                .await?;
            crate::aside::say_parked(lease, seq, &cause);
        }
        Ok(())
    }
}

/// A failure to open, told with the folder's name, unless it says by itself what to do.
fn in_folder(folder: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Newer { .. } | StoreError::Unavailable(_) => error,
        other => StoreError::Folder {
            path: folder.to_owned(),
            reason: other.to_string(),
        },
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn put_content(&self, bytes: Vec<u8>) -> Result<ContentHash> {
        self.writer.write(move |tx| contents::put(tx, &bytes)).await
    }

    async fn content(&self, hash: ContentHash) -> Result<Vec<u8>> {
        self.delivering
            .read(move |connection| contents::get(connection, hash))
            .await
    }

    async fn begin_campaign(&self, lease: &Lease, new: NewCampaign) -> Result<Campaign> {
        let lease = lease.clone();
        self.writer
            .write(move |tx| campaigns::begin(tx, &lease, new))
            .await
    }

    async fn campaigns(&self, identity: Option<&str>, limit: u32) -> Result<Vec<Campaign>> {
        let identity = identity.map(str::to_owned);
        self.looking
            .read(move |connection| campaigns::list(connection, identity.as_deref(), limit))
            .await
    }

    async fn campaign(&self, job_id: &str) -> Result<Option<Campaign>> {
        let job_id = job_id.to_owned();
        self.looking
            .read(move |connection| campaigns::by_job_id(connection, &job_id))
            .await
    }

    async fn mark_campaign(&self, lease: &Lease, progress: Progress) -> Result<()> {
        let lease = lease.clone();
        self.writer
            .write(move |tx| campaigns::mark(tx, &lease, progress))
            .await
    }

    async fn accept(&self, lease: &Lease, batch: Vec<NewMessage>) -> Result<Vec<Accepted>> {
        let (lease, tag) = (lease.clone(), self.tag);
        self.writer
            .write(move |tx| accept::accept(tx, tag, &lease, batch))
            .await
    }

    async fn renew(&self, lease: &Lease, batch: Vec<Renewal>) -> Result<()> {
        let lease = lease.clone();
        self.writer
            .write(move |tx| accept::renew(tx, &lease, batch))
            .await
    }

    async fn lease(&self, lane: LaneKey) -> Result<Lease> {
        let holder = self.holder.clone();
        self.writer
            .write(move |tx| lanes::lease(tx, &holder, lane))
            .await
    }

    /// A living process is never overtaken.
    fn holds(&self, _lease: &Lease) -> bool {
        true
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.writer
            .write(move |tx| lanes::release(tx, &lease))
            .await
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
            let look = move |connection: &Connection| {
                due::due(connection, tag, lane, now, limit, &leave_out)
            };
            let (due, damaged) = self.delivering.read(look).await?;
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
            .write(move |tx| record::record(tx, &lease, batch))
            .await
    }

    async fn queued(&self, lane: LaneId, cursor: Seq, limit: usize) -> Result<Vec<Queued>> {
        self.delivering
            .read(move |connection| due::queued(connection, lane, cursor, limit))
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
            .write(move |tx| record::cancel(tx, tag, &lease, &messages, &reason, at))
            .await
    }

    async fn end_of_log(&self) -> Result<Seq> {
        self.delivering.read(history::end_of_log).await
    }

    async fn events_after(
        &self,
        cursor: Seq,
        lane: Option<LaneId>,
        limit: usize,
    ) -> Result<Vec<Logged>> {
        let tag = self.tag;
        self.delivering
            .read(move |connection| history::after(connection, tag, cursor, lane, limit))
            .await
    }

    fn tail(&self) -> Tail {
        self.writer.tail()
    }

    async fn books(&self, lane: LaneId) -> Result<Books> {
        self.delivering
            .read(move |connection| books::read(connection, lane))
            .await
    }

    async fn count_books(&self, lane: LaneId) -> Result<Books> {
        self.looking
            .read(move |connection| books::count(connection, lane))
            .await
    }

    async fn messages(&self, lane: LaneId, cursor: Seq, limit: usize) -> Result<Vec<Logged>> {
        let tag = self.tag;
        self.looking
            .read(move |connection| history::latest(connection, tag, lane, cursor, limit))
            .await
    }

    async fn find(&self, lane: LaneId, query: Find) -> Result<Found> {
        let tag = self.tag;
        self.looking
            .read(move |connection| find::find(connection, tag, lane, &query))
            .await
    }

    async fn timeline(&self, message: Seq) -> Result<Option<Timeline>> {
        let tag = self.tag;
        self.looking
            .read(move |connection| timeline::timeline(connection, tag, message))
            .await
    }

    async fn control(&self, new: NewControl) -> Result<Control> {
        self.writer
            .write(move |tx| controls::control(tx, new))
            .await
    }

    async fn controls_after(
        &self,
        cursor: Seq,
        lane: LaneId,
        limit: usize,
    ) -> Result<Vec<Control>> {
        self.looking
            .read(move |connection| controls::after(connection, cursor, lane, limit))
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
            .write(move |tx| retry::retry_failed(tx, tag, &lease, up_to, limit, at))
            .await
    }

    async fn has_repeatable(&self, lane: LaneId) -> Result<bool> {
        self.delivering
            .read(move |connection| troubled::has_repeatable(connection, lane))
            .await
    }

    async fn message(&self, seq: Seq) -> Result<Option<Message>> {
        let tag = self.tag;
        self.delivering
            .read(move |connection| row::message(connection, tag, seq))
            .await
    }

    async fn save_cursor(&self, reader: &str, place: &str) -> Result<()> {
        let (reader, place) = (reader.to_owned(), place.to_owned());
        self.writer
            .write(move |tx| campaigns::save_cursor(tx, &reader, &place))
            .await
    }

    async fn cursor(&self, reader: &str) -> Result<Option<String>> {
        let reader = reader.to_owned();
        self.delivering
            .read(move |connection| campaigns::cursor(connection, &reader))
            .await
    }

    async fn add_job(&self, job: Job) -> Result<()> {
        self.writer.write(move |tx| jobs::add(tx, &job)).await
    }

    async fn jobs(&self) -> Result<Vec<Job>> {
        self.delivering.read(jobs::all).await
    }

    async fn save_job(&self, lease: &Lease, job: Job) -> Result<bool> {
        let lease = lease.clone();
        self.writer
            .write(move |tx| jobs::save(tx, &lease, &job))
            .await
    }

    async fn cancel_job(&self, id: &str, at: Timestamp) -> Result<bool> {
        let id = id.to_owned();
        self.writer.write(move |tx| jobs::cancel(tx, &id, at)).await
    }
}
