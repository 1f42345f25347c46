//! How long deliveries take: percentiles for people, fixed buckets for metrics. Bounded, whatever comes.

use hdrhistogram::Histogram;
use model::metrics::DELIVERY_BUCKETS_S;

/// Longest time told apart, in microseconds: an hour. What takes longer counts as that.
const TIME_US_MAX: u64 = 3_600_000_000;
/// Significant digits of a percentile: it is right to a hundredth, in 30 KiB.
const DIGITS: u8 = 2;

/// The times of delivered attempts.
pub(super) struct DeliveryTimes {
    /// `None` only should the library refuse the constant bounds above.
    spread: Option<Histogram<u64>>,
    buckets: [u64; DELIVERY_BUCKETS_S.len() + 1],
}

impl Default for DeliveryTimes {
    fn default() -> Self {
        Self {
            spread: Histogram::new_with_bounds(1, TIME_US_MAX, DIGITS).ok(),
            buckets: [0; DELIVERY_BUCKETS_S.len() + 1],
        }
    }
}

impl DeliveryTimes {
    /// Counts a delivery that took so long.
    pub fn count(&mut self, time_us: u64) {
        if let Some(spread) = &mut self.spread {
            spread.saturating_record(time_us);
        }
        let seconds = time_us as f64 / 1e6;
        let bucket = DELIVERY_BUCKETS_S.partition_point(|limit| *limit < seconds);
        self.buckets[bucket] += 1;
    }

    /// The time that so many of a hundred deliveries did not exceed, in milliseconds; zero when there is none.
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        let us = |spread: &Histogram<u64>| spread.value_at_percentile(percent);
        self.spread.as_ref().map_or(0, us) as f64 / 1e3
    }

    /// How many deliveries took as long as each bucket allows and longer than the one before allows; the last
    /// is without a limit.
    pub fn buckets(&self) -> &[u64] {
        &self.buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_hundredth() {
        let mut times = DeliveryTimes::default();
        assert_eq!(times.percentile_ms(50.0), 0.0);
        (1..=1_000).for_each(|ms| times.count(ms * 1_000));
        for (percent, expected) in [(50.0, 500.0), (95.0, 950.0), (99.0, 990.0)] {
            let found = times.percentile_ms(percent);
            let error = (found - expected).abs() / expected;
            assert!(error < 0.01, "p{percent} is {found} ms");
        }
    }

    #[test]
    fn times_beyond_every_bound_are_counted() {
        let mut times = DeliveryTimes::default();
        [0, 1, u64::MAX]
            .into_iter()
            .for_each(|time_us| times.count(time_us));
        assert_eq!(times.buckets().iter().sum::<u64>(), 3);
        assert_eq!(times.buckets().last(), Some(&1));
        let hour_ms = TIME_US_MAX as f64 / 1e3;
        assert!(times.percentile_ms(100.0) >= hour_ms);
        assert!(times.percentile_ms(100.0) < hour_ms * 1.02);
    }
}
