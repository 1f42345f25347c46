//! The live progress bar of a campaign, and lines above it.

use std::io::{self, Write};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::tally::Tally;

/// How often the bar may be drawn anew.
const DRAWS_PER_SECOND: u8 = 10;
/// How often a time that passes is shown anew.
const TICK: Duration = Duration::from_millis(200);
/// The span the shown rate is measured over.
const RATE_WINDOW: Duration = Duration::from_secs(2);

/// Standard error, of which a process has one: bars and lines share it, so that neither breaks the other.
static SCREEN: LazyLock<MultiProgress> = LazyLock::new(|| {
    MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND))
});

/// Writes whole lines to standard error, above the bar while there is one.
pub fn write_above(lines: &[u8]) -> io::Result<()> {
    SCREEN.suspend(|| io::stderr().lock().write_all(lines))
}

/// A progress bar on standard error; invisible when that is no terminal.
pub struct Bar(ProgressBar);

/// The bar of a campaign.
pub struct Terminal {
    bar: Bar,
    started: Instant,
    window: (Instant, u64),
    rate: f64,
    before: u64,
}

impl Bar {
    /// A bar for work whose length is not known yet.
    pub fn begin() -> Self {
        let bar = SCREEN.add(ProgressBar::new(0));
        // The template is constant; a default bar stands in should it ever not fit the library.
        let style = ProgressStyle::with_template("{bar:30.cyan/dim} {percent:>3}%  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━━─"));
        Self(bar)
    }

    /// How long something takes of which nobody knows when it ends.
    pub fn of_time(what: &'static str) -> Self {
        let bar = SCREEN.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("{spinner} {msg}  {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style);
        bar.set_message(what);
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Shows how much is done, and a text beside it.
    pub fn show(&self, done: u64, all: u64, text: String) {
        self.0.set_length(all);
        self.0.set_position(done);
        self.0.set_message(text);
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
        SCREEN.remove(&self.0);
    }
}

impl Terminal {
    /// A bar for a list whose length is not known yet. `before` counts the messages that were final already.
    pub fn new(before: u64) -> Self {
        let now = Instant::now();
        Self {
            bar: Bar::begin(),
            started: now,
            window: (now, before),
            rate: 0.0,
            before,
        }
    }

    /// Shows the figures as they are now.
    pub fn show(&mut self, tally: &Tally) {
        let now = Instant::now();
        let span = now - self.window.0;
        if span >= RATE_WINDOW || self.rate == 0.0 {
            let seconds = span.as_secs_f64().max(0.001);
            self.rate = (tally.done().saturating_sub(self.window.1)) as f64 / seconds;
            self.window = (now, tally.done());
        }
        let (done, all) = (tally.done(), tally.books.accepted);
        self.bar.show(done, all, self.line(tally));
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.clear();
    }

    fn line(&self, tally: &Tally) -> String {
        let left = if tally.retrying > 0 && tally.retrying == tally.books.queued {
            // Their time is set, no rate says when they are done.
            "  waiting for the next tries".to_owned()
        } else {
            let left = self.time_left(tally).map(crate::summary::duration);
            left.map_or_else(String::new, |left| format!("  {left} left"))
        };
        format!(
            "{} sent  {} failed  {} retrying  {:.0}/s{left}",
            tally.books.delivered,
            tally.books.failed(),
            tally.retrying,
            self.rate,
        )
    }

    /// An estimate from the overall rate of this run.
    fn time_left(&self, tally: &Tally) -> Option<Duration> {
        let done = tally
            .done()
            .checked_sub(self.before)
            .filter(|done| *done > 0)?;
        let per_message = self.started.elapsed().as_secs_f64() / done as f64;
        Some(Duration::from_secs_f64(
            per_message * tally.books.queued as f64,
        ))
    }
}
