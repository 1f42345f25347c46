//! What is under way and not yet a fact: kept in memory, shown, never counted as an outcome.

use std::sync::atomic::{AtomicU64, Ordering};

/// Gauges of a running delivery, shared by those who deliver and those who show it.
#[derive(Debug, Default)]
pub struct Live {
    sending: AtomicU64,
    connections: AtomicU64,
}

/// One message in the middle of a dialogue: counted while this lives.
#[derive(Debug)]
pub struct Counted<'a>(&'a AtomicU64);

impl Live {
    /// Messages in the middle of an SMTP dialogue.
    pub fn sending(&self) -> u64 {
        self.sending.load(Ordering::Relaxed)
    }

    /// Open connections.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a message as being sent until the answer is dropped.
    pub fn begin_sending(&self) -> Counted<'_> {
        Counted::new(&self.sending)
    }

    /// A connection was opened.
    pub fn connection_opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection is gone.
    pub fn connection_closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'a> Counted<'a> {
    fn new(gauge: &'a AtomicU64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_count_while_it_lasts() {
        let live = Live::default();
        let sending = live.begin_sending();
        assert_eq!(live.sending(), 1);
        drop(sending);
        assert_eq!(live.sending(), 0);
    }
}
