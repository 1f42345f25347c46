//! Counts by outcome, provider, code and category: made from events, of a running campaign or of its ledger.

use std::collections::BTreeMap;

use model::{Event, EventKind, Message, MessageState};
use store::{Books, Logged};

use crate::provider::Provider;

/// The counts of one campaign.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Messages by state.
    pub books: Books,
    /// Queued messages that were tried before and wait for their next try.
    pub retrying: u64,
    /// Of the accepted ones, those that repeat a failed one because somebody asked for it.
    pub repeats: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Attempts by what they led to. A ledger that is read message by message knows the latest only.
    pub outcomes: BTreeMap<EventKind, u64>,
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
        match logged.event.kind {
            EventKind::Accepted => self.accept(&logged.message),
            _ => self.change(
                &logged.event,
                Provider::of_domain(logged.message.address.domain()),
            ),
        }
    }

    /// The same for a reader that knows the provider already.
    pub fn count_for(&mut self, provider: Provider, logged: &Logged) {
        match logged.event.kind {
            EventKind::Accepted => self.accept(&logged.message),
            _ => self.change(&logged.event, provider),
        }
    }

    /// Counts a message by its latest event, for a ledger that is read message by message. Tries before the
    /// latest are not among the codes.
    pub fn count_latest(&mut self, logged: &Logged) {
        self.accept(&logged.message);
        if logged.event.kind == EventKind::Accepted {
            return;
        }
        if was_retrying(&logged.event) {
            // Taken back when the event is counted.
            self.retrying += 1;
        }
        let told = u32::from(logged.event.attempt.is_some());
        self.attempts += u64::from(logged.event.attempts.saturating_sub(told));
        self.count(logged);
    }

    fn accept(&mut self, message: &Message) {
        self.books.accepted += 1;
        self.books.queued += 1;
        self.repeats += u64::from(message.retry_of.is_some());
    }

    fn change(&mut self, event: &Event, provider: Provider) {
        self.count_attempt(event);
        let counts = self.providers.entry(provider).or_default();
        counts.count(event.kind);
        self.move_message(event);
    }

    fn count_attempt(&mut self, event: &Event) {
        let Some(attempt) = &event.attempt else {
            return;
        };
        if event.kind == EventKind::Dropped {
            return;
        }
        self.attempts += 1;
        *self.outcomes.entry(event.kind).or_default() += 1;
        *self
            .codes
            .entry(attempt.reply.as_ref().map_or(0, |reply| reply.code))
            .or_default() += 1;
        if event.kind == EventKind::Delivered {
            self.delivered_us += attempt.times.total_us();
        }
    }

    fn move_message(&mut self, event: &Event) {
        if matches!(
            event.kind,
            EventKind::RateLimited | EventKind::Returned | EventKind::Receipt
        ) {
            // They move no message.
            return;
        }
        if was_retrying(event) {
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
            EventKind::Accepted
            | EventKind::Cancelled
            | EventKind::RateLimited
            | EventKind::Returned
            | EventKind::Receipt => {}
        }
    }
}

/// Whether the message had been tried before the event, so that it was waiting for its next try.
fn was_retrying(event: &Event) -> bool {
    let told = u32::from(event.attempt.is_some() && event.kind != EventKind::Dropped);
    event.attempts > told
}

fn category_of(event: &Event) -> &'static str {
    let category = event.attempt.as_ref().and_then(|attempt| attempt.category);
    category.map_or("other", model::Category::as_str)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{
        Address, Attempt, Content, ContentHash, LaneId, MessageId, Phase, PhaseTimes, Priority,
        Seq, Timestamp,
    };

    use super::*;

    fn logged(kind: EventKind, attempts: u32, tried: Option<Attempt>) -> Logged {
        let (seq, at) = (Seq::new(1), Timestamp::from_millis(1));
        let message = Message {
            seq,
            id: MessageId::new(at, 1, seq),
            lane: LaneId(1),
            content: Content::Letter(ContentHash([0; 32])),
            priority: Priority::Medium,
            address: Address::parse("ada@gmail.com").unwrap(),
            data: "{}".into(),
            accepted_at: at,
            attempts,
            state: kind.state(),
            retry_of: None,
        };
        let event = model::Event {
            seq,
            message: seq,
            lane: LaneId(1),
            at,
            kind,
            attempts,
            attempt: tried,
            due_at: None,
            news: None,
            reason: None,
        };
        Logged {
            event,
            message: Arc::new(message),
        }
    }

    fn attempt() -> Option<Attempt> {
        Some(Attempt {
            remote: "".into(),
            tls: None,
            phase: Phase::Final,
            reply: None,
            category: None,
            error: None,
            times: PhaseTimes::default(),
            refused_copies: Vec::new(),
            dialogue: None,
        })
    }

    #[test]
    fn retrying_goes_up_and_down_and_the_ledger_counts_the_same() {
        let histories: [&[Logged]; 5] = [
            &[
                logged(EventKind::Accepted, 0, None),
                logged(EventKind::Delivered, 1, attempt()),
            ],
            &[
                logged(EventKind::Accepted, 0, None),
                logged(EventKind::Deferred, 1, attempt()),
                logged(EventKind::Deferred, 2, attempt()),
            ],
            &[
                logged(EventKind::Accepted, 0, None),
                logged(EventKind::Deferred, 1, attempt()),
                logged(EventKind::Expired, 2, attempt()),
            ],
            &[
                logged(EventKind::Accepted, 0, None),
                logged(EventKind::Deferred, 1, attempt()),
                logged(EventKind::Cancelled, 1, None),
            ],
            &[
                logged(EventKind::Accepted, 0, None),
                logged(EventKind::Dropped, 0, attempt()),
            ],
        ];
        let (mut live, mut ledger) = (Tally::default(), Tally::default());
        for history in histories {
            history.iter().for_each(|logged| live.count(logged));
            history
                .last()
                .into_iter()
                .for_each(|logged| ledger.count_latest(logged));
        }
        for tally in [&live, &ledger] {
            assert_eq!((tally.retrying, tally.attempts), (1, 6));
            assert!(tally.books.balance(), "{:?}", tally.books);
        }
        assert_eq!(live.books, ledger.books);
        assert_eq!(live.outcomes.values().sum::<u64>(), live.attempts);
    }

    #[test]
    fn repeats_of_failed_messages_are_told_apart() {
        let mut repeat = logged(EventKind::Accepted, 0, None);
        Arc::make_mut(&mut repeat.message).retry_of = Some(Seq::new(1));
        let (mut live, mut ledger) = (Tally::default(), Tally::default());
        for history in [logged(EventKind::Accepted, 0, None), repeat] {
            live.count(&history);
            ledger.count_latest(&history);
        }
        for tally in [live, ledger] {
            assert_eq!((tally.books.accepted, tally.repeats), (2, 1));
        }
    }
}
