//! When a relay that cannot be reached is tried again, when it is given up, and how connections grow after it returned.

use std::time::Duration;

use model::Timestamp;
use smtp::client::Persistence;

use super::retry::RetryPolicy;

/// What an unreachable relay costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unreachable {
    /// No message an attempt; it is given up after its own tries.
    #[default]
    GivenUp,
    /// The messages that are due an attempt each; it is never given up.
    Charged,
}

/// The relay's health as a lane's connections see it together. While it is in doubt one connection tries for all.
#[derive(Clone, Debug)]
pub struct RelayHealth {
    policy: RetryPolicy,
    unreachable: Unreachable,
    connections_max: u32,
    /// Connections that are open and past their greeting.
    open: u32,
    /// Connections that are being opened.
    opening: u32,
    /// Failures in a row while none was open.
    failures: u32,
    /// Connections in a row that the relay ended before it took anything.
    fruitless: u32,
    /// Nobody connects before this.
    not_before: Timestamp,
    /// When the outage began that is not over.
    down_since: Option<Timestamp>,
    /// How connections grow again after an outage.
    growth: Option<Growth>,
    /// Whether any connection was opened yet: then host, TLS and login are right.
    was_open: bool,
}

/// Connections after an outage come one after the other, so that everybody's return is no storm.
#[derive(Clone, Debug)]
struct Growth {
    spacing: Duration,
    next: Timestamp,
    ends: Timestamp,
}

/// What a connection that wants to open may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Open now.
    Open,
    /// Wait for the one that tries for all.
    Hold,
    /// Ask again after this.
    Wait(Duration),
}

/// What a failure to connect means for the whole delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// Go on; the next try comes later.
    TryLater,
    /// Stop: the relay is not there.
    GiveUp,
}

/// The longest time in which connections grow to their number after an outage. They come as slowly for as long again,
/// so that in twice this time no more are opened than twice their number.
const GROWTH_MAX: Duration = Duration::from_secs(30);
/// The shortest pause.
const MOMENT: Duration = Duration::from_millis(1);

impl RelayHealth {
    /// A relay nothing is known of. `policy` says how often and when an unreachable one is tried.
    pub fn new(policy: RetryPolicy, unreachable: Unreachable, connections_max: usize) -> Self {
        Self {
            policy,
            unreachable,
            connections_max: u32::try_from(connections_max.max(1)).unwrap_or(u32::MAX),
            open: 0,
            opening: 0,
            failures: 0,
            fruitless: 0,
            not_before: Timestamp::default(),
            down_since: None,
            growth: None,
            was_open: false,
        }
    }

    /// Asks to open a connection.
    pub fn ask(&mut self, now: Timestamp) -> Admission {
        self.follow_clock(now);
        let next = self
            .growth
            .as_ref()
            .map_or(self.not_before, |growth| growth.next.max(self.not_before));
        if now < next {
            return Admission::Wait(next.since(now).max(MOMENT));
        }
        if self.open == 0 && self.opening > 0 {
            return Admission::Hold;
        }
        if let Some(growth) = &mut self.growth {
            growth.next = now + growth.spacing;
        }
        self.opening += 1;
        Admission::Open
    }

    /// Ends what has ended. A clock that was set back makes no pause longer than the longest.
    fn follow_clock(&mut self, now: Timestamp) {
        let longest = self.policy.delays.iter().max().copied().unwrap_or_default();
        self.not_before = self.not_before.min(now + longest + self.policy.jitter_max);
        self.growth = self.growth.take().filter(|growth| {
            let was_set_back = growth.ends.since(now) > GROWTH_MAX * 2;
            now < growth.ends && !was_set_back
        });
    }

    /// A connection was opened.
    pub fn opened(&mut self, now: Timestamp) {
        self.opening = self.opening.saturating_sub(1);
        self.open += 1;
        self.failures = 0;
        self.was_open = true;
        self.not_before = Timestamp::default();
        if let Some(since) = self.down_since.take()
            && self.unreachable == Unreachable::Charged
        {
            self.growth = Some(Growth::after(now.since(since), now, self.connections_max));
        }
    }

    /// A try was given up before it came to anything: it says nothing of the relay.
    pub fn abandoned(&mut self) {
        self.opening = self.opening.saturating_sub(1);
    }

    /// When the relay is tried next, while it cannot be reached at all.
    pub fn next_try(&self) -> Option<Timestamp> {
        (self.open == 0 && self.failures > 0).then_some(self.not_before)
    }

    /// Until when the relay is known to be down and nobody tries it.
    pub fn down_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.next_try().filter(|at| now < *at && self.opening == 0)
    }

    /// How long a failure still has to be remembered; `None` when nothing has.
    pub fn clears_after(&self, now: Timestamp) -> Option<Duration> {
        (now < self.not_before).then(|| self.not_before.since(now).max(MOMENT))
    }

    /// An open connection is gone.
    pub fn closed(&mut self) {
        self.open = self.open.saturating_sub(1);
        self.fruitless = 0;
    }

    /// The relay ended a connection before it took anything. That says nothing of other messages, but the next
    /// connection waits, longer each time.
    pub fn closed_fruitless(&mut self, now: Timestamp, chance: f64) {
        self.open = self.open.saturating_sub(1);
        if now < self.not_before || self.unreachable == Unreachable::GivenUp {
            return;
        }
        self.fruitless += 1;
        let pause = self.policy.pause_after(self.fruitless, chance);
        self.not_before = now + pause.unwrap_or_default();
    }

    /// A connection could not be opened. While others are open it is the relay's limit on connections, and
    /// only delays the next try. What cannot get better by waiting ends it at once, unless it has worked before.
    pub fn failed(
        &mut self,
        now: Timestamp,
        persistence: Persistence,
        chance: f64,
    ) -> AfterFailure {
        self.opening = self.opening.saturating_sub(1);
        let is_hopeless = persistence == Persistence::Permanent && !self.was_open;
        if is_hopeless && self.unreachable == Unreachable::GivenUp {
            return AfterFailure::GiveUp;
        }
        if now < self.not_before {
            // Begun before the failure that is known already: one outage counts once.
            return AfterFailure::TryLater;
        }
        if self.open == 0 {
            self.failures += 1;
            self.down_since.get_or_insert(now);
        }
        match self.policy.pause_after(self.failures.max(1), chance) {
            Some(pause) => {
                self.not_before = now + pause;
                AfterFailure::TryLater
            }
            None if self.open > 0 => {
                self.not_before = now + self.policy.delays.last().copied().unwrap_or_default();
                AfterFailure::TryLater
            }
            None => AfterFailure::GiveUp,
        }
    }
}

impl Growth {
    fn after(outage: Duration, now: Timestamp, connections_max: u32) -> Self {
        let time = outage.min(GROWTH_MAX);
        let spacing = time / connections_max;
        Self {
            spacing,
            next: now + spacing,
            ends: now + time * 2,
        }
    }
}

#[cfg(test)]
mod tests;
