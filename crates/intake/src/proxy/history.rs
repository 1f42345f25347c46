//! What happened to mail, in the words of the contract.

use model::{Attempt, Event, EventKind, News};
use serde_json::{Value, json};
use store::Logged;

use super::answer::without_nulls;

/// The entries of a record's history: who took responsibility is none of them.
pub(super) fn entries(history: &[Logged]) -> Vec<Value> {
    let told = history
        .iter()
        .filter_map(|logged| Some((kind(&logged.event)?, logged)));
    let entry = |(kind, logged): (&str, &Logged)| {
        json!({
            "event_id": logged.event.seq,
            "event_type": kind,
            "event_ts": logged.event.at.as_secs(),
            "description": words(&logged.event),
            "metadata": metadata(logged),
        })
    };
    told.map(entry).map(without_nulls).collect()
}

/// The same as a message's events are shown alone.
pub(super) fn events(history: &[Logged]) -> Vec<Value> {
    let told = history
        .iter()
        .filter_map(|logged| Some((kind(&logged.event)?, logged)));
    let event = |(kind, logged): (&str, &Logged)| {
        let mut data = metadata(logged);
        data["event_id"] = json!(logged.event.seq);
        data["description"] = json!(words(&logged.event));
        json!({
            "event_type": kind,
            "event_ts": logged.event.at.as_secs(),
            "event_data": without_nulls(data),
        })
    };
    told.map(event).collect()
}

/// What happened, as the contract calls it.
fn kind(event: &Event) -> Option<&'static str> {
    match event.kind {
        EventKind::Accepted => None,
        EventKind::Delivered => Some("sent"),
        EventKind::Deferred | EventKind::RateLimited => Some("deferred"),
        EventKind::Bounced | EventKind::Expired | EventKind::Dropped | EventKind::Cancelled => {
            Some("error")
        }
        EventKind::Returned => Some("bounce"),
        EventKind::Receipt => match &event.news {
            Some(News::Receipt(kind)) => Some(kind.as_str()),
            Some(News::Bounce { .. }) | None => None,
        },
    }
}

/// What happened, in words: ours where there are some, else the server's.
pub(super) fn words(event: &Event) -> Option<String> {
    let said = event.attempt.as_ref().and_then(said);
    let reason = event.reason.as_deref().map(str::to_owned);
    match event.kind {
        EventKind::RateLimited => Some(reason.unwrap_or_else(|| "rate_limit".to_owned())),
        EventKind::Cancelled => Some(reason.unwrap_or_else(|| "cancelled".to_owned())),
        _ => reason.or(said),
    }
}

/// What a server said, or what kept it from saying something.
fn said(attempt: &Attempt) -> Option<String> {
    let reply = attempt.reply.as_ref().map(ToString::to_string);
    let error = attempt.error.as_deref().map(str::to_owned);
    match attempt.category {
        // A reply that it was taken is no error, and neither is anything else then.
        None => reply,
        Some(_) => reply.filter(|_| error.is_none()).or(error),
    }
}

/// The code of the reply that decided an event.
pub(super) fn code(event: &Event) -> Option<u16> {
    Some(event.attempt.as_ref()?.reply.as_ref()?.code)
}

fn metadata(logged: &Logged) -> Value {
    let event = &logged.event;
    let (bounce_type, bounce_code) = match &event.news {
        Some(News::Bounce { permanence, code }) => (Some(permanence.as_str()), code.as_deref()),
        Some(News::Receipt(_)) | None => (None, None),
    };
    let reply = event
        .attempt
        .as_ref()
        .and_then(|attempt| attempt.reply.as_ref());
    let enhanced = reply.and_then(|reply| reply.enhanced);
    without_nulls(json!({
        "recipient": logged.message.address.as_str(),
        "attempts": event.attempts,
        "retry_count": event.attempts.saturating_sub(1),
        "deferred_ts": event.due_at.map(|at| at.as_secs()),
        "code": code(event),
        "enhanced_code": enhanced.map(|enhanced| enhanced.to_string()),
        "server": event.attempt.as_ref().map(|attempt| &attempt.remote),
        "bounce_type": bounce_type,
        "bounce_code": bounce_code,
    }))
}

#[cfg(test)]
mod tests {
    use model::{LaneId, Permanence, Phase, PhaseTimes, Reply, Seq, Timestamp};

    use super::*;

    fn event(kind: EventKind) -> Event {
        Event {
            seq: Seq::new(2),
            message: Seq::new(1),
            lane: LaneId(1),
            at: Timestamp::from_millis(5_000),
            kind,
            attempts: 1,
            attempt: None,
            due_at: None,
            news: None,
            reason: None,
        }
    }

    fn attempt(code: u16, text: &str, category: Option<model::Category>) -> Attempt {
        Attempt {
            remote: "mx.example:25".into(),
            tls: None,
            phase: Phase::Final,
            reply: Some(Reply {
                code,
                enhanced: None,
                text: text.into(),
            }),
            category,
            error: None,
            times: PhaseTimes::default(),
            refused_copies: Vec::new(),
            dialogue: None,
        }
    }

    #[test]
    fn events_have_the_contracts_names() {
        let kinds = EventKind::ALL.map(|kind| super::kind(&event(kind)));
        assert_eq!(
            kinds,
            [
                None,
                Some("sent"),
                Some("deferred"),
                Some("error"),
                Some("error"),
                Some("error"),
                Some("error"),
                Some("deferred"),
                Some("bounce"),
                None
            ]
        );
        let receipt = Event {
            news: Some(News::Receipt(model::ReceiptKind::Acceptance)),
            ..event(EventKind::Receipt)
        };
        assert_eq!(super::kind(&receipt), Some("pec_acceptance"));
    }

    #[test]
    fn our_words_go_before_the_servers() {
        let refused = attempt(550, "no such user", Some(model::Category::UnknownRecipient));
        let mut bounced = Event {
            attempt: Some(refused),
            ..event(EventKind::Bounced)
        };
        assert_eq!(words(&bounced).unwrap(), "550 no such user");
        assert_eq!(code(&bounced), Some(550));
        bounced.reason = Some("Max retries (5) exceeded: 550 no such user".into());
        assert!(words(&bounced).unwrap().starts_with("Max retries (5)"));
        assert_eq!(words(&event(EventKind::RateLimited)).unwrap(), "rate_limit");
        let returned = Event {
            news: Some(News::Bounce {
                permanence: Permanence::Hard,
                code: Some("511".into()),
            }),
            reason: Some("mailbox gone".into()),
            ..event(EventKind::Returned)
        };
        assert_eq!(words(&returned).unwrap(), "mailbox gone");
    }
}
