//! How fast messages may leave: an even pace with a small burst (the generic cell rate algorithm).

use std::time::Duration;

use model::Timestamp;

/// Messages that may leave at once before the pace is held: a tenth of a second's worth, at least one.
const BURST: Duration = Duration::from_millis(100);

/// A pace of so many messages a second.
#[derive(Clone, Debug)]
pub struct Pace {
    interval_us: i64,
    /// When the next message would leave at an even pace, in microseconds.
    next_us: i64,
}

impl Pace {
    /// A pace; `per_second` is at least 1.
    pub fn new(per_second: u32) -> Self {
        Self {
            interval_us: 1_000_000 / i64::from(per_second.max(1)),
            next_us: i64::MIN,
        }
    }

    /// Lets up to `wanted` messages leave at `now`; gives how many may, and how long to wait when none may.
    pub fn take(&mut self, now: Timestamp, wanted: usize) -> (usize, Duration) {
        let now_us = now.as_millis().saturating_mul(1_000);
        let burst_us = BURST.as_micros() as i64;
        // Never later than now, unless the clock was set back.
        let earliest_us = now_us - burst_us.max(self.interval_us);
        self.next_us = self.next_us.clamp(earliest_us, now_us);
        let room = usize::try_from((now_us - self.next_us) / self.interval_us).unwrap_or(0);
        let taken = room.min(wanted);
        self.next_us += self.interval_us * taken as i64;
        let wait_us = (self.next_us + self.interval_us - now_us).max(1_000);
        (taken, Duration::from_micros(wait_us.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_at_fifty_a_second_is_three_thousand() {
        let mut pace = Pace::new(50);
        let mut now = Timestamp::from_millis(1_000_000);
        let (end, mut sent) = (now + Duration::from_secs(60), 0);
        while now < end {
            let (taken, wait) = pace.take(now, 100);
            sent += taken;
            if taken == 0 {
                now = now + wait;
            }
        }
        assert!((3_000..=3_010).contains(&sent), "{sent}");
    }

    #[test]
    fn a_pause_does_not_save_up_more_than_a_burst() {
        let mut pace = Pace::new(10);
        let start = Timestamp::from_millis(1_000_000);
        pace.take(start, 100);
        let (taken, _) = pace.take(start + Duration::from_secs(3_600), 100);
        assert!(taken <= 2, "{taken}");
    }

    #[test]
    fn a_clock_that_was_set_back_an_hour_holds_nobody_up() {
        let mut pace = Pace::new(10);
        let start = Timestamp::from_millis(10_000_000);
        pace.take(start, 100);
        let earlier = start - Duration::from_secs(3_600);
        let (_, wait) = pace.take(earlier, 100);
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert_eq!(pace.take(earlier + wait, 100).0, 1);
    }
}
