//! All tenants' lanes, in the order that they are due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Clock, Tenant, TenantId, Timestamp};
use store::submissions::{Channel, ReportBacklog};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::lane::{Errand, Lane, Now, Outcome};
use super::{ReportFigures, ReportSettings, SyncStatus, Target, TenantReports};

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

/// Whom something is told, and how: each such way has a lane of its own, so that none waits for another.
pub(super) type Way = (TenantId, Channel);

#[derive(Default)]
struct Lanes {
    lanes: BTreeMap<Way, Lane>,
    /// Every lane that is due at some time.
    plan: BTreeSet<(Instant, Way)>,
    calls: usize,
    troubled_calls: usize,
    expired: u64,
}

/// One call that is due. When it is dropped without an outcome, it has failed.
pub(super) struct Call {
    pub tenant: TenantId,
    pub channel: Channel,
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
        self.change(&sync(tenant), |lane| lane.wake(at));
        self.change_known(&webhook(tenant), |lane| lane.wake(at));
    }

    /// A tenant has a webhook.
    pub fn open_webhook(&self, tenant: &TenantId) {
        self.lanes()
            .change(&webhook(tenant), |lane| lane.has_target = true);
    }

    /// Whether a tenant has an application that its reports go to.
    pub fn set_target(&self, tenant: &TenantId, has_target: bool) {
        self.lanes()
            .change(&sync(tenant), |lane| lane.has_target = has_target);
    }

    /// Calls a tenant's application now.
    pub fn call_now(&self, tenant: &TenantId) {
        let now = Instant::now();
        self.change(&sync(tenant), |lane| lane.call_now(now));
        self.change_known(&webhook(tenant), |lane| lane.call_now(now));
    }

    /// Calls every application now that does not want to be left alone.
    pub fn call_all_now(&self) {
        let now = self.now();
        let mut lanes = self.lanes();
        let all: Vec<Way> = lanes.lanes.keys().cloned().collect();
        for way in all {
            lanes.change(&way, |lane| {
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
        lanes
            .lanes
            .get(&sync(tenant))
            .is_some_and(|lane| lane.is_loaded)
    }

    /// Takes over what was saved of an application's wish to be left alone.
    pub fn load(&self, tenant: &TenantId, quiet_until: Option<Timestamp>) {
        self.change(&sync(tenant), |lane| {
            lane.is_loaded = true;
            lane.saved_quiet = quiet_until;
            lane.quiet_until = quiet_until;
        });
    }

    /// Calls a tenant's application now and then, or does so no more.
    pub fn set_heartbeat(&self, tenant: &TenantId, is_wanted: bool) {
        let now = self.now();
        self.change(&sync(tenant), |lane| lane.set_heartbeat(is_wanted, now));
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
            channel,
            count,
            oldest_at,
        } in backlog
        {
            lanes.change(&(tenant, channel), |lane| {
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

    /// Forgets the ways that are no more.
    pub fn retain(&self, is_there: impl Fn(&Way) -> bool) {
        let mut lanes = self.lanes();
        let Lanes { lanes, plan, .. } = &mut *lanes;
        lanes.retain(|way, _| is_there(way));
        plan.retain(|(_, way)| is_there(way));
    }

    /// So many reports were given up.
    pub fn count_expired(&self, count: usize) {
        self.lanes().expired += count as u64;
    }

    /// Begins the next call that is due and has room.
    pub fn begin(self: &Arc<Self>, now: Instant) -> Option<Call> {
        let mut lanes = self.lanes();
        let way = lanes.next(now)?;
        let mut begun = None;
        lanes.change(&way, |lane| {
            begun = Some((lane.is_troubled(), lane.saved_quiet, lane.begin(now)));
        });
        let (is_troubled, saved_quiet, errand) = begun?;
        lanes.calls += 1;
        lanes.troubled_calls += usize::from(is_troubled);
        let (tenant, channel) = way;
        Some(Call {
            tenant,
            channel,
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
        lanes.change(&(call.tenant.clone(), call.channel), |lane| {
            lane.saved_quiet = call.saved_quiet;
            lane.finish(outcome, took, &self.settings, now, chance);
        });
    }

    /// Whether a tenant's reports on a channel wait for somebody.
    pub fn are_awaited(&self, tenant: &Tenant, channel: Channel) -> bool {
        match channel {
            Channel::Sync => Target::of(tenant, self.settings.fallback.as_ref()).is_some(),
            Channel::Webhook => tenant.is_active && tenant.webhook.is_some(),
        }
    }

    pub fn status(&self) -> Vec<SyncStatus> {
        let now = self.now();
        let lanes = self.lanes();
        let syncs = lanes.lanes.iter();
        let syncs = syncs.filter(|((_, channel), _)| *channel == Channel::Sync);
        let status = syncs.map(|((tenant, _), lane)| SyncStatus {
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
        let mut tenants: Vec<TenantReports> = Vec::new();
        // A tenant's ways follow each other.
        for ((tenant, _), lane) in &lanes.lanes {
            match tenants.last_mut().filter(|last| last.tenant == *tenant) {
                Some(last) => last.add(lane),
                None => {
                    let mut figures = TenantReports::none(tenant.clone());
                    figures.add(lane);
                    tenants.push(figures);
                }
            }
        }
        ReportFigures {
            tenants,
            expired: lanes.expired,
        }
    }

    fn change(&self, way: &Way, change: impl FnOnce(&mut Lane)) {
        if self.lanes().change(way, change) {
            self.changed.notify_one();
        }
    }

    /// The same where there is such a way, so that a tenant without a webhook costs nothing for one.
    fn change_known(&self, way: &Way, change: impl FnOnce(&mut Lane)) {
        let mut lanes = self.lanes();
        if lanes.lanes.contains_key(way) && lanes.change(way, change) {
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
    fn change(&mut self, way: &Way, change: impl FnOnce(&mut Lane)) -> bool {
        let lane = self.lanes.entry(way.clone()).or_default();
        let before = lane.due();
        change(lane);
        let after = lane.due();
        if before != after {
            self.move_in_plan(way, before, after);
        }
        after.is_some_and(|after| before.is_none_or(|before| after < before))
    }

    fn move_in_plan(&mut self, way: &Way, from: Option<Instant>, to: Option<Instant>) {
        if let Some(from) = from {
            self.plan.remove(&(from, way.clone()));
        }
        if let Some(to) = to {
            self.plan.insert((to, way.clone()));
        }
    }

    /// Whose call is due and has room.
    fn next(&self, now: Instant) -> Option<Way> {
        if self.calls >= CALLS_MAX {
            return None;
        }
        let has_room = |way: &Way| {
            let lane = self.lanes.get(way);
            lane.is_some_and(|lane| !lane.is_troubled() || self.troubled_calls < TROUBLED_MAX)
        };
        let due = self.plan.iter().take_while(|(due, _)| *due <= now);
        let mut with_room = due.filter(|(_, way)| has_room(way));
        with_room.next().map(|(_, way)| way.clone())
    }
}

impl TenantReports {
    fn none(tenant: TenantId) -> Self {
        Self {
            tenant,
            backlog: 0,
            oldest_at: None,
            syncs: 0,
            failures: 0,
            acknowledged: 0,
            refused: 0,
        }
    }

    fn add(&mut self, lane: &Lane) {
        let counts = &lane.counts;
        if lane.has_target {
            self.backlog += counts.backlog;
            self.oldest_at = [self.oldest_at, counts.oldest_at]
                .into_iter()
                .flatten()
                .min();
        }
        self.syncs += counts.syncs;
        self.failures += counts.failures;
        self.acknowledged += counts.acknowledged;
        self.refused += counts.refused;
    }
}

fn sync(tenant: &TenantId) -> Way {
    (tenant.clone(), Channel::Sync)
}

fn webhook(tenant: &TenantId) -> Way {
    (tenant.clone(), Channel::Webhook)
}
