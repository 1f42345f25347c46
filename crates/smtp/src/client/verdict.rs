//! What became of a message: how far it got, what stopped it, and what that amounts to.

use model::{Attempt, Category, Phase, Reply};

use super::transaction::Interruption;
use super::wire::{SPOKE_UNASKED, Trouble};

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The facts.
    pub attempt: Attempt,
    /// What they amount to.
    pub verdict: Verdict,
}

/// What one try amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server took responsibility.
    Delivered,
    /// A reply decides, for now or for good: see the attempt's reply.
    Refused,
    /// No reply decided: the connection broke, a deadline passed, or what came was no SMTP. If the attempt's
    /// phase is [`Phase::Final`], or the message travelled with its envelope (BDAT), the server may have taken
    /// it all the same.
    Failed,
    /// This message can never be sent to this server as it is; nothing of it was.
    Unsendable,
    /// A connection used before turned out dead, or said 421, before any byte of the message was sent: safe
    /// to try again at once on a fresh one.
    NotStarted,
}

/// Where a message got to; what is left to say about it when it fails.
#[derive(Debug)]
pub(super) struct Course {
    pub phase: Phase,
    pub body_begun: bool,
    pub was_used: bool,
    pub refused_copies: Vec<Box<str>>,
}

/// Why a message was not sent to its end.
#[derive(Debug)]
pub(super) enum Stop {
    Unsendable(Category, String),
    Wire(Trouble),
    Interrupted(Interruption),
    /// The server spoke before anything was asked of it.
    Unasked(Reply),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Wire(trouble)
    }
}

impl From<Interruption> for Stop {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

pub(super) fn violation(text: &str) -> Stop {
    Interruption::Violation(text.to_owned()).into()
}

pub(super) fn verdict(course: &Course, result: &Result<(Phase, Reply), Stop>) -> Verdict {
    match result {
        Ok((_, reply)) if reply.is_positive() => Verdict::Delivered,
        Ok(_) => Verdict::Refused,
        Err(Stop::Unsendable(..)) => Verdict::Unsendable,
        Err(Stop::Interrupted(Interruption::Closing(reply))) => match course.is_untouched_by(reply)
        {
            true => Verdict::NotStarted,
            false => Verdict::Refused,
        },
        Err(Stop::Unasked(reply)) => match (course.was_used, reply.code) {
            (true, 400..) => Verdict::NotStarted,
            (false, 421) => Verdict::Refused,
            _ => Verdict::Failed,
        },
        Err(Stop::Wire(Trouble::Lost(_))) if course.was_used && !course.body_begun => {
            Verdict::NotStarted
        }
        Err(Stop::Wire(_) | Stop::Interrupted(Interruption::Violation(_))) => Verdict::Failed,
    }
}

impl Course {
    /// Whether a used connection ended with this reply before the server looked at the message. With 421 to
    /// MAIL or RCPT it does not look at what was sent behind them either.
    fn is_untouched_by(&self, closing: &Reply) -> bool {
        let before_message = matches!(self.phase, Phase::Mail | Phase::Recipient);
        self.was_used && closing.code == 421 && (before_message || !self.body_begun)
    }
}

pub(super) type Facts = (Phase, Option<Reply>, Option<Category>, Option<Box<str>>);

impl Stop {
    /// What an attempt says about it.
    pub(super) fn facts(self, course: &Course) -> Facts {
        let phase = course.phase;
        match self {
            Self::Unsendable(category, text) => {
                (Phase::Compose, None, Some(category), Some(text.into()))
            }
            Self::Wire(trouble) => {
                let text = trouble.to_string().into_boxed_str();
                (phase, None, Some(trouble.category()), Some(text))
            }
            Self::Interrupted(Interruption::Closing(reply)) => (phase, Some(reply), None, None),
            Self::Interrupted(Interruption::Violation(text)) => {
                (phase, None, Some(Category::Protocol), Some(text.into()))
            }
            Self::Unasked(reply) => {
                let text = SPOKE_UNASKED.into();
                let category = (reply.code < 400).then_some(Category::Protocol);
                (phase, Some(reply), category, Some(text))
            }
        }
    }
}
