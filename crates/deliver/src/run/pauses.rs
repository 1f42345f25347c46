//! How long one who was refused waits before asking again.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(250);
/// The longest while the store is away. With the time that a question may take that begins just before its return, an
/// absence costs less than ten seconds more than it lasts.
const LONGEST: Duration = Duration::from_secs(3);

/// Pauses of one who asks, each twice as long as the one before it.
#[derive(Debug)]
pub(crate) struct Pauses {
    first: Duration,
    next: Duration,
    longest: Duration,
}

impl Default for Pauses {
    /// For a store that is away.
    fn default() -> Self {
        Self::up_to(LONGEST)
    }
}

impl Pauses {
    /// Pauses of at most so long.
    pub(crate) fn up_to(longest: Duration) -> Self {
        Self::between(FIRST, longest)
    }

    /// Pauses of at least and at most so long.
    pub(crate) fn between(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            next: first,
            longest,
        }
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }

    /// An answer came: the next pause is a first one.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_after_an_answer() {
        let mut pauses = Pauses::default();
        let millis: Vec<u128> = (0..6).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(millis, [250, 500, 1_000, 2_000, 3_000, 3_000]);
        pauses.reset();
        assert_eq!(pauses.next(), FIRST);
    }
}
