//! Durable truth: the queue, the event log, the ledger of every campaign, and configuration.
//!
//! Promises:
//! - What an operation answered is on disk: it survives `kill -9` and loss of power (promise: P-01).
//! - A message changes state only together with its event, in one transaction, and reaches exactly one final
//!   state (promise: P-02).
//! - Only the holder of a lane's lease records outcomes for its messages (promise: P-03).
//! - Secrets are encrypted at rest, each bound to its place, and show in no error, log or `Debug`.
//! - The books balance: accepted = queued + the sum of the final states, per lane, after every commit.
//!
//! Does not know: SMTP, HTTP, what is in a message, what a campaign's settings mean.
//!
//! # Layout
//! - [`Store`]: what every backend can do; batch-shaped, in the domain's words
//! - [`directory`]: the same for configuration: tenants, their keys, accounts and storages
//! - [`submissions`]: the same for what clients hand over, its counts and its reports
//! - [`payload`]: what a submission says
//! - [`preparation`]: the same for what has to be fetched before it is sent
//! - [`statistics`]: the same for what happened in each hour, counted beside the log
//! - [`nodes`]: the processes that share it
//! - [`vault`]: secrets at rest, and their key
//! - [`copy`]: an installation moved up, from a data file into a database
//! - [`campaign`], [`lane`], [`log`], [`find`], [`books`], [`schedule`]: the values it takes and gives
//! - [`error`]: what went wrong, by what the caller does next
//! - [`sqlite`]: one file, one writer thread with group commit, readers beside it
//! - [`postgres`]: one database for many processes, the same group commit in each

// Tests that include the server of the others know this crate by its name, as those do.
#[cfg(test)]
extern crate self as store;

mod aside;
pub mod books;
pub mod campaign;
mod columns;
mod contents;
pub mod copy;
mod detail;
pub mod directory;
pub mod error;
mod fact;
pub mod find;
mod folder;
mod handover;
pub mod lane;
pub mod log;
mod look;
pub mod nodes;
mod outcome;
pub mod payload;
pub mod postgres;
pub mod preparation;
pub mod schedule;
pub mod sqlite;
pub mod statistics;
pub mod submissions;
pub mod vault;

use std::collections::HashSet;

use async_trait::async_trait;
use model::{ContentHash, Control, LaneId, Message, Seq, Timestamp};

pub use books::Books;
pub use campaign::{Accepted, Campaign, NewCampaign, NewMessage, Progress, Renewal};
pub use directory::Directory;
pub use error::StoreError;
pub use find::{Find, Found, Queued, Standing, Timeline};
pub use lane::{Due, LaneKey, Lease};
pub use log::{LogBatch, Logged, NewControl, NewEvent, Origin, Tail};
pub use nodes::{NewNode, Node, Nodes, Ordered, Orders};
pub use payload::Payload;
pub use postgres::PostgresStore;
pub use preparation::{Parts, Preparation};
pub use schedule::{Job, JobState};
pub use sqlite::SqliteStore;
pub use statistics::{Statistics, StatisticsQuery, StatisticsRow};
pub use submissions::{NewSubmission, Submission, Submissions, Submitted};
pub use vault::{KeyError, KeySource};

