//! When one tenant's application is called next. Pure: time and chance are passed in.

use std::time::Duration;

use model::{Seq, Timestamp};
use tokio::time::Instant;

use super::ReportSettings;

/// The longest that an application is left alone because it asked for it.
const QUIET_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// A call that took longer makes the next one wait for the room of the troubled.
const SLOW: Duration = Duration::from_secs(5);
/// The longest pause between calls of an application that says again and again that it has work for us.
const AGAIN_MAX: Duration = Duration::from_secs(5);

/// One tenant's calls: each follows the one before.
#[derive(Default)]
pub(super) struct Lane {
    /// What is being told.
    under_way: Option<Errand>,
    /// Whether there is an application to call, as far as the directory and the last call have said. Where there is
    /// none, reports wait for nobody.
    pub has_target: bool,
    /// Whether its application is called without a reason, now and then.
    has_heartbeat: bool,
    /// When reports that have not been told yet are told.
    tell_at: Option<Instant>,
    /// When refused reports are told again, with all others.
    retell_at: Option<Instant>,
    /// When it is called even when there is nothing to tell: by plan, and because somebody asked for it.
    call_at: Option<Instant>,
    asked_at: Option<Instant>,
    /// Nothing happens before: the last call failed.
    not_before: Option<Instant>,
    /// Reports up to there were told and wait for `retell_at`.
    after: Seq,
    /// The last wait after a failure, and after a refusal: the next one comes from it.
    retry: Option<Duration>,
    retell: Option<Duration>,
    /// Calls in a row whose answer said that it has work for us.
    again: u32,
    /// Until when the application wants to be left alone, and what of that is saved.
    pub quiet_until: Option<Timestamp>,
    pub saved_quiet: Option<Timestamp>,
    /// Whether what was saved has been read back.
    pub is_loaded: bool,
    is_slow: bool,
    pub last_sync_at: Option<Timestamp>,
    /// Calls in a row that failed.
    pub failed_in_row: u32,
    pub counts: Counts,
}

/// What there was since the process began, and what waits.
#[derive(Default)]
pub(super) struct Counts {
    pub syncs: u64,
    pub failures: u64,
    pub acknowledged: u64,
    pub refused: u64,
    pub backlog: u64,
    pub oldest_at: Option<Timestamp>,
}

/// A moment by both clocks: the one that only goes forward, and the one on the wall.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub instant: Instant,
    pub at: Timestamp,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errand {
    /// Reports from after that one on.
    pub after: Seq,
    /// Whether to call when there are none.
    pub is_call: bool,
}

/// What a call led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is nowhere to call.
    NoTarget,
    /// There was nothing to tell and no reason to call.
    Nothing,
    /// The application answered.
    Answered(Answered),
    /// It did not, or the store did not; the application may have said when to come back.
    Failed(Option<Duration>),
}

/// An application's answer, as far as it matters for the next call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answered {
    /// Reports that need not be told again.
    pub acknowledged: u64,
    /// Reports that are to be told again.
    pub refused: u64,
    /// The last report that was told.
    pub last: Option<Seq>,
    /// Whether there are more behind it.
    pub has_more: bool,
    /// It has work for us.
    pub is_queued: bool,
    /// It wants to be left alone until then.
    pub quiet_until: Option<Timestamp>,
}

impl Lane {
    /// When it is due.
    pub fn due(&self) -> Option<Instant> {
        if self.under_way.is_some() {
            return None;
        }
        let wishes = [self.tell_at, self.retell_at, self.call_at, self.asked_at];
        let first = wishes.into_iter().flatten().min()?;
        Some(
            self.not_before
                .map_or(first, |not_before| first.max(not_before)),
        )
    }

    /// Whether it has to do with the room that is left to those in trouble.
    pub fn is_troubled(&self) -> bool {
        self.failed_in_row > 0 || self.is_slow
    }

    /// Whether its application wants to be left alone.
    pub fn is_quiet(&self, at: Timestamp) -> bool {
        self.quiet_until.is_some_and(|until| until > at)
    }

    /// There are reports to tell.
    pub fn wake(&mut self, at: Instant) {
        self.tell_at = Some(self.tell_at.map_or(at, |planned| planned.min(at)));
    }

