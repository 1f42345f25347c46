//! When a tenant's application is called, told by made-up times.

use super::*;

const T0: Timestamp = Timestamp::from_millis(1_795_355_000_000);

/// A lane, its clocks and its settings.
struct Play {
    lane: Lane,
    now: Now,
    settings: ReportSettings,
    start: Instant,
}

impl Play {
    fn new() -> Self {
        let instant = Instant::now();
        Self {
            lane: Lane::default(),
            now: Now { instant, at: T0 },
            settings: ReportSettings::default(),
            start: instant,
        }
    }

    fn with_heartbeat() -> Self {
        let mut play = Self::new();
        play.lane.set_heartbeat(true, play.now);
        play
    }

    /// When it is due, in seconds from the start.
    fn due_s(&self) -> Option<f64> {
        self.lane.due().map(|due| (due - self.start).as_secs_f64())
    }

    fn go_to(&mut self, second: f64) {
        let passed = Duration::from_secs_f64(second);
        self.now.instant = self.start + passed;
        self.now.at = T0 + passed;
    }

    /// Goes to when it is due, begins, and ends at once.
    fn call(&mut self, outcome: Outcome) -> Errand {
        let due_s = self.due_s().unwrap();
        self.go_to(due_s.max((self.now.instant - self.start).as_secs_f64()));
        let errand = self.lane.begin(self.now.instant);
        assert_eq!(
            self.due_s(),
            None,
            "nothing is due while a call is under way"
        );
        self.end(outcome, Duration::ZERO);
        errand
    }

    fn end(&mut self, outcome: Outcome, took: Duration) {
        self.lane
            .finish(outcome, took, &self.settings, self.now, 0.5);
    }
}

fn answered() -> Answered {
    Answered::default()
}

fn well() -> Outcome {
    Outcome::Answered(answered())
}

fn told(acknowledged: u64, refused: u64, last: i64) -> Outcome {
    Outcome::Answered(Answered {
        acknowledged,
        refused,
        last: Some(Seq::new(last)),
        ..answered()
    })
}

#[test]
fn without_a_reason_it_is_called_every_five_minutes() {
    let mut play = Play::with_heartbeat();
    for second in [0.0, 300.0, 600.0] {
        assert_eq!(play.due_s(), Some(second));
        assert!(play.call(well()).is_call);
    }
    play.lane.set_heartbeat(false, play.now);
    assert_eq!(play.due_s(), None);
}

#[test]
fn reports_are_told_as_they_come_whether_or_not_it_wants_to_be_left_alone() {
    let mut play = Play::with_heartbeat();
    play.call(Outcome::Answered(Answered {
        quiet_until: Some(T0 + Duration::from_secs(1_000)),
        ..answered()
    }));
    assert_eq!(play.due_s(), Some(1_000.0));
    assert!(play.lane.is_quiet(play.now.at));
    play.lane.wake(play.start + Duration::from_secs(20));
    play.lane.wake(play.start + Duration::from_secs(10));
    play.lane.wake(play.start + Duration::from_secs(30));
    assert_eq!(play.due_s(), Some(10.0));
    let errand = play.call(told(3, 0, 9));
    assert_eq!(
        errand,
        Errand {
            after: Seq::START,
            is_call: false
        }
    );
    // The answer said nothing of being left alone any more.
    assert_eq!(play.due_s(), Some(310.0));
}

#[test]
fn a_wish_to_be_left_alone_ends_when_somebody_calls_now_and_holds_for_the_first_call() {
    let mut play = Play::new();
    play.lane.quiet_until = Some(T0 + Duration::from_secs(50));
    play.lane.set_heartbeat(true, play.now);
    assert_eq!(play.due_s(), Some(50.0));
    play.lane.call_now(play.now.instant);
    assert_eq!(play.due_s(), Some(0.0));
    assert!(!play.lane.is_quiet(play.now.at));
    // A wish far beyond reason is cut.
    play.call(Outcome::Answered(Answered {
        quiet_until: Some(Timestamp::from_millis(i64::MAX)),
        ..answered()
    }));
    assert_eq!(play.due_s(), Some(QUIET_MAX.as_secs_f64()));
}

#[test]
fn failures_are_followed_by_longer_and_longer_waits_that_new_reports_do_not_cut() {
    let mut play = Play::with_heartbeat();
    let mut waits = Vec::new();
    for _ in 0..9 {
        play.call(Outcome::Failed(None));
        let now_s = (play.now.instant - play.start).as_secs_f64();
        play.lane.wake(play.now.instant);
        waits.push(play.due_s().unwrap() - now_s);
    }
    assert_eq!(waits[0], 10.0, "half-way from 5 s to thrice of that");
    assert!(waits.is_sorted(), "{waits:?}");
    assert_eq!(waits[8], 300.0);
    assert!(play.lane.is_troubled());
    play.call(well());
    assert!(!play.lane.is_troubled());
    assert_eq!(play.lane.failed_in_row, 0);
    play.lane.wake(play.now.instant);
    play.call(Outcome::Failed(None));
    let wait = play.lane.due().unwrap() - play.now.instant;
    assert_eq!(wait, Duration::from_secs(10), "it begins anew");
}