/// A store's answer.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What every backend can do. All of it is durable when it answers.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Keeps content that many messages share, once, under its SHA-256.
    async fn put_content(&self, bytes: Vec<u8>) -> Result<ContentHash>;

    /// Gives content back.
    async fn content(&self, hash: ContentHash) -> Result<Vec<u8>>;

    /// Begins a new run of a campaign. Only the holder of its lane does ([`LaneKey::beginning`]), so that of two who were
    /// both about to, one does.
    async fn begin_campaign(&self, lease: &Lease, new: NewCampaign) -> Result<Campaign>;

    /// The runs, newest first; with `identity`, only those of that campaign.
    async fn campaigns(&self, identity: Option<&str>, limit: u32) -> Result<Vec<Campaign>>;

    /// One run by its job id.
    async fn campaign(&self, job_id: &str) -> Result<Option<Campaign>>;

    /// Notes how far the run of a held lane has come.
    async fn mark_campaign(&self, lease: &Lease, progress: Progress) -> Result<()>;

    /// Takes responsibility for a batch of messages (promise: P-01). One address is accepted once into a
    /// lane, whatever its case; the answers are in the order of the batch. A batch is of the lane that is held, and not of an
    /// account's: what waits there is handed over by [`Submissions::submit`].
    async fn accept(&self, lease: &Lease, batch: Vec<NewMessage>) -> Result<Vec<Accepted>>;

    /// Gives messages of a held lane that are still queued other data and another template; those that are final stay as
    /// they are.
    async fn renew(&self, lease: &Lease, batch: Vec<Renewal>) -> Result<()>;

    /// Takes a lane for this process, or says who holds it.
    async fn lease(&self, lane: LaneKey) -> Result<Lease>;

    /// Whether a lease that was had is still ours, as far as can be known without asking anybody: no attempt begins
    /// without it.
    fn holds(&self, lease: &Lease) -> bool;

    /// Gives a lane back.
    async fn release(&self, lease: Lease) -> Result<()>;

    /// The messages of a held lane that may be tried at `now`, without those `in_flight` and those that are held back: the
    /// more urgent before all others, and of one priority the oldest due first.
    async fn due(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: usize,
        in_flight: &HashSet<Seq>,
    ) -> Result<Due>;

    /// Records what became of messages of a held lane (promise: P-03: the lease's token is checked).
    /// An event about a message that is already final, or was removed with its submission, is left out; the number of
    /// those is the answer. A message of another lane refuses the whole batch. News are no outcome, and are refused. With
    /// a submission's messages go its counts and its reports, in the same transaction.
    async fn record(&self, lease: &Lease, batch: Vec<NewEvent>) -> Result<usize>;

    /// Queued messages of a lane, in the log's order, from after `cursor`.
    async fn queued(&self, lane: LaneId, cursor: Seq, limit: usize) -> Result<Vec<Queued>>;

    /// Takes back queued messages, saying why; gives how many it were.
    async fn cancel(
        &self,
        lease: &Lease,
        messages: Vec<Seq>,
        reason: &str,
        at: Timestamp,
    ) -> Result<usize>;

    /// The log's last place.
    async fn end_of_log(&self) -> Result<Seq>;

    /// The log from after `cursor`, in order; with `lane`, only its part.
    async fn events_after(
        &self,
        cursor: Seq,
        lane: Option<LaneId>,
        limit: usize,
    ) -> Result<Vec<Logged>>;

    /// Follows what this process commits from now on, and learns that others did.
    fn tail(&self) -> Tail;

    /// The counters of one lane.
    async fn books(&self, lane: LaneId) -> Result<Books>;

    /// The same figures counted from the messages themselves and from a note of those that were forgotten, for a check of
    /// the counters: they count what ever was.
    async fn count_books(&self, lane: LaneId) -> Result<Books>;

    /// The messages of a lane in the log's order from after `cursor`, each with its latest event.
    async fn messages(&self, lane: LaneId, cursor: Seq, limit: usize) -> Result<Vec<Logged>>;

    /// Looks for messages of a lane, within the bounds of the query.
    async fn find(&self, lane: LaneId, query: Find) -> Result<Found>;

    /// Everything that happened to one message; `None` when there is no such message.
    async fn timeline(&self, message: Seq) -> Result<Option<Timeline>>;

    /// Writes down that somebody intervened in a lane's run.
    async fn control(&self, new: NewControl) -> Result<Control>;

    /// The interventions in a lane's run from after `cursor`, in order.
    async fn controls_after(&self, cursor: Seq, lane: LaneId, limit: usize)
    -> Result<Vec<Control>>;

    /// Accepts a new message for each message of the lane that failed for good at or before `up_to` in the log and has
    /// none yet, `limit` at most; gives how many it were. Called again until that is none. With the first of them
    /// the run is unfinished again.
    async fn retry_failed(
        &self,
        lease: &Lease,
        up_to: Seq,
        limit: usize,
        at: Timestamp,
    ) -> Result<usize>;

    /// Whether a message of the lane failed for good and has none yet that repeats it.
    async fn has_repeatable(&self, lane: LaneId) -> Result<bool>;

    /// One message by its place in the log.
    async fn message(&self, seq: Seq) -> Result<Option<Message>>;

    /// Remembers a reader's place under its name.
    async fn save_cursor(&self, reader: &str, place: &str) -> Result<()>;

    /// A reader's remembered place.
    async fn cursor(&self, reader: &str) -> Result<Option<String>>;

    /// Registers a job.
    async fn add_job(&self, job: Job) -> Result<()>;

    /// Every job, by creation.
    async fn jobs(&self) -> Result<Vec<Job>>;

    /// Writes a job's new state; `false` when somebody cancelled it meanwhile or it is gone. Only the holder of its lane
    /// does ([`LaneKey::job`]).
    async fn save_job(&self, lease: &Lease, job: Job) -> Result<bool>;

    /// Cancels a job that has not ended; `false` when there is none such.
    async fn cancel_job(&self, id: &str, at: Timestamp) -> Result<bool>;
}
