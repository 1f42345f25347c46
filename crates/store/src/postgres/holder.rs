//! This process as a holder of lanes.
//!
//! A lane is held until a moment by the database's clock, and its holder moves that on while it lives. What it knows
//! itself is a moment by its own steady clock that comes no later: counted from before it asked. So it stops to begin
//! attempts before anybody else can take the lane, also when it was asleep meanwhile or the database is away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::LaneId;
use rustix::time::{ClockId, clock_gettime};
use tokio_postgres::Row;
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::fault::lost;
use super::lanes::{self, Claim, Taken};
use super::session::{Engaged, Sessions, Values};
use crate::{LaneKey, Lease, Result, StoreError};

/// How often a lease is moved on, as a part of its length.
const RENEWALS_A_LEASE: u32 = 5;
/// How soon that is tried again where it failed, as a part of a lease's length.
const REPEATS_A_LEASE: u32 = 20;
/// What is left of a lease when it counts as lost to its holder, as a part of its length: clocks differ in their pace, and an
/// attempt takes a moment to begin.
const MARGIN: u32 = 10;
/// How often a lane is asked for that is free again each time it was found to be held.
const ASKS_MAX: usize = 4;
/// How long a caller waits at most.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// Sessions that take lanes and give them back.
const TAKING: usize = 2;
/// Sessions that tell of this process, so that it counts as living while many lanes are taken.
const BEATING: usize = 1;
/// Sessions that keep what is held, so that it waits for nobody who takes.
const KEEPING: usize = 1;

/// This process as a holder of lanes. What it holds is given back when its end is told.
#[derive(Clone)]
pub(super) struct Holder(Arc<Inner>);

struct Inner {
    /// Its name, that no other process has or had.
    name: String,
    lease: Duration,
    taking: Sessions,
    beating: Sessions,
    keeping: Sessions,
    held: Mutex<HashMap<LaneId, Held>>,
    end: CancellationToken,
}

/// A lane that is held.
#[derive(Clone, Copy)]
struct Held {
    token: i64,
    /// Until when it is ours for certain, as [`since_boot`].
    until: Duration,
}

impl Holder {
    /// Makes this process a holder, which keeps what it holds until `end`.
    pub(super) fn start(
        address: &Address,
        lease: Duration,
        end: &CancellationToken,
    ) -> Result<Self> {
        let holder = Self(Arc::new(Inner {
            name: format!("{}-{:016x}", std::process::id(), random()?),
            lease,
            taking: Sessions::new(address, TAKING)?,
            beating: Sessions::new(address, BEATING)?,
            keeping: Sessions::new(address, KEEPING)?,
            held: Mutex::default(),
            end: end.clone(),
        }));
        tokio::spawn(holder.clone().keep());
        Ok(holder)
    }

    /// The name under which this process holds lanes.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether a lease is ours for certain.
    pub(super) fn holds(&self, lease: &Lease) -> bool {
        let held = self.held();
        let held = held.get(&lease.lane);
        held.is_some_and(|held| held.token == lease.token && since_boot() < held.until)
    }

    /// Takes a lane that nobody living holds.
    pub(super) async fn lease(&self, key: LaneKey) -> Result<Taken> {
        if self.0.end.is_cancelled() {
            return Err(StoreError::Closed);
        }
        in_time(ANSWER_MAX, self.take(key)).await
    }

    async fn take(&self, key: LaneKey) -> Result<Taken> {
        let claim = Claim {
            node: &self.0.name,
            lease: self.0.lease,
        };
        for _ in 0..ASKS_MAX {
            let asked = since_boot();
            let session = self.0.taking.session().await?;
            if let Some(taken) = lanes::take(session, claim, &key).await? {
                let held = Held {
                    token: taken.lease.token,
                    until: self.until(asked),
                };
                self.held().insert(taken.lease.lane, held);
                return Ok(taken);
            }
            let session = Engaged::new(self.0.taking.session().await?);
            if let Some(held) = lanes::held(&session, &key).await? {
                session.give_back();
                return Err(held);
            }
            // It is not there, or was given back this moment.
            lanes::make(&session, &key).await?;
            session.give_back();
        }
        Err(StoreError::Unavailable(format!(
            "lane {key} goes from hand to hand"
        )))
    }

    /// Until when a lease is ours for certain that was asked for at that moment.
    fn until(&self, asked: Duration) -> Duration {
        asked + self.0.lease - self.0.lease / MARGIN
    }

