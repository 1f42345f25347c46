//! All tenants' lanes, in the order that they are due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Clock, TenantId, Timestamp};
use store::submissions::ReportBacklog;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::lane::{Errand, Lane, Now, Outcome};
use super::{ReportFigures, ReportSettings, SyncStatus, TenantReports};

/// Calls at once.
pub(super) const CALLS_MAX: usize = 16;
/// Of those, calls of applications that failed or were slow the last time.
const TROUBLED_MAX: usize = 8;

/// What everybody shares: who is called when.
pub(super) struct Board {
    lanes: Mutex<Lanes>,
    /// Something is due earlier than was planned.
    changed: Notify,
    settings: ReportSettings,
    clock: Clock,
}

#[derive(Default)]
struct Lanes {
    lanes: BTreeMap<TenantId, Lane>,
    /// Every lane that is due at some time.
    plan: BTreeSet<(Instant, TenantId)>,
    calls: usize,
    troubled_calls: usize,
    expired: u64,
}

/// One call that is due. When it is dropped without an outcome, it has failed.
pub(super) struct Call {
    pub tenant: TenantId,
    pub errand: Errand,
    /// What is saved of the application's wish to be left alone.
    pub saved_quiet: Option<Timestamp>,
    is_troubled: bool,
    began: Instant,
    outcome: Outcome,
    board: Arc<Board>,
}

impl Board {
    pub fn new(settings: ReportSettings, clock: Clock) -> Self {
        Self {
            lanes: Mutex::default(),
            changed: Notify::new(),
            settings,
            clock,
        }
    }

    /// Returns when something may be due earlier than [`Board::next_due`] said.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Reports of a tenant are there to be told, as soon as some more have gathered.
    pub fn wake(&self, tenant: &TenantId) {
        let at = Instant::now() + self.settings.gathering;
        self.change(tenant, |lane| lane.wake(at));
    }

    /// Calls a tenant's application now.
    pub fn call_now(&self, tenant: &TenantId) {
        let now = Instant::now();
        self.change(tenant, |lane| lane.call_now(now));
    }

    /// Calls every application now that does not want to be left alone.
    pub fn call_all_now(&self) {
        let now = self.now();
        let mut lanes = self.lanes();
        let all: Vec<TenantId> = lanes.lanes.keys().cloned().collect();
        for tenant in all {
            lanes.change(&tenant, |lane| {
                if !lane.is_quiet(now.at) {
                    lane.call_now(now.instant);
                }
            });
        }
        drop(lanes);
        self.changed.notify_one();
    }

    /// Whether an application's wish to be left alone has been read back for a tenant.
    pub fn is_loaded(&self, tenant: &TenantId) -> bool {
        let lanes = self.lanes();
        lanes.lanes.get(tenant).is_some_and(|lane| lane.is_loaded)
    }

    /// Takes over what was saved of an application's wish to be left alone.
    pub fn load(&self, tenant: &TenantId, quiet_until: Option<Timestamp>) {
        self.change(tenant, |lane| {
            lane.is_loaded = true;
            lane.saved_quiet = quiet_until;
            lane.quiet_until = quiet_until;
        });
    }

    /// Calls a tenant's application now and then, or does so no more.
    pub fn set_heartbeat(&self, tenant: &TenantId, is_wanted: bool) {
        let now = self.now();
        self.change(tenant, |lane| lane.set_heartbeat(is_wanted, now));
    }

    /// Takes over what waits for every tenant, and wakes those for whom nothing is planned: another process may have
    /// written it.
    pub fn set_backlog(&self, backlog: Vec<ReportBacklog>) {
        let mut lanes = self.lanes();
        for lane in lanes.lanes.values_mut() {
            lane.counts.backlog = 0;
            lane.counts.oldest_at = None;
        }
        let now = Instant::now();
        for ReportBacklog {
            tenant,
            count,
            oldest_at,
        } in backlog
        {
            lanes.change(&tenant, |lane| {
                lane.counts.backlog = count;
                lane.counts.oldest_at = (count > 0).then_some(oldest_at);
                if count > 0 && lane.is_idle() {
                    lane.wake(now);
                }
            });
        }
        drop(lanes);
        self.changed.notify_one();
    }

    /// Forgets tenants that are no more.
    pub fn retain(&self, is_there: impl Fn(&TenantId) -> bool) {
        let mut lanes = self.lanes();
        let Lanes { lanes, plan, .. } = &mut *lanes;
        lanes.retain(|tenant, _| is_there(tenant));
        plan.retain(|(_, tenant)| is_there(tenant));
    }

