//! When a relay that cannot be reached is tried again, and when it is given up.

use std::time::Duration;

use model::Timestamp;
use smtp::client::Persistence;

use super::retry::RetryPolicy;

/// The relay's health as the connections see it together. A relay that cannot be reached costs no message an
/// attempt: one connection tries, the others wait.
#[derive(Clone, Debug)]
pub struct RelayHealth {
    policy: RetryPolicy,
    /// Connections that are open and past their greeting.
    open: u32,
    /// Failures in a row while none was open.
    failures: u32,
    /// Nobody connects before this.
    not_before: Timestamp,
    /// Whether somebody is trying while the relay is in doubt.
    probing: bool,
    /// Whether any connection was opened yet: then host, TLS and login are right.
    was_open: bool,
}

/// What a connection that wants to open may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Open now.
    Open,
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

/// How long a connection waits while another one tries for all.
const PROBE_WAIT: Duration = Duration::from_millis(100);

impl RelayHealth {
    /// A relay nothing is known of. `policy` says how often and when an unreachable one is tried.
    pub fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            open: 0,
            failures: 0,
            not_before: Timestamp::default(),
            probing: false,
            was_open: false,
        }
    }

    /// Asks to open a connection.
    pub fn ask(&mut self, now: Timestamp) -> Admission {
        if now < self.not_before {
            return Admission::Wait(self.not_before.since(now).max(Duration::from_millis(1)));
        }
        if self.open == 0 && self.probing {
            return Admission::Wait(PROBE_WAIT);
        }
        self.probing = true;
        Admission::Open
    }

    /// A connection was opened.
    pub fn opened(&mut self) {
        self.open += 1;
        self.failures = 0;
        self.was_open = true;
        self.probing = false;
        self.not_before = Timestamp::default();
    }

    /// A try was given up before it came to anything: it says nothing of the relay.
    pub fn abandoned(&mut self) {
        self.probing = false;
    }

    /// When the relay is tried next, while it cannot be reached at all.
    pub fn next_try(&self) -> Option<Timestamp> {
        (self.open == 0 && self.failures > 0).then_some(self.not_before)
    }

    /// An open connection is gone.
    pub fn closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// A connection could not be opened. While others are open it is the relay's limit on connections, and
    /// only delays the next try. What cannot get better by waiting ends it at once, unless it has worked before.
    pub fn failed(
        &mut self,
        now: Timestamp,
        persistence: Persistence,
        chance: f64,
    ) -> AfterFailure {
        self.probing = false;
        if persistence == Persistence::Permanent && !self.was_open {
            return AfterFailure::GiveUp;
        }
        if now < self.not_before {
            // Begun before the failure that is known already: one outage counts once.
            return AfterFailure::TryLater;
        }
        if self.open == 0 {
            self.failures += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn one_connection_tries_for_all_and_the_relay_is_given_up_after_its_tries() {
        let mut relay = RelayHealth::new(RetryPolicy::campaign(1));
        assert_eq!(relay.ask(at(1)), Admission::Open);
        assert!(
            matches!(relay.ask(at(1)), Admission::Wait(_)),
            "somebody tries already"
        );
        assert_eq!(
            relay.failed(at(5), Persistence::Transient, 0.0),
            AfterFailure::TryLater
        );
        assert_eq!(relay.ask(at(5)), Admission::Wait(Duration::from_secs(2)));
        assert_eq!(relay.ask(at(2_005)), Admission::Open);
        assert_eq!(
            relay.failed(at(2_006), Persistence::Transient, 0.0),
            AfterFailure::GiveUp
        );
    }

    #[test]
    fn a_limit_on_connections_is_no_outage() {
        let mut relay = RelayHealth::new(RetryPolicy::campaign(0));
        assert_eq!(relay.ask(at(1)), Admission::Open);
        relay.opened();
        for round in 0..10 {
            let now = at(100_000 * (round + 1));
            assert_eq!(relay.ask(now), Admission::Open);
            assert_eq!(
                relay.failed(now, Persistence::Transient, 0.0),
                AfterFailure::TryLater
            );
        }
        relay.closed();
        assert_eq!(
            relay.failed(at(9_000_000), Persistence::Transient, 0.0),
            AfterFailure::GiveUp
        );
    }

    #[test]
    fn success_forgets_earlier_failures() {
        let mut relay = RelayHealth::new(RetryPolicy::campaign(1));
        relay.ask(at(1));
        relay.failed(at(1), Persistence::Transient, 0.0);
        relay.ask(at(5_000));
        relay.opened();
        relay.closed();
        assert_eq!(
            relay.failed(at(6_000), Persistence::Transient, 0.0),
            AfterFailure::TryLater
        );
    }

    #[test]
    fn one_outage_under_several_openings_counts_once() {
        let mut relay = RelayHealth::new(RetryPolicy::campaign(1));
        relay.ask(at(1));
        relay.opened();
        relay.ask(at(2));
        relay.ask(at(2));
        relay.closed();
        for _ in 0..2 {
            let after = relay.failed(at(3), Persistence::Transient, 0.0);
            assert_eq!(after, AfterFailure::TryLater);
        }
    }

    #[test]
    fn a_try_that_was_given_up_keeps_nobody_from_the_next() {
        let mut relay = RelayHealth::new(RetryPolicy::campaign(1));
        assert_eq!(relay.ask(at(1)), Admission::Open);
        relay.abandoned();
        assert_eq!(relay.ask(at(1)), Admission::Open);
        assert_eq!(relay.next_try(), None);
    }

    #[test]
    fn the_next_try_is_known_while_the_relay_cannot_be_reached() {
        let mut relay = RelayHealth::new(RetryPolicy::campaign(1));
        relay.ask(at(1));
        relay.failed(at(5), Persistence::Transient, 0.0);
        assert_eq!(relay.next_try(), Some(at(2_005)));
        relay.opened();
        assert_eq!(relay.next_try(), None);
    }

    #[test]
    fn a_permanent_refusal_ends_it_only_before_the_first_success() {
        let mut relay = RelayHealth::new(RetryPolicy::campaign(1));
        relay.ask(at(1));
        let fresh = relay.clone().failed(at(1), Persistence::Permanent, 0.0);
        assert_eq!(fresh, AfterFailure::GiveUp);
        relay.opened();
        let later = relay.failed(at(2), Persistence::Permanent, 0.0);
        assert_eq!(later, AfterFailure::TryLater);
    }
}
