//! The points of the charts: the last minutes second by second, the last day by minutes.

use std::collections::VecDeque;

use serde::Serialize;

use super::traffic::Sum;

/// Points of a second, or a little more each.
const FINE_MAX: usize = 600;
/// Points of a minute each.
const COARSE_MAX: usize = 24 * 60;
const MINUTE_S: i64 = 60;

/// What happened in one span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Point {
    /// When it began, in seconds since 1970.
    t: i64,
    /// Its length in seconds.
    span: i64,
    accepted: u64,
    sent: u64,
    failed: u64,
    deferred: u64,
    rate_limited: u64,
    /// The most of each that was seen.
    pending: u64,
    connections: u64,
    sending: u64,
}

/// The points of about a day.
#[derive(Debug, Default)]
pub(super) struct History {
    coarse: VecDeque<Point>,
    fine: VecDeque<Point>,
}

impl Point {
    /// What happened between two looks, at these seconds.
    pub(super) fn between(from_s: i64, before: &Sum, to_s: i64, after: &Sum) -> Self {
        // Counts shrink when an account is deleted.
        let grown = |before: u64, after: u64| after.saturating_sub(before);
        let (then, now) = (&before.counts, &after.counts);
        Self {
            t: from_s,
            span: to_s - from_s,
            accepted: grown(then.accepted, now.accepted),
            sent: grown(then.sent, now.sent),
            failed: grown(then.errors, now.errors),
            deferred: grown(then.deferred, now.deferred),
            rate_limited: grown(then.rate_limited, now.rate_limited),
            pending: now.pending,
            connections: after.connections,
            sending: after.sending,
        }
    }

    /// Whether nothing happened, and nothing waits: a moment without a point says the same.
    pub(super) fn is_empty(&self) -> bool {
        let (t, span) = (self.t, self.span);
        *self
            == Self {
                t,
                span,
                ..Self::default()
            }
    }

    /// Takes what came after it into the same span.
    fn add(&mut self, later: &Self) {
        self.span = later.t + later.span - self.t;
        self.accepted += later.accepted;
        self.sent += later.sent;
        self.failed += later.failed;
        self.deferred += later.deferred;
        self.rate_limited += later.rate_limited;
        self.pending = self.pending.max(later.pending);
        self.connections = self.connections.max(later.connections);
        self.sending = self.sending.max(later.sending);
    }

    fn minute(&self) -> i64 {
        self.t.div_euclid(MINUTE_S)
    }
}

impl History {
    /// Adds what is later than everything before.
    pub(super) fn push(&mut self, point: Point) {
        self.fine.push_back(point);
        if self.fine.len() <= FINE_MAX {
            return;
        }
        let Some(oldest) = self.fine.pop_front() else {
            return;
        };
        match self.coarse.back_mut() {
            Some(last) if last.minute() == oldest.minute() => last.add(&oldest),
            _ => self.coarse.push_back(oldest),
        }
        if self.coarse.len() > COARSE_MAX {
            self.coarse.pop_front();
        }
    }

    /// All points in the order of time.
    pub(super) fn points(&self) -> Vec<Point> {
        self.coarse.iter().chain(&self.fine).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(t: i64, sent: u64, pending: u64) -> Point {
        Point {
            t,
            span: 1,
            sent,
            pending,
            ..Point::default()
        }
    }

    #[test]
    fn nothing_is_lost_when_seconds_become_minutes() {
        let mut history = History::default();
        for t in 0..2_000 {
            history.push(point(t, 3, t.unsigned_abs()));
        }
        let points = history.points();
        assert_eq!(points.iter().map(|point| point.sent).sum::<u64>(), 6_000);
        assert_eq!(points.iter().map(|point| point.span).sum::<i64>(), 2_000);
        assert_eq!((points[0].span, points[0].pending), (60, 59));
        assert_eq!(points.len(), 600 + 1_400_usize.div_ceil(60));
        assert!(
            points
                .windows(2)
                .all(|two| two[0].t + two[0].span == two[1].t)
        );
    }

    #[test]
    fn a_service_that_runs_for_months_keeps_a_day() {
        let mut history = History::default();
        for t in 0..200_000 {
            history.push(point(t, 1, 0));
        }
        assert_eq!(history.points().len(), FINE_MAX + COARSE_MAX);
    }

    #[test]
    fn a_moment_in_which_nothing_waits_and_nothing_happens_is_no_point() {
        let (mut before, mut after) = (Sum::default(), Sum::default());
        (before.counts.sent, after.counts.sent) = (5, 5);
        assert!(Point::between(10, &before, 11, &after).is_empty());
        after.counts.pending = 1;
        assert!(!Point::between(10, &before, 11, &after).is_empty());
        before.counts.sent = 9;
        assert_eq!(Point::between(10, &before, 13, &after).sent, 0);
    }
}
