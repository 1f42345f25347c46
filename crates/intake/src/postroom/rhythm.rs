//! How long after one visit the next one is.

use std::time::Duration;

/// How often a mailbox is visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// From the end of one visit to the next.
    pub interval: Duration,
    /// The longest pause after failures, each of which doubles it.
    pub pause_max: Duration,
}

/// What ends a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Time may.
    Time,
    /// Somebody has to change something.
    Person,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            pause_max: Duration::from_secs(15 * 60),
        }
    }
}

impl Rhythm {
    /// The pause after so many failures in a row.
    pub(super) fn pause(self, failures: u32, remedy: Remedy) -> Duration {
        let longest = self.pause_max.max(self.interval);
        match remedy {
            // A wrong password tried every minute gets an account locked.
            Remedy::Person => longest,
            Remedy::Time => {
                let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
                self.interval.saturating_mul(doubled).min(longest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound() {
        let rhythm = Rhythm::default();
        let seconds = |failures, remedy| rhythm.pause(failures, remedy).as_secs();
        let pauses: Vec<u64> = [1, 2, 3, 4, 5, 99]
            .map(|failures| seconds(failures, Remedy::Time))
            .into();
        assert_eq!(pauses, [60, 120, 240, 480, 900, 900]);
        assert_eq!(seconds(1, Remedy::Person), 900);
    }
}
