//! What happens to a message after an attempt.

use model::{Attempt, Category, EventKind, Outcome, Reply, Timestamp};

use super::classify::classify;
use super::retry::RetryPolicy;

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub enum Trial<'a> {
    /// The server took the message.
    Delivered,
    /// The server answered, and refused.
    Refused(&'a Reply),
    /// There was no usable answer: no connection, silence, nonsense.
    Unanswered,
    /// We cannot send this message to this server at all: it is larger than the server takes, say.
    Unsendable,
}

/// What to record, and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The event.
    pub kind: EventKind,
    /// When it is due again; only for `Deferred`.
    pub due_at: Option<Timestamp>,
    /// What a refusing reply is about.
    pub category: Option<Category>,
}

/// Decides after the `attempts`-th try. 5xx is final; everything else is tried again while there are tries
/// left, then expires. `chance` is a random number from 0 to 1.
pub fn decide(
    trial: Trial<'_>,
    attempts: u32,
    policy: &RetryPolicy,
    now: Timestamp,
    chance: f64,
) -> Decision {
    let last = |kind, category| Decision {
        kind,
        due_at: None,
        category,
    };
    let category = match trial {
        Trial::Delivered => return last(EventKind::Delivered, None),
        Trial::Unsendable => return last(EventKind::Dropped, None),
        Trial::Unanswered => None,
        Trial::Refused(reply) => {
            let classification = classify(reply);
            if classification.outcome == Outcome::Bounced {
                return last(EventKind::Bounced, classification.category);
            }
            classification.category
        }
    };
    match policy.pause_after(attempts, chance) {
        Some(pause) => Decision {
            kind: EventKind::Deferred,
            due_at: Some(now + pause),
            category,
        },
        None => last(EventKind::Expired, category),
    }
}

/// Why a message expired, in words: its tries are used up, and what its last one came to (the proxy contract,
/// section 4).
pub fn spent(policy: &RetryPolicy, last: &Attempt) -> Box<str> {
    let error = match (&last.reply, &last.error) {
        (Some(reply), _) => reply.to_string(),
        (None, Some(error)) => error.to_string(),
        (None, None) => "no answer".to_owned(),
    };
    format!("Max retries ({}) exceeded: {error}", policy.retries()).into()
}

#[cfg(test)]
mod tests {
    use model::{Phase, PhaseTimes};

    use super::*;

    fn reply(code: u16) -> Reply {
        Reply {
            code,
            enhanced: None,
            text: "".into(),
        }
    }

    #[test]
    fn permanent_refusals_are_never_tried_again() {
        let policy = RetryPolicy::campaign(5);
        let now = Timestamp::from_millis(1_000);
        let decision = decide(Trial::Refused(&reply(550)), 1, &policy, now, 0.0);
        assert_eq!((decision.kind, decision.due_at), (EventKind::Bounced, None));
    }

    #[test]
    fn temporary_refusals_and_silence_are_tried_until_they_expire() {
        let policy = RetryPolicy::campaign(1);
        let now = Timestamp::from_millis(1_000);
        for trial in [Trial::Refused(&reply(451)), Trial::Unanswered] {
            let first = decide(trial, 1, &policy, now, 0.0);
            assert_eq!(first.kind, EventKind::Deferred);
            assert_eq!(first.due_at, Some(Timestamp::from_millis(3_000)));
            assert_eq!(decide(trial, 2, &policy, now, 0.0).kind, EventKind::Expired);
        }
    }

    #[test]
    fn what_expired_says_how_often_it_was_tried_and_what_came_last() {
        let policy = RetryPolicy::service(vec![std::time::Duration::from_secs(60); 5]);
        let mut last = Attempt {
            remote: "mx.example.org:25".into(),
            tls: None,
            phase: Phase::Connect,
            reply: None,
            category: None,
            error: Some("connecting: refused".into()),
            times: PhaseTimes::default(),
            refused_copies: Vec::new(),
            dialogue: None,
        };
        let said = spent(&policy, &last);
        assert_eq!(&*said, "Max retries (5) exceeded: connecting: refused");
        last.reply = Some(reply(451));
        assert!(spent(&policy, &last).starts_with("Max retries (5) exceeded: 451"));
    }
}
