//! When a message is tried again.

use std::time::Duration;

/// The tries a message has, and the pauses between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all, the first included; at least 1.
    pub attempts_max: u32,
    /// The pause after the first, second … failed try; the last one repeats. Empty: no pause.
    pub delays: Vec<Duration>,
    /// A random part of so much of each pause is added to it, in percent, so that messages do not come back all at
    /// once.
    pub jitter_percent: u32,
    /// The most that is added.
    pub jitter_max: Duration,
}

/// How a service tries a relay that cannot be reached, in seconds.
const RELAY_DELAYS: [u64; 7] = [1, 2, 4, 8, 16, 32, 60];

impl RetryPolicy {
    /// A campaign's policy: `retries` more tries after the first, 2, 4, 8, 10, 10 … seconds apart and up to
    /// a second of jitter (the campaign contract, section 7).
    pub fn campaign(retries: u32) -> Self {
        Self {
            attempts_max: retries.saturating_add(1),
            delays: [2, 4, 8, 10].map(Duration::from_secs).to_vec(),
            jitter_percent: 100,
            jitter_max: Duration::from_millis(999),
        }
    }

    /// A service's policy: one more try after each of `delays` (the proxy contract, section 4), later by up to a tenth
    /// and 30 s at most.
    pub fn service(delays: Vec<Duration>) -> Self {
        Self {
            attempts_max: u32::try_from(delays.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            delays,
            jitter_percent: 10,
            jitter_max: Duration::from_secs(30),
        }
    }

    /// How a service tries a relay that cannot be reached: after 1 s, then twice as long each time up to a minute, and
    /// without an end.
    pub fn relay() -> Self {
        Self {
            attempts_max: u32::MAX,
            delays: RELAY_DELAYS.map(Duration::from_secs).to_vec(),
            jitter_percent: 10,
            jitter_max: Duration::from_secs(6),
        }
    }

    /// Tries after the first.
    pub fn retries(&self) -> u32 {
        self.attempts_max.saturating_sub(1)
    }

    /// The pause after the `attempts`-th failed try; `None` when that was the last. `chance` is a random
    /// number from 0 to 1.
    pub fn pause_after(&self, attempts: u32, chance: f64) -> Option<Duration> {
        if attempts >= self.attempts_max {
            return None;
        }
        let place = (attempts.max(1) as usize - 1).min(self.delays.len().saturating_sub(1));
        let delay = self.delays.get(place).copied().unwrap_or_default();
        let jitter = (delay / 100 * self.jitter_percent).min(self.jitter_max);
        Some(delay + jitter.mul_f64(chance.clamp(0.0, 1.0)))
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
    fn a_service_waits_its_delays_and_a_tenth_more_at_most() {
        let delays = [60, 300, 900, 3_600, 7_200].map(Duration::from_secs);
        let policy = RetryPolicy::service(delays.to_vec());
        assert_eq!((policy.attempts_max, policy.retries()), (6, 5));
        for (place, delay) in delays.iter().enumerate() {
            let attempts = place as u32 + 1;
            assert_eq!(policy.pause_after(attempts, 0.0), Some(*delay));
            let latest = *delay + (*delay / 10).min(Duration::from_secs(30));
            assert_eq!(policy.pause_after(attempts, 1.0), Some(latest));
        }
        assert_eq!(policy.pause_after(6, 0.0), None);
    }

    #[test]
    fn a_relay_is_never_given_up() {
        let policy = RetryPolicy::relay();
        let pauses: Vec<u64> = (1..=8)
            .filter_map(|n| policy.pause_after(n, 0.0))
            .map(|pause| pause.as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(policy.pause_after(1_000_000, 1.0).is_some());
    }

    #[test]
    fn without_retries_the_first_try_is_the_last() {
        assert_eq!(RetryPolicy::campaign(0).pause_after(1, 0.5), None);
    }
}
