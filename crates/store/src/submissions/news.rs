//! News as events, as every backend records them.

use model::{Event, EventKind, Message, MessageState, Seq};

use super::{NEWS_MAX, NewNews};
use crate::detail::{Detail, encode};
use crate::{Result, StoreError};

/// Refuses what is no news.
pub(crate) fn check(kind: EventKind) -> Result<()> {
    match kind {
        EventKind::Returned | EventKind::Receipt => Ok(()),
        EventKind::Accepted
        | EventKind::Delivered
        | EventKind::Deferred
        | EventKind::Bounced
        | EventKind::Expired
        | EventKind::Dropped
        | EventKind::Cancelled
        | EventKind::RateLimited => {
            let kind = kind.as_str();
            Err(StoreError::Invalid(format!("an event `{kind}` as news")))
        }
    }
}

/// Whether a message that had so many news may have one more.
pub(crate) fn may_have(message: &Message, count: i64) -> bool {
    message.state == MessageState::Delivered && count < i64::from(NEWS_MAX)
}

/// News of a message as its event.
pub(crate) fn event(new: NewNews, message: &Message, seq: Seq) -> Event {
    Event {
        seq,
        message: message.seq,
        lane: message.lane,
        at: new.at,
        kind: new.kind,
        attempts: message.attempts,
        attempt: None,
        due_at: None,
        news: Some(new.news),
        reason: Some(new.reason),
    }
}

/// What the event says beside its columns, as it is kept.
pub(crate) fn detail(event: &Event) -> Result<Option<String>> {
    encode(&Detail {
        attempt: None,
        due_at: None,
        news: event.news.clone(),
        reason: event.reason.clone(),
    })
}
