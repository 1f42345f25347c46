//! Points of a run that are worth a line: each tenth of a list that is complete, and the end.

/// A step in per cent.
const STEP: u64 = 10;

/// How far the run was when it was looked at last.
#[derive(Default)]
pub(super) struct Milestones {
    steps: u64,
    is_done: bool,
}

/// What a milestone is told by.
#[derive(Clone, Copy)]
pub(super) struct Progress {
    /// Messages of a list that is complete, those that were taken back left out.
    pub total: u64,
    /// Delivered.
    pub sent: u64,
    /// Failed for good.
    pub failed: u64,
}

impl Milestones {
    /// The line for what was reached since the look before, if anything was.
    pub fn reach(&mut self, progress: Progress) -> Option<String> {
        let Progress {
            total,
            sent,
            failed,
        } = progress;
        let done = sent + failed;
        let was_done = std::mem::replace(&mut self.is_done, total > 0 && done == total);
        if self.is_done {
            // What is added later, failed messages tried again, makes no tenths of its own.
            self.steps = 100 / STEP;
            return (!was_done).then(|| format!("completed: {sent} sent, {failed} failed"));
        }
        let steps = done * 100 / total.max(1) / STEP;
        if steps <= self.steps {
            return None;
        }
        self.steps = steps;
        let percent = steps * STEP;
        Some(format!("{percent} % done: {done} of {total}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(total: u64, sent: u64, failed: u64) -> Progress {
        Progress {
            total,
            sent,
            failed,
        }
    }

    #[test]
    fn each_tenth_and_the_end_are_told_once() {
        let mut milestones = Milestones::default();
        let told: Vec<String> = (0..=200)
            .chain([200])
            .filter_map(|done| milestones.reach(at(200, done - done / 100, done / 100)))
            .collect();
        assert_eq!(told.len(), 10, "{told:?}");
        assert_eq!(told[0], "10 % done: 20 of 200");
        assert_eq!(told[9], "completed: 198 sent, 2 failed");
    }

    #[test]
    fn a_leap_is_one_line_and_an_empty_list_none() {
        let mut milestones = Milestones::default();
        let line = milestones.reach(at(1_000, 555, 0));
        assert_eq!(line.as_deref(), Some("50 % done: 555 of 1000"));
        assert_eq!(Milestones::default().reach(at(0, 0, 0)), None);
    }

    #[test]
    fn failed_messages_tried_again_are_completed_again() {
        let mut milestones = Milestones::default();
        assert!(milestones.reach(at(10, 8, 2)).is_some());
        assert_eq!(milestones.reach(at(12, 8, 2)), None);
        assert_eq!(milestones.reach(at(12, 9, 2)), None);
        let line = milestones.reach(at(12, 10, 2));
        assert_eq!(line.as_deref(), Some("completed: 10 sent, 2 failed"));
    }
}
