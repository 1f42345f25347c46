//! Statistics in PostgreSQL: what happened in each hour, counted beside the log.
//!
//! Who counts keeps others from counting by a lock of their own, and holds nothing that a writer of mail could wait for: what
//! they read of the log takes no lock, and nobody who writes mail touches what they write.
//!
//! - `count`: what the log has gained, and what is kept no longer
//! - `query`: the counts read back
//! - `rebuild`: hours counted anew
//! - `forgotten`: what whoever forgets mail notes of it

mod count;
pub(super) mod forgotten;
mod query;
mod rebuild;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::Timestamp;

use super::PostgresStore;
use super::address::Address;
use super::fault::lost;
use super::session::{Engaged, Session, Sessions};
use crate::Result;
use crate::statistics::{
    CountedTo, Hours, Rebuilt, RolledUp, Statistics, StatisticsQuery, StatisticsRow,
};

/// Sessions of a process that count, while it has the duty.
const COUNTING: usize = 1;
/// How long counting may take at once before its session counts as broken: a little more than the server works at it.
const COUNTING_MAX: Duration = Duration::from_secs(35);
/// Waits until no other counts, and keeps others from it until the transaction's end. What is read by later statements of
/// it is what the others committed.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     SELECT pg_advisory_xact_lock('statistics'::regclass::bigint)";

/// Whose each lane of what is called `logged` is. In simpler words, the server would sometimes read the log once a lane.
const OWNERS: &str = "CROSS JOIN LATERAL (SELECT account FROM lanes WHERE id = logged.lane LIMIT 1) AS lane \
     CROSS JOIN LATERAL (SELECT tenant, id AS account FROM accounts WHERE pk = lane.account LIMIT 1) AS owner";

/// What counting is done with.
pub(super) struct Counting {
    sessions: Sessions,
    address: Address,
}

impl Counting {
    pub(super) fn new(address: &Address) -> Result<Self> {
        Ok(Self {
            sessions: Sessions::counting(address, COUNTING)?,
            address: address.clone(),
        })
    }

    /// Works in a transaction while nobody else is in such a one.
    async fn alone<T>(
        &self,
        work: impl for<'s> FnOnce(&'s Session) -> BoxFuture<'s, Result<T>> + Send,
    ) -> Result<T> {
        let counting = async {
            let session = Engaged::new(self.sessions.session().await?);
            session.simply(BEGIN).await?;
            let outcome = work(&session).await?;
            session.simply("COMMIT").await?;
            session.give_back();
            Ok(outcome)
        };
        let counted = tokio::time::timeout(COUNTING_MAX, counting).await;
        counted.unwrap_or_else(|_| Err(lost()))
    }
}

#[async_trait]
impl Statistics for PostgresStore {
    async fn roll_up(&self, limit: u32) -> Result<RolledUp> {
        self.counting
            .alone(move |session| count::roll_up(session, limit).boxed())
            .await
    }

    async fn statistics(&self, query: StatisticsQuery) -> Result<Vec<StatisticsRow>> {
        self.looking
            .read(move |session| async move { query::rows(session, &query).await }.boxed())
            .await
    }

    async fn counted_to(&self) -> Result<CountedTo> {
        self.looking
            .read(|session| query::counted_to(session).boxed())
            .await
    }

    async fn rebuild(&self, from: Timestamp, until: Timestamp) -> Result<Rebuilt> {
        rebuild::rebuild(&self.counting.address, Hours::that_begin(from, until)).await
    }

    async fn expire_statistics(&self, before: Timestamp, limit: usize) -> Result<usize> {
        self.counting
            .alone(move |session| count::expire(session, before, limit).boxed())
            .await
    }
}
