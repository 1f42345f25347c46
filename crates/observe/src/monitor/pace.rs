//! How fast a run goes, and when it may be done.

use std::time::Duration;

use model::{Event, Stage, Timestamp};

use super::series::Series;
use super::view::time_us;

/// The span of the rate that is shown as the present one, in seconds.
const NOW_S: i64 = 5;
/// The span of the rate that the time left is told by, in seconds.
const LATELY_S: i64 = 60;
/// A rate is not told by less time than this, in seconds: the first answers would make it leap.
const MEASURED_S_MIN: f64 = 1.0;

/// When sending began, and what had been done before.
#[derive(Default)]
pub(super) struct Pace {
    since: Option<Timestamp>,
    finals_before: u64,
    begins_anew: bool,
}

impl Pace {
    /// The next attempt is the first of a new process: the time that the run was interrupted for is none of its own.
    pub fn begin_anew(&mut self) {
        self.begins_anew = true;
    }

    /// Notes an attempt; `finals` is the number of messages that were delivered or had failed before it.
    pub fn note(&mut self, event: &Event, finals: u64) {
        if self.since.is_some() && !self.begins_anew {
            return;
        }
        let began = event.at - Duration::from_micros(time_us(event));
        (self.since, self.finals_before) = (Some(began), finals);
        self.begins_anew = false;
    }

    /// How long sending has been going on, in seconds, at a moment.
    pub fn elapsed_s(&self, at: Timestamp) -> f64 {
        self.since
            .map_or(0.0, |since| at.since(since).as_secs_f64())
    }

    /// Messages a second in that time.
    pub fn mean(&self, finals: u64, at: Timestamp) -> f64 {
        let elapsed_s = self.elapsed_s(at);
        let finals = finals.saturating_sub(self.finals_before) as f64;
        if elapsed_s > 0.0 {
            finals / elapsed_s
        } else {
            0.0
        }
    }

    /// Messages a second lately.
    pub fn now(&self, series: &Series, now: Timestamp) -> f64 {
        self.rate(series, now, NOW_S)
    }

    /// Seconds left for the queued messages, of which some wait for another try; `None` when no rate says it.
    pub fn seconds_left(
        &self,
        series: &Series,
        now: Timestamp,
        stage: Stage,
        queued: u64,
        retrying: u64,
    ) -> Option<f64> {
        if queued == 0 {
            return self.since.map(|_| 0.0);
        }
        let goes_on = matches!(stage, Stage::Starting | Stage::Sending);
        let rate = self.rate(series, now, LATELY_S);
        let tells = goes_on && queued > retrying && rate > 0.0;
        tells.then(|| queued as f64 / rate)
    }

    fn rate(&self, series: &Series, now: Timestamp, span_s: i64) -> f64 {
        let from_s = now.as_secs() - span_s;
        let from = Timestamp::from_millis(from_s * 1_000);
        let measured_s = now.since(from).as_secs_f64().min(self.elapsed_s(now));
        series.finals_since(from_s) as f64 / measured_s.max(MEASURED_S_MIN)
    }
}

#[cfg(test)]
mod tests {
    use model::EventKind;

    use super::*;
    use crate::monitor::sample::event;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// Ten a second from second 100 on, as long as told.
    fn sending(seconds: i64) -> (Pace, Series) {
        let (mut pace, mut series) = (Pace::default(), Series::default());
        for number in 0..seconds * 10 {
            let event = event(EventKind::Delivered, 100_000 + number * 100);
            pace.note(&event, number as u64);
            series.count(&event);
        }
        (pace, series)
    }

    #[test]
    fn rates_are_of_the_last_seconds_and_of_the_whole() {
        let (pace, series) = sending(20);
        assert_eq!(pace.now(&series, at(120_000)), 10.0);
        assert!((pace.mean(200, at(120_000)) - 10.0).abs() < 0.01);
        // Nothing came for three of the last five seconds.
        assert_eq!(pace.now(&series, at(123_000)), 4.0);
        assert_eq!(pace.now(&series, at(200_000)), 0.0);
    }

    #[test]
    fn the_first_answers_do_not_make_the_rate_leap() {
        let (pace, series) = sending(1);
        assert_eq!(pace.now(&series, at(100_010)), 10.0);
    }

    #[test]
    fn time_left_is_told_when_a_rate_tells_it() {
        let (pace, series) = sending(20);
        let left = |stage, queued, retrying| {
            pace.seconds_left(&series, at(120_000), stage, queued, retrying)
        };
        let tenth = left(Stage::Sending, 100, 10).unwrap();
        assert!((tenth - 10.0).abs() < 0.01, "{tenth}");
        assert_eq!(left(Stage::Sending, 10, 10), None);
        assert_eq!(left(Stage::Paused, 100, 0), None);
        assert_eq!(left(Stage::Completed, 0, 0), Some(0.0));
        let (idle, empty) = (Pace::default(), Series::default());
        for queued in [0, 5] {
            let left = idle.seconds_left(&empty, at(0), Stage::Starting, queued, 0);
            assert_eq!(left, None);
        }
    }

    #[test]
    fn the_time_between_an_interruption_and_its_resume_is_not_spent_sending() {
        let (mut pace, _) = sending(20);
        pace.begin_anew();
        pace.note(&event(EventKind::Delivered, 9_000_000), 200);
        pace.note(&event(EventKind::Delivered, 9_001_000), 201);
        let elapsed_s = pace.elapsed_s(at(9_001_000));
        assert!((1.0..1.01).contains(&elapsed_s), "{elapsed_s}");
        assert!((pace.mean(202, at(9_001_000)) - 2.0).abs() < 0.01);
    }
}
