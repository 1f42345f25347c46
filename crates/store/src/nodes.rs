//! The processes that share a store: who lives, and what each is doing.

use std::time::Duration;

use async_trait::async_trait;
use model::Timestamp;
use tokio::sync::broadcast;

use crate::{Result, StoreError};

/// How long a process counts as living that is not heard of.
pub const SILENT_MAX: Duration = Duration::from_secs(10);
/// How long it is kept what a process said that is not heard of any more.
pub const KEPT: Duration = Duration::from_secs(60 * 60);
/// The longest account of what a process is doing, in bytes.
pub const DOING_BYTES_MAX: usize = 64 * 1024;

/// What a process tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// The machine that it runs on.
    pub host: String,
    /// Its process id there.
    pub process: u32,
    /// What it is there for.
    pub roles: String,
    /// The program's version.
    pub version: String,
    /// Where it is reached, if at all.
    pub address: Option<String>,
    /// What it is doing, as a JSON object of [`DOING_BYTES_MAX`] bytes at most.
    pub doing: String,
    /// When it began.
    pub started_at: Timestamp,
}

impl NewNode {
    /// Refuses what is not kept.
    pub(crate) fn check(&self) -> Result<()> {
        let bytes = self.doing.len();
        match bytes > DOING_BYTES_MAX {
            true => Err(StoreError::Invalid(format!(
                "a node whose `doing` has {bytes} bytes: {DOING_BYTES_MAX} at most"
            ))),
            false => Ok(()),
        }
    }
}

/// A process that was heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name under which it holds lanes; no other process has or had it.
    pub id: String,
    /// Whether it is the one that asks.
    pub is_this: bool,
    /// What it told of itself last.
    pub about: NewNode,
    /// How long ago, by the store's clock.
    pub silent_for: Duration,
}

/// What a store knows of those that share it.
#[async_trait]
pub trait Nodes: Send + Sync + 'static {
    /// Tells that this process lives, and what it does; gives all that were heard of within [`SILENT_MAX`], itself
    /// included, by id. To be called every few seconds. What is said twice is no failure.
    async fn beat(&self, node: NewNode) -> Result<Vec<Node>>;

    /// Does what the backend needs from time to time, such as room for the next month; by one process for all, every
    /// minute.
    async fn keep_house(&self) -> Result<()>;

    /// Whether the store answers, can be written to, and has a schema that this program can work with. It writes nothing.
    async fn check(&self) -> Result<()>;

    /// Tells that this process ends: it is not waited for.
    async fn leave(&self) -> Result<()>;

    /// Asks the other processes for something, in [`WORDS_BYTES_MAX`] bytes of words that they know; gives the order's
    /// number, which grows. It is a hint: a process that hears nothing for a while misses it, and learns that it did.
    async fn order(&self, words: &str) -> Result<u64>;

    /// Follows what other processes ask for from now on.
    fn orders(&self) -> Orders;
}

/// The longest words of an order.
pub const WORDS_BYTES_MAX: usize = 1_000;
/// Orders that may wait for who follows them.
pub(crate) const ORDERS_MAX: usize = 256;

/// What another process asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// Something, in its words.
    Words {
        /// The order's number.
        number: u64,
        /// The words.
        words: String,
    },
    /// Something that was not heard.
    Missed,
}

/// Follows what other processes ask for.
#[derive(Debug)]
pub struct Orders(broadcast::Receiver<Ordered>);

impl Orders {
    /// A follower of a channel.
    pub(crate) fn new(receiver: broadcast::Receiver<Ordered>) -> Self {
        Self(receiver)
    }

    /// The next order; `None` when the store is closed.
    pub async fn next(&mut self) -> Option<Ordered> {
        match self.0.recv().await {
            Ok(order) => Some(order),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Ordered::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// Refuses words that are not passed on.
pub(crate) fn check_words(words: &str) -> Result<()> {
    let is_plain = words.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match is_plain && words.len() <= WORDS_BYTES_MAX {
        true => Ok(()),
        false => Err(StoreError::Invalid(format!(
            "an order that is not {WORDS_BYTES_MAX} bytes of ASCII at most"
        ))),
    }
}