    /// So many reports were given up.
    pub fn count_expired(&self, count: usize) {
        self.lanes().expired += count as u64;
    }

    /// Begins the next call that is due and has room.
    pub fn begin(self: &Arc<Self>, now: Instant) -> Option<Call> {
        let mut lanes = self.lanes();
        let tenant = lanes.next(now)?;
        let mut begun = None;
        lanes.change(&tenant, |lane| {
            begun = Some((lane.is_troubled(), lane.saved_quiet, lane.begin(now)));
        });
        let (is_troubled, saved_quiet, errand) = begun?;
        lanes.calls += 1;
        lanes.troubled_calls += usize::from(is_troubled);
        Some(Call {
            tenant,
            errand,
            saved_quiet,
            is_troubled,
            began: now,
            outcome: Outcome::Failed(None),
            board: Arc::clone(self),
        })
    }

    /// When the next call is due that is not due yet. Those that are due and have no room begin when another ends.
    pub fn next_due(&self, now: Instant) -> Option<Instant> {
        let lanes = self.lanes();
        let later = lanes.plan.iter().find(|(due, _)| *due > now);
        later.map(|(due, _)| *due)
    }

    fn end(&self, call: &Call) {
        let now = self.now();
        let (outcome, took) = (call.outcome.clone(), now.instant - call.began);
        let chance = fastrand::f64();
        let mut lanes = self.lanes();
        lanes.calls -= 1;
        lanes.troubled_calls -= usize::from(call.is_troubled);
        lanes.change(&call.tenant, |lane| {
            lane.saved_quiet = call.saved_quiet;
            lane.finish(outcome, took, &self.settings, now, chance);
        });
    }

    pub fn status(&self) -> Vec<SyncStatus> {
        let now = self.now();
        let lanes = self.lanes();
        let status = lanes.lanes.iter().map(|(tenant, lane)| SyncStatus {
            tenant: tenant.clone(),
            last_sync_at: lane.last_sync_at,
            next_sync_at: lane.due().map(|due| now.at + (due - now.instant)),
            in_dnd: lane.is_quiet(now.at),
            failures: lane.failed_in_row,
        });
        status.collect()
    }

    pub fn figures(&self) -> ReportFigures {
        let lanes = self.lanes();
        let tenants = lanes.lanes.iter().map(|(tenant, lane)| TenantReports {
            tenant: tenant.clone(),
            backlog: lane.counts.backlog,
            oldest_at: lane.counts.oldest_at,
            syncs: lane.counts.syncs,
            failures: lane.counts.failures,
            acknowledged: lane.counts.acknowledged,
            refused: lane.counts.refused,
        });
        ReportFigures {
            tenants: tenants.collect(),
            expired: lanes.expired,
        }
    }

    fn change(&self, tenant: &TenantId, change: impl FnOnce(&mut Lane)) {
        if self.lanes().change(tenant, change) {
            self.changed.notify_one();
        }
    }

    fn now(&self) -> Now {
        Now {
            instant: Instant::now(),
            at: self.clock.now(),
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Notes what it led to.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.board.end(self);
    }
}

impl Lanes {
    /// Changes a lane, which is made when it is not there; says whether it is due earlier by it.
    fn change(&mut self, tenant: &TenantId, change: impl FnOnce(&mut Lane)) -> bool {
        let lane = self.lanes.entry(tenant.clone()).or_default();
        let before = lane.due();
        change(lane);
        let after = lane.due();
        if before != after {
            self.move_in_plan(tenant, before, after);
        }
        after.is_some_and(|after| before.is_none_or(|before| after < before))
    }

    fn move_in_plan(&mut self, tenant: &TenantId, from: Option<Instant>, to: Option<Instant>) {
        if let Some(from) = from {
            self.plan.remove(&(from, tenant.clone()));
        }
        if let Some(to) = to {
            self.plan.insert((to, tenant.clone()));
        }
    }

    /// Whose call is due and has room.
    fn next(&self, now: Instant) -> Option<TenantId> {
        if self.calls >= CALLS_MAX {
            return None;
        }
        let has_room = |tenant: &TenantId| {
            let lane = self.lanes.get(tenant);
            lane.is_some_and(|lane| !lane.is_troubled() || self.troubled_calls < TROUBLED_MAX)
        };
        let due = self.plan.iter().take_while(|(due, _)| *due <= now);
        let mut with_room = due.filter(|(_, tenant)| has_room(tenant));
        with_room.next().map(|(_, tenant)| tenant.clone())
    }
}
