//! Processes under load while the database, or the way to it, is broken for a while; and what has to hold after that.

use std::time::{Duration, Instant};

use crate::harness::{Application, COPIES_A_FAULT_MAX, Installation, Load, Sink, until_within};

/// Who takes mail and reports, and two who deliver.
pub const ROLES: [&str; 3] = ["api,worker", "smtp", "smtp"];
/// How soon a call is answered, whatever is broken.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// How soon work goes on once it is whole again.
pub const RESUMED_WITHIN: Duration = Duration::from_secs(10);

/// Processes of these roles, with somebody to hand mail over and somebody to take it.
pub struct World<'c> {
    pub installation: Installation<'c>,
    pub shop: Application,
    pub sink: Sink,
    pub load: Load,
}

impl<'c> World<'c> {
    pub fn new(installation: Installation<'c>) -> Self {
        let sink = Sink::start(&[]);
        Self {
            shop: installation.node(0).tenant("shop", sink.port()),
            load: Load::new(),
            installation,
            sink,
        }
    }

    /// How long it takes until mail arrives again.
    pub fn resumed(&self) -> Duration {
        let (since, before) = (Instant::now(), self.sink.count());
        until_within(3 * RESUMED_WITHIN, "mail to arrive again", || {
            (self.sink.count() > before + 50).then(|| since.elapsed())
        })
    }

    /// Checks what came of so many faults, of which the slowest took so long to go on after.
    pub fn check(self, faults: usize, resumed: Duration) {
        self.installation.until_sent();
        assert!(resumed <= RESUMED_WITHIN, "it went on after {resumed:?}");
        refused_in_time(&self.load);
        let twice = self.load.extra_copies(&self.sink.recipients());
        let answered = self.load.answered().len();
        println!("{answered} answered, {faults} faults, {twice} copies, resumed after {resumed:?}");
        // Both processes that deliver lose the database.
        let most = faults * 2 * COPIES_A_FAULT_MAX;
        assert!(twice <= most, "{twice} copies");
    }
}

/// Checks that calls were refused as what may go well later, and soon.
#[track_caller]
pub fn refused_in_time(load: &Load) {
    let refused = load.refused();
    let is_good = |(status, took): &(u16, Duration)| *status == 503 && *took <= ANSWERED_WITHIN;
    assert!(refused.iter().all(is_good), "{refused:?}");
}
