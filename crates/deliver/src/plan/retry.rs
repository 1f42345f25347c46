//! When a message is tried again.

use std::time::Duration;

/// The tries a message has, and the pauses between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all, the first included; at least 1.
    pub attempts_max: u32,
    /// The pause after the first, second … failed try; the last one repeats. Empty: no pause.
    pub delays: Vec<Duration>,
    /// A random part of this much is added to each pause, so that messages do not come back all at once.
    pub jitter_max: Duration,
}

impl RetryPolicy {
    /// A campaign's policy: `retries` more tries after the first, 2, 4, 8, 10, 10 … seconds apart and up to
    /// a second of jitter (the campaign contract, section 7).
    pub fn campaign(retries: u32) -> Self {
        Self {
            attempts_max: retries.saturating_add(1),
            delays: [2, 4, 8, 10].map(Duration::from_secs).to_vec(),
            jitter_max: Duration::from_millis(999),
        }
    }

    /// The pause after the `attempts`-th failed try; `None` when that was the last. `chance` is a random
    /// number from 0 to 1.
    pub fn pause_after(&self, attempts: u32, chance: f64) -> Option<Duration> {
        if attempts >= self.attempts_max {
            return None;
        }
        let place = (attempts.max(1) as usize - 1).min(self.delays.len().saturating_sub(1));
        let delay = self.delays.get(place).copied().unwrap_or_default();
        Some(delay + self.jitter_max.mul_f64(chance.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_waits_2_4_8_10_10_seconds() {
        let policy = RetryPolicy::campaign(5);
        let pauses: Vec<Option<u64>> = (1..=6)
            .map(|n| policy.pause_after(n, 0.0).map(|pause| pause.as_secs()))
            .collect();
        assert_eq!(
            pauses,
            [Some(2), Some(4), Some(8), Some(10), Some(10), None]
        );
        assert_eq!(
            policy.pause_after(1, 1.0),
            Some(Duration::from_millis(2_999))
        );
    }

    #[test]
    fn without_retries_the_first_try_is_the_last() {
        assert_eq!(RetryPolicy::campaign(0).pause_after(1, 0.5), None);
    }
}
