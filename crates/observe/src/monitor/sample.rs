//! Events for the tests of the monitor's parts.

use std::sync::Arc;

use model::{
    Address, Attempt, Category, Content, ContentHash, Event, EventKind, LaneId, Message, MessageId,
    Phase, PhaseTimes, Priority, Reply, Seq, Timestamp,
};
use store::Logged;

/// What every attempt takes, in microseconds.
pub const TIME_US: u64 = 1_500;

/// An event at a moment in milliseconds, with the attempt that belongs to its kind.
pub fn event(kind: EventKind, at_ms: i64) -> Event {
    let seq = Seq::new(1);
    let tried = !matches!(
        kind,
        EventKind::Accepted
            | EventKind::Cancelled
            | EventKind::RateLimited
            | EventKind::Returned
            | EventKind::Receipt
    );
    Event {
        seq,
        message: seq,
        lane: LaneId(1),
        at: Timestamp::from_millis(at_ms),
        kind,
        attempts: u32::from(tried && kind != EventKind::Dropped),
        attempt: tried.then(|| attempt(kind)),
        due_at: None,
        news: None,
        reason: None,
    }
}

fn attempt(kind: EventKind) -> Attempt {
    let code = match kind {
        EventKind::Delivered => 250,
        EventKind::Deferred | EventKind::Expired => 451,
        _ => 550,
    };
    Attempt {
        remote: "mx.example.org:25".into(),
        tls: None,
        phase: Phase::Final,
        reply: Some(Reply {
            code,
            enhanced: None,
            text: "so it is".into(),
        }),
        category: (kind != EventKind::Delivered).then_some(Category::Policy),
        error: None,
        times: PhaseTimes {
            transaction_us: TIME_US as u32,
            ..PhaseTimes::default()
        },
        refused_copies: Vec::new(),
        dialogue: None,
    }
}

/// The same, of the message with this number.
pub fn logged(kind: EventKind, number: i64, email: &str, at_ms: i64) -> Logged {
    let (seq, at) = (Seq::new(number), Timestamp::from_millis(at_ms));
    let event = Event {
        message: seq,
        ..event(kind, at_ms)
    };
    let message = Message {
        seq,
        id: MessageId::new(at, 1, seq),
        lane: LaneId(1),
        content: Content::Letter(ContentHash([0; 32])),
        priority: Priority::Medium,
        address: Address::parse(email).unwrap(),
        data: "{}".into(),
        accepted_at: at,
        attempts: event.attempts,
        state: kind.state(),
        retry_of: None,
    };
    Logged {
        event,
        message: Arc::new(message),
    }
}
