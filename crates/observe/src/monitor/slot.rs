//! What happened in one span of time, as it is counted.

use model::{Category, Event, EventKind};

use super::view::{Point, mean_ms, time_us};

/// The counts of one span. Its end is known to whoever keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Slot {
    /// Its beginning, in seconds since 1970.
    pub at_s: i64,
    sent: u64,
    failed: u64,
    deferred: u64,
    delivered_us: u64,
    connections: u64,
    sending: u64,
    /// Attempts that did not deliver, in the order of [`Category::ALL`].
    errors: [u64; Category::ALL.len()],
}

impl Slot {
    pub fn new(at_s: i64) -> Self {
        Self {
            at_s,
            ..Self::default()
        }
    }

    pub fn count(&mut self, event: &Event) {
        match event.kind {
            EventKind::Accepted
            | EventKind::Cancelled
            | EventKind::RateLimited
            | EventKind::Returned
            | EventKind::Receipt => return,
            EventKind::Delivered => {
                self.sent += 1;
                self.delivered_us += time_us(event);
                return;
            }
            EventKind::Deferred => self.deferred += 1,
            EventKind::Bounced | EventKind::Expired | EventKind::Dropped => self.failed += 1,
        }
        if let Some(attempt) = &event.attempt {
            let category = attempt.category.unwrap_or(Category::Other);
            self.errors[category as usize] += 1;
        }
    }

    /// Notes how much was open at one moment in it.
    pub fn sample(&mut self, connections: u64, sending: u64) {
        self.connections = self.connections.max(connections);
        self.sending = self.sending.max(sending);
    }

    /// Adds what happened in a later span.
    pub fn add(&mut self, later: &Self) {
        self.sent += later.sent;
        self.failed += later.failed;
        self.deferred += later.deferred;
        self.delivered_us += later.delivered_us;
        self.sample(later.connections, later.sending);
        for (sum, count) in self.errors.iter_mut().zip(later.errors) {
            *sum += count;
        }
    }

    /// Messages that were delivered or failed.
    pub fn finals(&self) -> u64 {
        self.sent + self.failed
    }

    /// The same for people, ending at `end_s`.
    pub fn point(&self, end_s: i64) -> Point {
        let errors = Category::ALL.into_iter().zip(self.errors);
        Point {
            at_s: self.at_s,
            span_s: u32::try_from(end_s - self.at_s).unwrap_or(u32::MAX),
            sent: self.sent,
            failed: self.failed,
            deferred: self.deferred,
            mean_ms: mean_ms(self.delivered_us, self.sent),
            connections: self.connections,
            sending: self.sending,
            errors: errors
                .filter(|(_, count)| *count > 0)
                .map(|(category, count)| (category.as_str(), count))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::sample::{TIME_US, event};

    #[test]
    fn categories_have_their_places() {
        for (place, category) in Category::ALL.into_iter().enumerate() {
            assert_eq!(category as usize, place);
        }
    }

    #[test]
    fn spans_add_up() {
        let (mut first, mut second) = (Slot::new(10), Slot::new(11));
        for kind in EventKind::ALL {
            first.count(&event(kind, 10_000));
            second.count(&event(kind, 11_000));
        }
        first.sample(3, 2);
        second.sample(1, 9);
        first.add(&second);
        let point = first.point(12);
        assert_eq!((point.at_s, point.span_s), (10, 2));
        assert_eq!((point.sent, point.failed, point.deferred), (2, 6, 2));
        assert_eq!((point.connections, point.sending), (3, 9));
        assert_eq!(point.errors, [("policy", 8)]);
        assert_eq!(point.mean_ms, TIME_US as f64 / 1e3);
        assert_eq!(first.finals(), 8);
    }
}
