//! Counts by outcome, provider, code and category: made from events, of a running campaign or of its ledger.

use std::collections::BTreeMap;

use model::{Event, EventKind, MessageState};
use store::{Books, Logged};

use crate::provider::Provider;

/// The counts of one campaign.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Messages by state.
    pub books: Books,
    /// Queued messages that were tried before and wait for their next try.
    pub retrying: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Final outcomes by provider.
    pub providers: BTreeMap<Provider, ProviderTally>,
    /// How often each reply code was given; 0 stands for no answer.
    pub codes: BTreeMap<u16, u64>,
    /// Why messages failed for good.
    pub failures: BTreeMap<&'static str, u64>,
    /// Time spent in delivered attempts, in microseconds.
    pub delivered_us: u64,
}

/// One provider's final outcomes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProviderTally {
    /// Taken by the next server.
    pub delivered: u64,
    /// Failed for good.
    pub failed: u64,
    /// Tries that will be repeated.
    pub deferred: u64,
}

impl Tally {
    /// Counts one event of the log. Each event is counted once, in order.
    pub fn count(&mut self, logged: &Logged) {
        let event = &logged.event;
        if event.kind == EventKind::Accepted {
            self.books.accepted += 1;
            self.books.queued += 1;
            return;
        }
        self.count_attempt(event);
        let provider = self
            .providers
            .entry(Provider::of_domain(logged.message.address.domain()));
        provider.or_default().count(event.kind);
        self.move_message(event);
    }

    /// Counts a message by its latest event, for a ledger that is read message by message. Tries before the
    /// latest are not among the codes.
    pub fn count_latest(&mut self, logged: &Logged) {
        self.books.accepted += 1;
        self.books.queued += 1;
        if logged.event.kind == EventKind::Accepted {
            return;
        }
        let earlier = logged.event.attempts.saturating_sub(1);
        if earlier > 0 {
            self.attempts += u64::from(earlier);
            // The move below takes a retry back that this ledger never counted.
            self.retrying += 1;
        }
        let accepted = self.books.accepted;
        self.count(logged);
        self.books.accepted = accepted;
    }

    fn count_attempt(&mut self, event: &Event) {
        let Some(attempt) = &event.attempt else {
            return;
        };
        if event.kind == EventKind::Dropped {
            return;
        }
        self.attempts += 1;
        *self
            .codes
            .entry(attempt.reply.as_ref().map_or(0, |reply| reply.code))
            .or_default() += 1;
        if event.kind == EventKind::Delivered {
            self.delivered_us += attempt.times.total_us();
        }
    }

    fn move_message(&mut self, event: &Event) {
        let was_retrying = event.attempts > 1 || (event.attempts == 1 && event.attempt.is_none());
        if was_retrying {
            self.retrying = self.retrying.saturating_sub(1);
        }
        let state = event.kind.state();
        if state == MessageState::Queued {
            self.retrying += 1;
            return;
        }
        self.books.queued = self.books.queued.saturating_sub(1);
        *self.books.count_mut(state) += 1;
        if matches!(
            event.kind,
            EventKind::Bounced | EventKind::Expired | EventKind::Dropped
        ) {
            *self.failures.entry(category_of(event)).or_default() += 1;
        }
    }

    /// Messages that are final.
    pub fn done(&self) -> u64 {
        self.books.accepted - self.books.queued
    }

    /// Mean time of a delivered attempt, in milliseconds.
    pub fn mean_ms(&self) -> f64 {
        match self.books.delivered {
            0 => 0.0,
            delivered => self.delivered_us as f64 / delivered as f64 / 1_000.0,
        }
    }
}

impl ProviderTally {
    fn count(&mut self, kind: EventKind) {
        match kind {
            EventKind::Delivered => self.delivered += 1,
            EventKind::Deferred => self.deferred += 1,
            EventKind::Bounced | EventKind::Expired | EventKind::Dropped => self.failed += 1,
            EventKind::Accepted | EventKind::Cancelled => {}
        }
    }
}

fn category_of(event: &Event) -> &'static str {
    let category = event.attempt.as_ref().and_then(|attempt| attempt.category);
    category.map_or("other", model::Category::as_str)
}