    /// Gives a lane back.
    pub(super) async fn release(&self, lease: Lease) -> Result<()> {
        let Lease { lane, token, .. } = lease;
        self.forget(lane, token);
        self.ask(lanes::RELEASE, &[&lane.0, &token]).await?;
        Ok(())
    }

    /// Runs one statement that waits for no writer; gives the rows that came back.
    pub(super) async fn ask(&self, statement: &str, values: Values<'_>) -> Result<Vec<Row>> {
        in_time(ANSWER_MAX, rows(&self.0.taking, statement, values)).await
    }

    /// The same for what tells that this process lives.
    pub(super) async fn beat(&self, statement: &str, values: Values<'_>) -> Result<Vec<Row>> {
        in_time(ANSWER_MAX, rows(&self.0.beating, statement, values)).await
    }

    /// Gives back all that is held; nothing is taken any more.
    pub(super) async fn close(&self) {
        self.0.end.cancel();
        self.give_back().await;
    }

    /// Moves on what is held until the end, and gives it back then.
    async fn keep(self) {
        let mut pause = self.0.lease / RENEWALS_A_LEASE;
        loop {
            tokio::select! {
                () = self.0.end.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
            pause = match self.renew().await {
                Ok(()) => self.0.lease / RENEWALS_A_LEASE,
                Err(error) => {
                    tracing::debug!(%error, "the leases cannot be moved on, trying again");
                    self.0.lease / REPEATS_A_LEASE
                }
            };
        }
        self.give_back().await;
    }

    async fn renew(&self) -> Result<()> {
        let (lanes, tokens): (Vec<i64>, Vec<i64>) = {
            let held = self.held();
            held.iter().map(|(lane, held)| (lane.0, held.token)).unzip()
        };
        if lanes.is_empty() {
            return Ok(());
        }
        let asked = since_boot();
        let values: Values<'_> = &[&self.0.name, &lanes::millis(self.0.lease), &lanes, &tokens];
        // One that hangs is given up in time for another.
        let max = self.0.lease / RENEWALS_A_LEASE;
        let kept = in_time(max, rows(&self.0.keeping, lanes::RENEW, values)).await?;
        let mut lost: HashMap<i64, i64> = lanes.into_iter().zip(tokens).collect();
        for row in kept {
            let (lane, token) = (row.try_get(0)?, row.try_get(1)?);
            lost.remove(&lane);
            self.moved_on(LaneId(lane), token, asked);
        }
        for (lane, token) in lost {
            if self.forget(LaneId(lane), token) {
                tracing::warn!(lane, "the lease on a lane was lost to another process");
            }
        }
        Ok(())
    }

    fn moved_on(&self, lane: LaneId, token: i64, asked: Duration) {
        let until = self.until(asked);
        if let Some(held) = self.held().get_mut(&lane)
            && held.token == token
        {
            held.until = until;
        }
    }

    /// Holds a lane no more, if by that token; whether it did.
    fn forget(&self, lane: LaneId, token: i64) -> bool {
        let mut held = self.held();
        let is_ours = held.get(&lane).is_some_and(|held| held.token == token);
        is_ours && held.remove(&lane).is_some()
    }

    /// What cannot be given back is free when it expires.
    async fn give_back(&self) {
        self.held().clear();
        let values: Values<'_> = &[&self.0.name];
        let giving = rows(&self.0.keeping, lanes::GIVE_BACK, values);
        if let Err(error) = in_time(ANSWER_MAX, giving).await {
            tracing::debug!(%error, "the lanes could not be given back");
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<LaneId, Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The steady clock that goes on while the machine sleeps, as the database's does meanwhile.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// How long ago the machine was started.
fn since_boot() -> Duration {
    let now = clock_gettime(CLOCK);
    let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(now.tv_sec.unsigned_abs(), nanoseconds)
}

/// Runs one statement. A session on which it did not end well is not used again.
async fn rows(sessions: &Sessions, statement: &str, values: Values<'_>) -> Result<Vec<Row>> {
    let session = Engaged::new(sessions.session().await?);
    let rows = session.rows(statement, values).await?;
    session.give_back();
    Ok(rows)
}

async fn in_time<T>(max: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(max, work)
        .await
        .unwrap_or_else(|_| Err(lost()))
}

fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| StoreError::Backend("the system gives no random numbers".to_owned()))?;
    Ok(u64::from_ne_bytes(bytes))
}
