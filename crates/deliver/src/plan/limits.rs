//! What an account may send in a minute, an hour and a day: sliding windows over what was delivered and what is on its
//! way (the proxy contract, section 4).

use std::collections::VecDeque;
use std::time::Duration;

use model::Timestamp;
use model::account::{AccountLimits, WhenOver};

/// The limits of one account and how far they are used. Without any, everything may be sent.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    windows: Vec<Window>,
    /// Messages that were taken to be sent and of which nothing is known yet.
    in_flight: usize,
    when_over: WhenOver,
}

/// One limit.
#[derive(Clone, Debug)]
struct Window {
    seconds: i64,
    word: &'static str,
    max: usize,
    /// What was delivered, by second, the oldest first; never longer than the window.
    sends: VecDeque<(i64, usize)>,
    /// The sum of it.
    delivered: usize,
}

/// What may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// So many messages; at least one.
    Free(usize),
    /// What is on its way may use a limit up: its outcome decides.
    Busy,
    /// A limit is used up.
    Over(Over),
}

/// A limit that is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The next full minute, hour or day.
    pub until: Timestamp,
    /// Which limit, in words.
    pub limit: String,
}

impl Limits {
    /// Limits that are used as far as `sends` says: messages delivered by second since 1970.
    pub fn new(limits: &AccountLimits, sends: &[(i64, u32)]) -> Self {
        let mut windows: Vec<Window> = windows(limits)
            .filter_map(|(seconds, word, max)| Some(Window::new(seconds, word, max?.get())))
            .collect();
        for window in &mut windows {
            for (second, count) in sends {
                window.add(*second, *count as usize);
            }
        }
        Self {
            windows,
            in_flight: 0,
            when_over: limits.when_over,
        }
    }

    /// How far back deliveries count; `None` without a limit.
    pub fn reach(limits: &AccountLimits) -> Option<Duration> {
        windows(limits)
            .filter(|(_, _, max)| max.is_some())
            .map(|(seconds, ..)| Duration::from_secs(seconds.unsigned_abs() + 1))
            .max()
    }

    /// What happens to what is too much.
    pub fn when_over(&self) -> WhenOver {
        self.when_over
    }

    /// What may be sent now.
    pub fn room(&mut self, now: Timestamp) -> Room {
        for window in &mut self.windows {
            window.forget(now.as_secs());
        }
        if let Some(full) = self.windows.iter().find(|window| window.free(0) == 0) {
            return Room::Over(Over {
                until: full.ends_after(now),
                limit: format!("{} {}", full.max, full.word),
            });
        }
        let free = self.windows.iter().map(|one| one.free(self.in_flight));
        match free.min() {
            Some(0) => Room::Busy,
            Some(free) => Room::Free(free),
            None => Room::Free(usize::MAX),
        }
    }

    /// So many messages are taken to be sent, no more than there was room for.
    pub fn take(&mut self, count: usize) {
        self.in_flight += count;
    }

    /// A message that was taken was delivered.
    pub fn delivered(&mut self, at: Timestamp) {
        self.in_flight = self.in_flight.saturating_sub(1);
        for window in &mut self.windows {
            window.add(at.as_secs(), 1);
        }
    }

    /// A message that was taken was not delivered: its place is free again.
    pub fn not_delivered(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

/// The windows that there are: seconds, word and limit.
fn windows(
    limits: &AccountLimits,
) -> impl Iterator<Item = (i64, &'static str, Option<std::num::NonZeroU32>)> {
    [
        (60, "a minute", limits.per_minute),
        (3_600, "an hour", limits.per_hour),
        (86_400, "a day", limits.per_day),
    ]
    .into_iter()
}

impl Window {
    fn new(seconds: i64, word: &'static str, max: u32) -> Self {
        Self {
            seconds,
            word,
            max: max as usize,
            sends: VecDeque::new(),
            delivered: 0,
        }
    }

    /// Counts deliveries, as late as the latest that were counted.
    fn add(&mut self, second: i64, count: usize) {
        self.delivered += count;
        match self.sends.back_mut() {
            Some((latest, sum)) if *latest >= second => *sum += count,
            _ => self.sends.push_back((second, count)),
        }
    }

    /// Forgets what left the window. A second counts until its last moment has left; what is in the future because the
    /// clock was set back counts as of now.
    fn forget(&mut self, now: i64) {
        let mut later = 0;
        while let Some((_, count)) = self.sends.pop_back_if(|(second, _)| *second > now) {
            later += count;
        }
        if later > 0 {
            self.sends.push_back((now, later));
        }
        while let Some((second, count)) = self.sends.front()
            && second + 1 + self.seconds <= now
        {
            self.delivered -= count;
            self.sends.pop_front();
        }
    }

    fn free(&self, in_flight: usize) -> usize {
        self.max.saturating_sub(self.delivered + in_flight)
    }

    /// The next full minute, hour or day.
    fn ends_after(&self, now: Timestamp) -> Timestamp {
        let next = (now.as_secs().div_euclid(self.seconds) + 1) * self.seconds;
        Timestamp::from_millis(next * 1_000)
    }
}

#[cfg(test)]
mod tests;
