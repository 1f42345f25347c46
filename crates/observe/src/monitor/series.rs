//! What happened when: second by second lately, in longer spans before. Readable at one minute and at ten hours.
//!
//! Time only goes on: once a second is over, what is reported late counts in the one that is under way. So a point
//! that was handed out never changes, and the sums are right. (Should the machine's clock be set back, everything
//! counts in one second until it has caught up.)

use std::collections::VecDeque;

use model::Event;

use super::coarse::Coarse;
use super::slot::Slot;
use super::view::Point;

/// Seconds kept one by one: ten minutes without a pause.
const SECONDS_MAX: usize = 600;

/// The history of a run in bounded memory. Seconds in which nothing happened and nothing was open take none.
#[derive(Default)]
pub(super) struct Series {
    coarse: Coarse,
    seconds: VecDeque<Slot>,
    /// The second that is under way.
    open: Option<Slot>,
    /// Everything before this second is over.
    over_s: i64,
}

impl Series {
    /// Counts an event.
    pub fn count(&mut self, event: &Event) {
        self.slot_at(event.at.as_secs()).count(event);
    }

    /// Notes how much is open now.
    pub fn sample(&mut self, now_s: i64, connections: u64, sending: u64) {
        self.end_before(now_s);
        if connections + sending > 0 {
            self.slot_at(now_s).sample(connections, sending);
        }
    }

    /// Nothing counts before `now_s` any more.
    pub fn end_before(&mut self, now_s: i64) {
        if self.open.as_ref().is_some_and(|open| open.at_s < now_s) {
            self.close();
        }
        self.over_s = self.over_s.max(now_s);
    }

    /// The end of the last whole second.
    pub fn over_s(&self) -> i64 {
        self.over_s
    }

    /// Messages that were delivered or failed since `from_s`, which is in the finer part.
    pub fn finals_since(&self, from_s: i64) -> u64 {
        let seconds = self.open.iter().chain(self.seconds.iter().rev());
        let since = seconds.take_while(|slot| slot.at_s >= from_s);
        since.map(Slot::finals).sum()
    }

    /// The whole series, the second under way last, up to `to_s` if nothing happened lately.
    pub fn whole(&self, to_s: i64) -> Vec<Point> {
        let points = self.coarse.points(self.fine_from_s());
        let points = points.chain(self.whole_seconds(i64::MIN));
        let to_s = self.open.as_ref().map_or(to_s, |open| open.at_s);
        let mut points = without_holes(points, None, to_s);
        points.extend(self.open.as_ref().map(|open| open.point(open.at_s + 1)));
        points
    }

    /// The whole seconds since `from_s`, up to `to_s` if nothing happened lately.
    pub fn since(&self, from_s: i64, to_s: i64) -> Vec<Point> {
        if self.open.is_none() && self.seconds.is_empty() {
            return Vec::new();
        }
        without_holes(self.whole_seconds(from_s), Some(from_s), to_s)
    }

    fn whole_seconds(&self, from_s: i64) -> impl Iterator<Item = Point> {
        let first = self.seconds.partition_point(|slot| slot.at_s < from_s);
        let seconds = self.seconds.range(first..);
        seconds.map(|slot| slot.point(slot.at_s + 1))
    }

    /// Where the finer part begins.
    fn fine_from_s(&self) -> i64 {
        let first = self.seconds.front().or(self.open.as_ref());
        first.map_or(self.over_s, |slot| slot.at_s)
    }

    fn slot_at(&mut self, at_s: i64) -> &mut Slot {
        self.end_before_open(at_s);
        let at_s = at_s.max(self.over_s);
        self.open.get_or_insert_with(|| Slot::new(at_s))
    }