#[test]
fn an_application_may_ask_for_a_longer_wait_within_bounds() {
    let mut play = Play::with_heartbeat();
    play.call(Outcome::Failed(Some(Duration::from_secs(60))));
    assert_eq!(play.due_s(), Some(60.0));
    play.call(Outcome::Failed(Some(Duration::from_secs(1_000_000))));
    assert_eq!(play.due_s(), Some(360.0));
}

#[test]
fn a_failed_call_about_reports_is_repeated_without_a_heartbeat_too() {
    let mut play = Play::new();
    play.lane.wake(play.now.instant);
    play.call(Outcome::Failed(None));
    let errand = play.call(told(1, 0, 5));
    assert!(!errand.is_call);
    assert_eq!(play.due_s(), None);
}

#[test]
fn refused_reports_stand_in_nobodys_way_and_are_told_again() {
    let mut play = Play::new();
    play.lane.wake(play.now.instant);
    play.call(told(400, 100, 500));
    // What comes next is read behind them, and does not put off that they are told again.
    assert_eq!(play.due_s(), Some(10.0));
    play.lane.wake(play.now.instant);
    assert_eq!(play.call(told(1, 0, 501)).after, Seq::new(500));
    assert_eq!(play.due_s(), Some(10.0));
    assert_eq!(play.call(told(0, 100, 499)).after, Seq::START);
    assert!(
        play.due_s().unwrap() > 25.0,
        "refused again, the wait is longer"
    );
    assert_eq!(play.call(told(100, 0, 499)).after, Seq::START);
    assert_eq!(play.due_s(), None);
    play.lane.wake(play.now.instant);
    assert_eq!(play.lane.begin(play.now.instant).after, Seq::START);
}

#[test]
fn more_reports_follow_at_once() {
    let mut play = Play::with_heartbeat();
    play.call(Outcome::Answered(Answered {
        acknowledged: 500,
        has_more: true,
        ..answered()
    }));
    assert_eq!(play.due_s(), Some(0.0));
    play.call(told(10, 0, 510));
    assert_eq!(play.due_s(), Some(300.0));
}

#[test]
fn queued_work_calls_again_at_once_but_never_in_a_busy_loop() {
    let mut play = Play::with_heartbeat();
    let queued = || {
        Outcome::Answered(Answered {
            is_queued: true,
            quiet_until: Some(T0 + Duration::from_secs(5_000)),
            ..answered()
        })
    };
    play.call(queued());
    assert_eq!(play.due_s(), Some(0.0));
    for _ in 0..100 {
        play.call(queued());
    }
    assert!(play.due_s().unwrap() > 60.0, "slower and slower");
    let before = play.due_s().unwrap();
    play.call(queued());
    assert_eq!(play.due_s(), Some(before + 5.0));
    play.call(well());
    assert!(play.due_s().unwrap() >= before + 300.0);
}

#[test]
fn a_lane_without_a_target_rests_and_gets_its_heartbeat_back() {
    let mut play = Play::with_heartbeat();
    play.lane.wake(play.now.instant);
    play.call(Outcome::NoTarget);
    assert_eq!(play.due_s(), None);
    play.lane.set_heartbeat(true, play.now);
    assert_eq!(play.due_s(), Some(0.0));
}

#[test]
fn a_call_tells_whether_reports_wait_for_somebody() {
    let mut play = Play::with_heartbeat();
    for (outcome, has_target) in [
        (Outcome::Failed(None), true),
        (Outcome::NoTarget, false),
        (well(), true),
    ] {
        play.lane.wake(play.now.instant);
        play.call(outcome);
        assert_eq!(play.lane.has_target, has_target);
    }
}

#[test]
fn a_slow_answer_makes_a_lane_troubled_and_a_quick_one_ends_that() {
    let mut play = Play::with_heartbeat();
    play.lane.begin(play.now.instant);
    play.end(well(), Duration::from_secs(6));
    assert!(play.lane.is_troubled());
    play.call(well());
    assert!(!play.lane.is_troubled());
}

#[test]
fn the_backlog_is_none_when_everything_was_told() {
    let mut play = Play::new();
    play.lane.counts.backlog = 7;
    play.lane.counts.oldest_at = Some(T0);
    play.lane.wake(play.now.instant);
    play.call(told(5, 2, 9));
    assert_eq!(
        (play.lane.counts.backlog, play.lane.counts.oldest_at),
        (2, Some(T0))
    );
    play.call(told(2, 0, 9));
    assert_eq!(
        (play.lane.counts.backlog, play.lane.counts.oldest_at),
        (0, None)
    );
    assert_eq!(
        (play.lane.counts.acknowledged, play.lane.counts.refused),
        (7, 2)
    );
}

#[test]
fn a_call_that_somebody_asks_for_while_one_is_under_way_is_not_forgotten() {
    let mut play = Play::with_heartbeat();
    play.lane.begin(play.now.instant);
    play.go_to(1.0);
    play.lane.call_now(play.now.instant);
    play.go_to(2.0);
    play.end(well(), Duration::from_secs(2));
    assert_eq!(play.due_s(), Some(1.0));
    assert!(play.call(well()).is_call);
    assert_eq!(play.due_s(), Some(302.0));
}
