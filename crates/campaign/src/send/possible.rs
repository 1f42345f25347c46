//! What can be done to a run when.

use model::{ControlAction, Stage};

/// What can be done to a run that has come so far, while so many of its messages failed and were not tried again.
/// In the order of the actions' codes.
pub fn possible(stage: Stage, repeatable: u64) -> Vec<ControlAction> {
    let is_possible = |action: &ControlAction| match action {
        ControlAction::Pause => stage == Stage::Sending,
        ControlAction::Resume => stage == Stage::Paused,
        ControlAction::Cancel => matches!(stage, Stage::Sending | Stage::Paused),
        // Not after a cancelling, which was to end it, and not after a fault, which would come again.
        ControlAction::RetryFailed => {
            repeatable > 0
                && matches!(
                    stage,
                    Stage::Sending | Stage::Paused | Stage::Completed | Stage::Unreachable
                )
        }
    };
    let actions = ControlAction::ALL.into_iter();
    actions.filter(is_possible).collect()
}

/// Why an action is not possible, in words for people.
pub(super) fn not_now(action: ControlAction, stage: Stage) -> String {
    let so = match action {
        ControlAction::Pause => "there is nothing to pause",
        ControlAction::Resume => "there is nothing to resume",
        ControlAction::Cancel => "there is nothing to cancel",
        ControlAction::RetryFailed => "nothing is tried again",
    };
    let is = match stage {
        Stage::Starting => return "the run is only starting: ask again in a moment".to_owned(),
        Stage::Sending => "the run is not paused",
        Stage::Paused => return "the run is paused already".to_owned(),
        Stage::Stopping => "the run is coming to its end",
        Stage::Completed => "the run is completed",
        Stage::Interrupted => "the run was interrupted",
        Stage::Unreachable => "the run has ended because the relay cannot be reached",
        Stage::Cancelled => "the run was cancelled",
        Stage::Failed => "the run broke off",
    };
    format!("{is}: {so}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_possible_is_said_in_plain_words() {
        let words = [
            (
                not_now(ControlAction::Pause, Stage::Completed),
                "the run is completed: there is nothing to pause",
            ),
            (
                not_now(ControlAction::Pause, Stage::Paused),
                "the run is paused already",
            ),
            (
                not_now(ControlAction::Resume, Stage::Sending),
                "the run is not paused: there is nothing to resume",
            ),
            (
                not_now(ControlAction::RetryFailed, Stage::Cancelled),
                "the run was cancelled: nothing is tried again",
            ),
        ];
        for (said, expected) in words {
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn what_is_possible_depends_on_how_far_the_run_has_come() {
        use ControlAction::{Cancel, Pause, Resume, RetryFailed};
        let table: [(Stage, &[ControlAction]); 9] = [
            (Stage::Starting, &[]),
            (Stage::Sending, &[Pause, Cancel, RetryFailed]),
            (Stage::Paused, &[Resume, Cancel, RetryFailed]),
            (Stage::Stopping, &[]),
            (Stage::Completed, &[RetryFailed]),
            (Stage::Interrupted, &[]),
            (Stage::Unreachable, &[RetryFailed]),
            (Stage::Cancelled, &[]),
            (Stage::Failed, &[]),
        ];
        for (stage, expected) in table {
            assert_eq!(possible(stage, 1), expected, "{stage:?}");
        }
    }

    #[test]
    fn a_retry_is_possible_while_something_is_left_to_be_tried_again() {
        let completed = |repeatable| possible(Stage::Completed, repeatable);
        assert_eq!(completed(0), []);
        assert_eq!(completed(7), [ControlAction::RetryFailed]);
    }
}
