//! What is recorded of a message: after an attempt, without one, or instead of one.

use std::sync::Arc;

use model::{
    Attempt, Category, EventKind, Message, Phase, PhaseTimes, RATE_LIMIT_EXCEEDED, Timestamp,
};
use smtp::client::{ConnectError, Sent, Verdict};
use store::NewEvent;

use super::Shared;
use super::work::Work;
use crate::plan::decide::{Decision, Trial, decide, spent};
use crate::plan::limits::Over;

impl Shared {
    /// The event of an attempt.
    pub(super) fn tried(&self, work: Work, sent: Sent) -> NewEvent {
        let Sent { attempt, verdict } = sent;
        let trial = match (verdict, &attempt.reply) {
            (Verdict::Delivered, _) => Trial::Delivered,
            (Verdict::Unsendable, _) => Trial::Unsendable,
            (Verdict::Refused | Verdict::NotStarted, Some(reply)) => Trial::Refused(reply),
            (Verdict::Refused | Verdict::NotStarted | Verdict::Failed, _) => Trial::Unanswered,
        };
        let decision = self.decide(&work, trial);
        self.decided(work, decision, attempt)
    }

    /// The relay cannot be reached, and everybody who is due pays for that. That what it said was for good is no
    /// reason: host, login and certificate may be put right.
    pub(super) fn unreached(&self, work: Work, error: &ConnectError) -> NewEvent {
        let told = &error.attempt;
        let attempt = Attempt {
            reply: told.reply.clone(),
            category: told.category,
            error: told.error.clone(),
            remote: told.remote.clone(),
            ..without_a_try(Phase::Connect)
        };
        let decision = self.decide(&work, Trial::Unanswered);
        self.decided(work, decision, attempt)
    }

    /// A message that cannot be made now.
    pub(super) fn not_made_yet(&self, work: Work, reason: Box<str>) -> NewEvent {
        let decision = self.decide(&work, Trial::Unanswered);
        self.decided(work, decision, unmade(reason))
    }

    /// A message that can never be made is refused by us.
    pub(super) fn refused_by_us(&self, work: Work, reason: Box<str>) -> NewEvent {
        NewEvent {
            attempt: Some(unmade(reason.clone())),
            ..self.plain(work.message, EventKind::Dropped, None, reason)
        }
    }

    /// A message that was one too many.
    pub(super) fn one_too_many(&self, message: Arc<Message>) -> NewEvent {
        let reason = RATE_LIMIT_EXCEEDED.into();
        self.plain(message, EventKind::Dropped, None, reason)
    }

    /// A message that waits for its account's limit.
    pub(super) fn limited(&self, message: Arc<Message>, over: &Over) -> NewEvent {
        let reason = format!("the account's limit of {} is used up", over.limit);
        let until = Some(over.until);
        self.plain(message, EventKind::RateLimited, until, reason.into())
    }

    fn decide(&self, work: &Work, trial: Trial<'_>) -> Decision {
        let delivery = &self.delivery;
        decide(
            trial,
            work.message.attempts + 1,
            &delivery.settings.retry,
            delivery.clock.now(),
            fastrand::f64(),
        )
    }

    fn decided(&self, work: Work, decision: Decision, mut attempt: Attempt) -> NewEvent {
        attempt.category = attempt.category.or(decision.category);
        let reason = (decision.kind == EventKind::Expired)
            .then(|| spent(&self.delivery.settings.retry, &attempt));
        NewEvent {
            kind: decision.kind,
            at: self.delivery.clock.now(),
            attempts: work.message.attempts + 1,
            message: work.message,
            due_at: decision.due_at,
            attempt: Some(attempt),
            reason,
        }
    }

    /// An event that is no attempt.
    fn plain(
        &self,
        message: Arc<Message>,
        kind: EventKind,
        due_at: Option<Timestamp>,
        reason: Box<str>,
    ) -> NewEvent {
        NewEvent {
            kind,
            at: self.delivery.clock.now(),
            attempts: message.attempts,
            message,
            due_at,
            attempt: None,
            reason: Some(reason),
        }
    }
}

fn unmade(reason: Box<str>) -> Attempt {
    Attempt {
        category: Some(Category::Composition),
        error: Some(reason),
        ..without_a_try(Phase::Compose)
    }
}

/// An attempt that came to nothing before a connection was there.
fn without_a_try(phase: Phase) -> Attempt {
    Attempt {
        remote: "".into(),
        tls: None,
        phase,
        reply: None,
        category: None,
        error: None,
        times: PhaseTimes::default(),
        refused_copies: Vec::new(),
        dialogue: None,
    }
}
