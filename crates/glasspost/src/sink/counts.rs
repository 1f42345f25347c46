//! What a sink did, in numbers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters that all connections share.
#[derive(Debug, Default)]
pub struct Counts {
    connections: AtomicU64,
    accepted_messages: AtomicU64,
    accepted_recipients: AtomicU64,
    accepted_bytes: AtomicU64,
    deferred: AtomicU64,
    refused: AtomicU64,
    stalled: AtomicU64,
    dropped: AtomicU64,
    garbage: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Connections that were made.
    pub connections: u64,
    /// Messages taken responsibility for.
    pub accepted_messages: u64,
    /// Their recipients.
    pub accepted_recipients: u64,
    /// Their size, in bytes.
    pub accepted_bytes: u64,
    /// 4xx replies by rule.
    pub deferred: u64,
    /// 5xx replies by rule.
    pub refused: u64,
    /// Silences by rule.
    pub stalled: u64,
    /// Connections closed by rule.
    pub dropped: u64,
    /// Answers that were no SMTP.
    pub garbage: u64,
}

impl Counts {
    pub(super) fn connected(&self) {
        add(&self.connections, 1);
    }

    /// Counts an accepted message; gives how many there are now.
    pub(super) fn accepted(&self, recipients: usize, bytes: usize) -> u64 {
        add(&self.accepted_recipients, recipients as u64);
        add(&self.accepted_bytes, bytes as u64);
        add(&self.accepted_messages, 1)
    }

    pub(super) fn said(&self, code: u16) {
        match code {
            400..=499 => add(&self.deferred, 1),
            _ => add(&self.refused, 1),
        };
    }

    pub(super) fn stalled(&self) {
        add(&self.stalled, 1);
    }

    pub(super) fn dropped(&self) {
        add(&self.dropped, 1);
    }

    pub(super) fn garbage(&self) {
        add(&self.garbage, 1);
    }

    /// The numbers now.
    pub fn snapshot(&self) -> Snapshot {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            connections: of(&self.connections),
            accepted_messages: of(&self.accepted_messages),
            accepted_recipients: of(&self.accepted_recipients),
            accepted_bytes: of(&self.accepted_bytes),
            deferred: of(&self.deferred),
            refused: of(&self.refused),
            stalled: of(&self.stalled),
            dropped: of(&self.dropped),
            garbage: of(&self.garbage),
        }
    }
}

fn add(counter: &AtomicU64, count: u64) -> u64 {
    counter.fetch_add(count, Ordering::Relaxed) + count
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "accepted {} messages for {} recipients ({} bytes) over {} connections",
            self.accepted_messages, self.accepted_recipients, self.accepted_bytes, self.connections
        )?;
        let others = [
            ("deferred", self.deferred),
            ("refused", self.refused),
            ("stalled", self.stalled),
            ("dropped", self.dropped),
            ("garbage", self.garbage),
        ];
        for (name, count) in others.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {name} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_read_as_a_line() {
        let counts = Counts::default();
        counts.connected();
        counts.accepted(2, 100);
        counts.said(451);
        counts.said(550);
        counts.said(554);
        let expected = "accepted 1 messages for 2 recipients (100 bytes) over 1 connections, deferred 1, refused 2";
        assert_eq!(counts.snapshot().to_string(), expected);
    }
}
