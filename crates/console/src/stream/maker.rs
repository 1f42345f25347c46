//! Makes an update when something changed.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::{ControlAction, Live, Stage, Timestamp};
use observe::monitor::view::Figures;
use observe::monitor::{Monitor, Seen};

use super::Look;
use super::update::{self, RecentJson};
use crate::controls::Controls;
use crate::router::Console;

/// Looks in a row after which time that passed is a change by itself: a second.
const QUIET_LOOKS_MAX: u32 = 4;

/// Looks at the watched run again and again.
pub(super) struct Maker {
    monitor: Monitor,
    live: Arc<Live>,
    controls: Arc<dyn Controls>,
    seen: Seen,
    counts: Counts,
    possible: Vec<ControlAction>,
    passing: Passing,
    recent: Vec<RecentJson>,
    /// Looks since the last update.
    quiet_looks: u32,
}

/// What changes when something happens.
#[derive(Debug, PartialEq)]
struct Counts {
    messages: [u64; 8],
    attempts: u64,
    connections: u64,
    stage: Stage,
    trouble: Option<Box<str>>,
    is_listed: bool,
    ended_at: Option<Timestamp>,
}

/// What changes with time alone.
#[derive(Debug, PartialEq)]
struct Passing {
    elapsed_s: f64,
    per_second: [f64; 2],
    seconds_left: Option<f64>,
}

impl Maker {
    /// Takes the run as it is now: the first update says what changed since.
    pub(super) fn new(console: &Console) -> Self {
        let moment = console.monitor.moment(Seen::default());
        Self {
            seen: moment.seen,
            counts: Counts::of(&moment.figures),
            passing: Passing::of(&moment.figures),
            possible: update::possible(&*console.controls, &moment.figures),
            recent: update::recent(&moment.recent, &console.live.messages_under_way()),
            quiet_looks: 0,
            monitor: console.monitor.clone(),
            live: Arc::clone(&console.live),
            controls: Arc::clone(&console.controls),
        }
    }
}

#[async_trait]
impl Look for Maker {
    type Seen = Seen;

    fn seen(&self) -> Seen {
        self.seen
    }

    async fn look(&mut self, id: u64) -> Option<Bytes> {
        let moment = self.monitor.moment(self.seen);
        let recent = update::recent(&moment.recent, &self.live.messages_under_way());
        let (counts, passing) = (Counts::of(&moment.figures), Passing::of(&moment.figures));
        let possible = update::possible(&*self.controls, &moment.figures);
        let is_recent_other = recent != self.recent;
        let is_changed = is_recent_other
            || self.counts != counts
            || self.possible != possible
            || !moment.entries.is_empty()
            || !moment.points.is_empty();
        self.quiet_looks += 1;
        let has_passed = self.quiet_looks >= QUIET_LOOKS_MAX && self.passing != passing;
        if !is_changed && !has_passed {
            return None;
        }
        (self.counts, self.passing, self.possible) = (counts, passing, possible.clone());
        (self.seen, self.recent, self.quiet_looks) = (moment.seen, recent, 0);
        let recent = is_recent_other.then_some(&*self.recent);
        Some(update::delta(id, &moment, recent, possible))
    }
}

impl Counts {
    fn of(figures: &Figures) -> Self {
        Self {
            messages: [
                figures.total,
                figures.pending,
                figures.sending,
                figures.sent,
                figures.failed,
                figures.retrying,
                figures.cancelled,
                figures.repeats,
            ],
            attempts: figures.attempts,
            connections: figures.connections,
            stage: figures.stage,
            trouble: figures.trouble.clone(),
            is_listed: figures.is_listed,
            ended_at: figures.ended_at,
        }
    }
}

impl Passing {
    fn of(figures: &Figures) -> Self {
        Self {
            elapsed_s: figures.elapsed_s,
            per_second: [figures.per_second_now, figures.per_second_mean],
            seconds_left: figures.seconds_left,
        }
    }
}