    /// Whether nothing is planned for reports that wait.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_none() && self.tell_at.is_none() && self.retell_at.is_none()
    }

    /// Calls now, whatever happened before.
    pub fn call_now(&mut self, now: Instant) {
        self.quiet_until = None;
        self.not_before = None;
        self.asked_at = Some(now);
        self.retell_at = self.retell_at.map(|_| now);
    }

    /// Whether there are heartbeats. The first is at once, unless the application wants to be left alone.
    pub fn set_heartbeat(&mut self, is_wanted: bool, now: Now) {
        match (self.has_heartbeat, is_wanted) {
            (false, true) => self.call_at = Some(self.not_quiet(now.instant, now)),
            (true, false) => self.call_at = None,
            (true, true) | (false, false) => {}
        }
        self.has_heartbeat = is_wanted;
    }

    /// Begins a call.
    pub fn begin(&mut self, now: Instant) -> Errand {
        self.tell_at = None;
        if self.retell_at.take_if(|at| *at <= now).is_some() {
            self.after = Seq::START;
        }
        let is_planned = self.call_at.take_if(|at| *at <= now).is_some();
        let is_asked = self.asked_at.take_if(|at| *at <= now).is_some();
        let is_call = is_planned || is_asked;
        let after = self.after;
        let errand = Errand { after, is_call };
        self.under_way = Some(errand);
        errand
    }

    /// Plans what follows a call that took so long. `chance` is between 0 and 1.
    pub fn finish(
        &mut self,
        outcome: Outcome,
        took: Duration,
        settings: &ReportSettings,
        now: Now,
        chance: f64,
    ) {
        let was_call = self.under_way.take().is_some_and(|errand| errand.is_call);
        self.has_target = outcome != Outcome::NoTarget;
        match outcome {
            Outcome::NoTarget => self.rest(),
            Outcome::Nothing => self.nothing_waits(),
            Outcome::Answered(answered) => {
                self.is_slow = took > SLOW;
                self.answered(&answered, settings, now, chance);
            }
            Outcome::Failed(asked) => {
                self.is_slow = took > SLOW;
                self.failed(asked, settings, now, chance);
                self.wake(now.instant);
                if was_call {
                    self.call_at = Some(now.instant);
                }
            }
        }
    }

    /// Waits until there is something to tell, or the look through the directory finds that there is somewhere to call.
    fn rest(&mut self) {
        self.has_heartbeat = false;
        (self.tell_at, self.retell_at) = (None, None);
        (self.call_at, self.asked_at) = (None, None);
        self.after = Seq::START;
    }

    fn nothing_waits(&mut self) {
        if self.after == Seq::START && self.tell_at.is_none() {
            self.counts.backlog = 0;
            self.counts.oldest_at = None;
        }
    }

    fn answered(&mut self, answered: &Answered, settings: &ReportSettings, now: Now, chance: f64) {
        self.counts.syncs += 1;
        self.counts.acknowledged += answered.acknowledged;
        self.counts.refused += answered.refused;
        self.counts.backlog = self.counts.backlog.saturating_sub(answered.acknowledged);
        self.last_sync_at = Some(now.at);
        self.failed_in_row = 0;
        (self.retry, self.not_before) = (None, None);
        self.quiet_until = answered.quiet_until;
        self.told(answered, settings, now.instant, chance);
        if answered.has_more {
            self.wake(now.instant);
        } else {
            self.nothing_waits();
        }
        self.plan_call(answered.is_queued, settings, now);
    }

    /// Keeps the place behind what was refused, so that it does not stand in the way of what follows.
    fn told(&mut self, answered: &Answered, settings: &ReportSettings, now: Instant, chance: f64) {
        if answered.refused > 0 && self.retell_at.is_none() {
            let wait = next_wait(self.retell, settings, chance);
            self.retell = Some(wait);
            self.retell_at = Some(now + wait);
        }
        match (self.retell_at, answered.last) {
            (None, _) => {
                self.after = Seq::START;
                self.retell = None;
            }
            (Some(_), Some(last)) => self.after = last,
            (Some(_), None) => {}
        }
    }

    fn plan_call(&mut self, is_queued: bool, settings: &ReportSettings, now: Now) {
        if is_queued {
            // At once, and slower and slower when it never ends.
            let pause = settings.gathering * self.again;
            self.again = self.again.saturating_add(1);
            self.call_at = Some(now.instant + pause.min(AGAIN_MAX));
            return;
        }
        self.again = 0;
        if self.has_heartbeat {
            self.call_at = Some(self.not_quiet(now.instant + settings.heartbeat, now));
        }
    }

    /// A moment, or the end of the time that the application wants to be left alone, where that is later.
    fn not_quiet(&self, moment: Instant, now: Now) -> Instant {
        let quiet = self.quiet_until.map(|until| until.since(now.at));
        moment.max(now.instant + quiet.unwrap_or_default().min(QUIET_MAX))
    }

    fn failed(
        &mut self,
        asked: Option<Duration>,
        settings: &ReportSettings,
        now: Now,
        chance: f64,
    ) {
        self.counts.failures += 1;
        self.failed_in_row = self.failed_in_row.saturating_add(1);
        let wait = next_wait(self.retry, settings, chance);
        self.retry = Some(wait);
        let wait = wait.max(asked.unwrap_or_default().min(settings.retry_max));
        self.not_before = Some(now.instant + wait);
    }
}

/// The next wait after the one before: decorrelated jitter, so that those who failed together do not come back together.
fn next_wait(before: Option<Duration>, settings: &ReportSettings, chance: f64) -> Duration {
    let (least, most) = (settings.retry_min, settings.retry_max);
    let upper = before.unwrap_or(least).saturating_mul(3).max(least);
    (least + (upper - least).mul_f64(chance)).min(most)
}

#[cfg(test)]
mod tests;
