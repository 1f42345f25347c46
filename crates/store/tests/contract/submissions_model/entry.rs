//! What the model knows of a submission and its messages.

use model::{EventKind, MessageState};

use super::{Choice, RECIPIENTS};

/// What the model knows of a submission.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) choice: Choice,
    pub(super) is_held: bool,
    /// When it became final.
    pub(super) finished_at: Option<u64>,
    pub(super) messages: Vec<Line>,
}

/// One of its messages.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) state: MessageState,
    pub(super) attempts: u32,
    pub(super) due_at: u64,
    /// Until when its account's limit holds it back.
    pub(super) limited_until: u64,
    pub(super) events: Vec<EventKind>,
}

impl Entry {
    pub(super) fn new(choice: Choice, at: u64, is_held: bool) -> Self {
        let line = Line {
            state: MessageState::Queued,
            attempts: 0,
            due_at: due_at(&choice, at),
            limited_until: 0,
            events: vec![EventKind::Accepted],
        };
        Self {
            choice,
            is_held,
            finished_at: None,
            messages: vec![line; RECIPIENTS[choice.recipients].len()],
        }
    }

    pub(super) fn count(&self, fits: impl Fn(MessageState) -> bool) -> usize {
        let states = self.messages.iter().map(|line| line.state);
        states.filter(|&state| fits(state)).count()
    }

    pub(super) fn open(&self) -> usize {
        self.count(|state| state == MessageState::Queued)
    }

    pub(super) fn place(&self) -> (usize, usize) {
        (self.choice.owner, self.choice.account)
    }
}

/// When what is handed over so is due, in seconds.
pub(super) fn due_at(choice: &Choice, at: u64) -> u64 {
    match choice.wait {
        0 => at,
        wait => wait * 100,
    }
}
