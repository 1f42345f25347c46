//! What one render may use: steps and bytes of output.

use super::super::Limits;
use super::super::error::LimitReached;

/// One step pays for this many bytes of text made, compared or copied.
const STEP_BYTES: usize = 32;

/// Counts steps down.
pub(super) struct Budget {
    steps_left: u64,
    steps_max: u64,
    output_bytes_max: usize,
    /// How long the output may get, with what it held before.
    output_end: usize,
}

/// The steps that handling `bytes` of text costs.
pub(super) fn steps_for(bytes: usize) -> usize {
    bytes / STEP_BYTES
}

impl Budget {
    pub(super) fn new(limits: &Limits, output_start: usize) -> Self {
        Self {
            steps_left: limits.steps_max,
            steps_max: limits.steps_max,
            output_bytes_max: limits.output_bytes_max,
            output_end: output_start.saturating_add(limits.output_bytes_max),
        }
    }

    pub(super) fn spend(&mut self, steps: usize) -> Result<(), LimitReached> {
        match self.steps_left.checked_sub(steps as u64) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => Err(LimitReached::Steps(self.steps_max)),
        }
    }

    pub(super) fn check_output(&self, bytes: usize) -> Result<(), LimitReached> {
        if bytes > self.output_end {
            return Err(LimitReached::Output(self.output_bytes_max));
        }
        Ok(())
    }

    /// How long a text may be that a function makes.
    pub(super) fn text_bytes_max(&self) -> usize {
        self.output_bytes_max
    }
}