    /// Ends the second under way when something happened later.
    fn end_before_open(&mut self, at_s: i64) {
        if self.open.as_ref().is_some_and(|open| open.at_s < at_s) {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        self.over_s = self.over_s.max(open.at_s + 1);
        self.seconds.push_back(open);
        if self.seconds.len() > SECONDS_MAX
            && let Some(oldest) = self.seconds.pop_front()
        {
            self.coarse.add(&oldest);
        }
    }
}

/// Puts a point of zeros wherever one does not begin at the end of the one before; the first has to begin at
/// `from_s`, if that is known, the last to end at `to_s` or later.
fn without_holes(
    points: impl Iterator<Item = Point>,
    from_s: Option<i64>,
    to_s: i64,
) -> Vec<Point> {
    let mut whole: Vec<Point> = Vec::new();
    let mut end_s = from_s;
    for point in points {
        whole.extend(hole(end_s, point.at_s));
        end_s = Some(point.at_s + i64::from(point.span_s));
        whole.push(point);
    }
    whole.extend(hole(end_s, to_s));
    whole
}

fn hole(from_s: Option<i64>, to_s: i64) -> Option<Point> {
    let from_s = from_s.filter(|from_s| *from_s < to_s)?;
    Some(Slot::new(from_s).point(to_s))
}

#[cfg(test)]
mod tests {
    use model::EventKind;

    use super::*;
    use crate::monitor::sample::event;

    fn sent(points: &[Point]) -> u64 {
        points.iter().map(|point| point.sent).sum()
    }

    fn assert_no_holes(points: &[Point]) {
        for pair in points.windows(2) {
            assert_eq!(pair[0].at_s + i64::from(pair[0].span_s), pair[1].at_s);
        }
    }

    fn delivered(at_ms: i64) -> Event {
        event(EventKind::Delivered, at_ms)
    }

    #[test]
    fn ten_hours_fit_and_add_up() {
        let mut series = Series::default();
        let hours = 10 * 3_600;
        let mut count = 0;
        for second in 1_000_000..1_000_000 + hours {
            for _ in 0..1 + second % 3 {
                series.count(&delivered(second * 1_000));
                count += 1;
            }
        }
        let points = series.whole(0);
        assert!(points.len() <= 720 + SECONDS_MAX + 1, "{}", points.len());
        assert_eq!(sent(&points), count);
        assert_no_holes(&points);
        assert_eq!(points[0].at_s, 1_000_000);
        let last = points.last().unwrap();
        assert_eq!((last.at_s, last.span_s), (1_000_000 + hours - 1, 1));
        let longest = points.iter().map(|point| point.span_s).max();
        assert_eq!(longest, Some(80));
    }

    #[test]
    fn what_was_handed_out_never_changes_and_the_sum_is_right() {
        let mut series = Series::default();
        series.count(&delivered(5_400));
        series.end_before(6);
        let first = series.since(5, 6);
        // An outcome of the second before, committed late.
        series.count(&delivered(5_999));
        series.count(&delivered(6_100));
        series.end_before(8);
        let second = series.since(6, 8);
        assert_eq!((sent(&first), sent(&second)), (1, 2));
        assert_eq!(second[0].at_s, 6);
        assert_eq!(
            (second[1].at_s, second[1].span_s, second[1].sent),
            (7, 1, 0)
        );
        assert_eq!(sent(&series.whole(8)), 3);
    }

    #[test]
    fn silence_takes_no_memory_and_reads_as_zero() {
        let mut series = Series::default();
        series.count(&delivered(1_000));
        for now_s in 2..5_000 {
            series.sample(now_s, 0, 0);
        }
        series.count(&delivered(5_000_000));
        assert_eq!(series.seconds.len(), 1);
        let points = series.whole(0);
        assert_no_holes(&points);
        let spans: Vec<_> = points
            .iter()
            .map(|point| (point.at_s, point.span_s))
            .collect();
        assert_eq!(spans, [(1, 1), (2, 4_998), (5_000, 1)]);
    }

    #[test]
    fn nothing_is_shown_before_the_beginning() {
        let mut series = Series::default();
        series.end_before(100);
        assert!(series.whole(100).is_empty());
        assert!(series.since(90, 100).is_empty());
    }

    #[test]
    fn most_open_at_once_is_kept() {
        let mut series = Series::default();
        series.sample(10, 3, 1);
        series.sample(10, 1, 2);
        series.sample(11, 0, 0);
        let points = series.whole(11);
        assert_eq!((points[0].connections, points[0].sending), (3, 2));
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let mut series = Series::default();
        for second in [100, 101, 40, 41, 102, 103] {
            series.count(&delivered(second * 1_000));
        }
        let points = series.whole(0);
        assert_no_holes(&points);
        assert_eq!(sent(&points), 6);
        assert_eq!(series.finals_since(102), 2);
    }
}
