//! What somebody did to a run by hand: who and when.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::event::Seq;
use crate::message::LaneId;

/// One intervention. It has a place in the log among the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its place in the log.
    pub seq: Seq,
    /// The lane of the run.
    pub lane: LaneId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: ControlAction,
    /// Who, as far as it is known: a name, or where the request came from.
    pub by: Box<str>,
}

/// What can be done to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlAction {
    /// Finish what was begun, begin nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Finish what was begun, take the rest back, end.
    Cancel,
    /// Make a new message for each that failed for good.
    RetryFailed,
}

impl ControlAction {
    /// Every action, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Pause, Self::Resume, Self::Cancel, Self::RetryFailed];

    /// The word as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::RetryFailed => "retry_failed",
        }
    }

    /// The number as it stands in the store; never reused for another action.
    pub fn code(self) -> i64 {
        match self {
            Self::Pause => 0,
            Self::Resume => 1,
            Self::Cancel => 2,
            Self::RetryFailed => 3,
        }
    }

    /// The action of a stored number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_to_their_actions() {
        for action in ControlAction::ALL {
            assert_eq!(ControlAction::from_code(action.code()), Some(action));
        }
        assert_eq!(ControlAction::from_code(99), None);
    }
}
