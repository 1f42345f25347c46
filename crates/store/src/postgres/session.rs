//! A session with the server, and the pools that they are taken from.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::address::Address;
use super::fault::{is_outdated, lost};
use crate::{Result, StoreError};

/// How long a look may take, its waiting for a session included: a caller is refused within five seconds.
const READ_MAX: Duration = Duration::from_secs(4);
/// How long to wait for a session that is free.
const WAIT_MAX: Duration = Duration::from_secs(4);

/// Every statement is a few looks into indexes. A plan that was made while a table was small would go through the whole of it
/// for minutes after it has grown, with everybody waiting.
const PLAN_BY_INDEX: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
     SET enable_material = off; SET jit = off";
/// Where much is read at once, the plan is made anew each time: a part of the events that is empty when it is made has another
/// way through it that seems as good.
const PLAN_ANEW: &str = "SET plan_cache_mode = force_custom_plan";
/// What nobody waits for any more is not worked at for long.
const READ_SOON: &str = "SET statement_timeout = '5s'";

/// Values bound to a statement.
pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A session. Statements are prepared once and kept with it.
pub(super) struct Session {
    /// `None` once it was ended.
    object: Option<Object>,
    /// Whether its statements are of a schema that is not there any more.
    is_outdated: AtomicBool,
}

impl Session {
    /// Runs a statement; gives the rows that it touched.
    pub(super) async fn execute(&self, statement: &str, values: Values<'_>) -> Result<u64> {
        let session = self.open()?;
        let prepared = session.prepare_cached(statement).await?;
        let touched = session.execute(&prepared, values).await;
        touched.map_err(|error| self.failed(error))
    }

    /// All rows of a query.
    pub(super) async fn rows(&self, query: &str, values: Values<'_>) -> Result<Vec<Row>> {
        let session = self.open()?;
        let prepared = session.prepare_cached(query).await?;
        let rows = session.query(&prepared, values).await;
        rows.map_err(|error| self.failed(error))
    }

    /// The one row of a query.
    pub(super) async fn row(&self, query: &str, values: Values<'_>) -> Result<Row> {
        let session = self.open()?;
        let prepared = session.prepare_cached(query).await?;
        let row = session.query_one(&prepared, values).await;
        row.map_err(|error| self.failed(error))
    }

    /// The row of a query that may find none.
    pub(super) async fn row_if_any(&self, query: &str, values: Values<'_>) -> Result<Option<Row>> {
        let session = self.open()?;
        let prepared = session.prepare_cached(query).await?;
        let row = session.query_opt(&prepared, values).await;
        row.map_err(|error| self.failed(error))
    }

    /// Runs statements without values, one after the other in one message; gives the first column of the last row
    /// that came back and has one.
    pub(super) async fn simply(&self, statements: &str) -> Result<Option<String>> {
        let answers = self.open()?.simple_query(statements).await?;
        Ok(answers.iter().rev().find_map(|answer| match answer {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Ends it, whatever it is at, instead of giving it back.
    pub(super) fn end(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }

    fn open(&self) -> Result<&Object> {
        self.object.as_ref().ok_or_else(lost)
    }

    fn failed(&self, error: tokio_postgres::Error) -> StoreError {
        if is_outdated(&error) {
            self.is_outdated.store(true, Ordering::Relaxed);
        }
        error.into()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if *self.is_outdated.get_mut() {
            self.end();
        }
    }
}

/// A session that is in the middle of something: it ends with it, unless that ended well.
pub(super) struct Engaged {
    session: Session,
    is_engaged: bool,
}

impl Engaged {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            is_engaged: true,
        }
    }

    /// Nothing is under way in it any more, and others may use it.
    pub(super) fn give_back(mut self) {
        self.is_engaged = false;
    }
}

impl Deref for Engaged {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Drop for Engaged {
    fn drop(&mut self) {
        if self.is_engaged {
            self.session.end();
        }
    }
}

/// Sessions for one purpose, so that none of another waits for it.
#[derive(Clone)]
pub(super) struct Sessions(Pool);

impl Sessions {
    pub(super) fn new(address: &Address, max: usize) -> Result<Self> {
        Self::with(address, max, PLAN_BY_INDEX.to_owned())
    }

    /// Those that only read.
    pub(super) fn reading(address: &Address, max: usize) -> Result<Self> {
        Self::with(address, max, format!("{PLAN_BY_INDEX}; {READ_SOON}"))
    }

    /// Those that go through much of the log.
    pub(super) fn counting(address: &Address, max: usize) -> Result<Self> {
        Self::with(address, max, format!("{PLAN_BY_INDEX}; {PLAN_ANEW}"))
    }

    fn with(address: &Address, max: usize, settings: String) -> Result<Self> {
        let manager = Manager::from_config(
            address.config(),
            address.connector().map_err(StoreError::Refused)?,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(max)
            .wait_timeout(Some(WAIT_MAX))
            .create_timeout(Some(WAIT_MAX))
            .recycle_timeout(Some(WAIT_MAX))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client, _| {
                let settings = settings.clone();
                async move {
                    let setting = client.batch_execute(&settings).await;
                    setting.map_err(HookError::Backend)
                }
                .boxed()
            }))
            .build();
        Ok(Self(
            pool.map_err(|error| StoreError::Backend(error.to_string()))?,
        ))
    }

    /// A session for as long as it is held.
    pub(super) async fn session(&self) -> Result<Session> {
        match self.0.get().await {
            Ok(object) => Ok(Session {
                object: Some(object),
                is_outdated: AtomicBool::new(false),
            }),
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(error) => Err(StoreError::Unavailable(format!(
                "no session with the database is free: {error}"
            ))),
        }
    }

    /// Reads with a session of its own, for a bounded time. It ends with what is given up.
    pub(super) async fn read<T>(
        &self,
        work: impl for<'s> FnOnce(&'s Session) -> BoxFuture<'s, Result<T>> + Send,
    ) -> Result<T> {
        let reading = async {
            let session = Engaged::new(self.session().await?);
            let outcome = work(&session).await;
            session.give_back();
            outcome
        };
        let read = tokio::time::timeout(READ_MAX, reading).await;
        read.unwrap_or_else(|_| Err(lost()))
    }
}
