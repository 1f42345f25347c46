//! Everything that is known of a watched run: changed event by event, looked at under one lock.

use model::{Control, Event, EventKind, Live, Seq, Timestamp};
use store::{Campaign, Logged};

use super::activity::Activity;
use super::domains::Domains;
use super::durations::DeliveryTimes;
use super::milestones::{Milestones, Progress};
use super::pace::Pace;
use super::series::Series;
use super::view::{
    CodeRow, DomainRow, Durations, Figures, GroupCounts, Moment, ProviderRow, Seen, time_us,
};
use crate::provider::Provider;
use crate::tally::Tally;

/// A watched run.
pub(super) struct State {
    pub campaign: Campaign,
    pub reader: Reader,
    tally: Tally,
    times: DeliveryTimes,
    domains: Domains,
    activity: Activity,
    /// In the order of [`Provider::ALL`].
    providers: [GroupCounts; Provider::ALL.len()],
    series: Series,
    pace: Pace,
    milestones: Milestones,
    /// The last intervention that is known.
    controlled_to: Seq,
    /// When the latest message changed.
    changed_at: Timestamp,
    /// When the run was first seen to be at its end, whatever is queued.
    stopped_at: Option<Timestamp>,
}

/// How well the log is followed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reader {
    /// Pages read back from the store instead of from memory.
    pub pages: u64,
    /// How long after it happened the newest event was counted, in seconds.
    pub delay_s: f64,
    /// How often the store did not answer.
    pub errors: u64,
}

/// What metrics are made from, of one moment.
pub(crate) struct Reading {
    pub figures: Figures,
    pub tally: Tally,
    pub reader: Reader,
    /// In the order of [`Provider::ALL`].
    pub providers: [GroupCounts; Provider::ALL.len()],
    /// Deliveries by how long they took, in the buckets of the table of metrics.
    pub delivery_buckets: Vec<u64>,
    /// Domains counted one by one.
    pub domains: u64,
    /// Messages to other domains.
    pub domain_rest: u64,
    /// Entries of the activity log.
    pub entries: u64,
}

impl State {
    pub fn new(campaign: Campaign) -> Self {
        Self {
            changed_at: campaign.started_at,
            campaign,
            tally: Tally::default(),
            times: DeliveryTimes::default(),
            domains: Domains::default(),
            activity: Activity::default(),
            reader: Reader::default(),
            providers: Default::default(),
            series: Series::default(),
            pace: Pace::default(),
            milestones: Milestones::default(),
            controlled_to: Seq::START,
            stopped_at: None,
        }
    }

    // === what changes it ===

    /// Counts an event of the run, once, in the log's order.
    pub fn count(&mut self, logged: &Logged) {
        let event = &logged.event;
        let provider = self.domains.count(logged.message.address.domain(), event);
        self.providers[provider as usize].count(event);
        if event.kind != EventKind::Accepted {
            self.count_change(event);
            self.activity.change(logged);
        }
        self.tally.count_for(provider, logged);
    }

    fn count_change(&mut self, event: &Event) {
        self.changed_at = self.changed_at.max(event.at);
        if matches!(
            event.kind,
            EventKind::Cancelled
                | EventKind::RateLimited
                | EventKind::Returned
                | EventKind::Receipt
        ) {
            return;
        }
        self.pace.note(event, self.finals());
        self.series.count(event);
        if event.kind == EventKind::Delivered {
            self.times.count(time_us(event));
        }
    }

    /// Notes that somebody intervened; what is known already is no news.
    pub fn control(&mut self, control: Control) {
        if control.seq > self.controlled_to {
            self.controlled_to = control.seq;
            self.activity.control(control);
        }
    }

    /// The last intervention that is known.
    pub fn controlled_to(&self) -> Seq {
        self.controlled_to
    }

    /// Everything that the log had of the run was counted: what comes now happens while it is watched.
    pub fn replayed(&mut self) {
        self.pace.begin_anew();
        if let Some(progress) = self.progress() {
            // What was reached before is no news.
            self.milestones.reach(progress);
        }
    }

    /// Looks at what is under way, and whether something was reached.
    pub fn look(&mut self, live: &Live, now: Timestamp) {
        let under_way = live.under_way();
        let sending = under_way.first_tries + under_way.repeats;
        self.series
            .sample(now.as_secs(), live.connections(), sending);
        if !live.stage().is_end() {
            self.stopped_at = None;
        } else if self.stopped_at.is_none() {
            self.stopped_at = Some(now);
        }
        let line = self
            .progress()
            .and_then(|progress| self.milestones.reach(progress));
        if let Some(line) = line {
            self.activity.milestone(now, line);
        }
    }

    /// How far the run is; `None` while its list is not complete.
    fn progress(&self) -> Option<Progress> {
        self.campaign.listed_at?;
        let books = &self.tally.books;
        Some(Progress {
            total: books.accepted - books.cancelled,
            sent: books.delivered,
            failed: books.failed(),
        })
    }

    /// Messages that were delivered or failed.
    fn finals(&self) -> u64 {
        self.tally.books.delivered + self.tally.books.failed()
    }

    // === what is seen of it ===

    pub fn figures(&self, live: &Live, now: Timestamp) -> Figures {
        let (tally, stage) = (&self.tally, live.stage());
        let (books, retrying) = (&tally.books, tally.retrying);
        let under_way = live.under_way();
        // A message may be under way and counted as final, or the other way round, for the moment between its
        // commit and its event's coming here: what is shown as sending is among what is counted as queued.
        let repeats = under_way.repeats.min(retrying);
        let first_tries = under_way.first_tries.min(books.queued - retrying);
        let ended_at = self.ended_at(live);
        let until = ended_at.unwrap_or(now);
        Figures {
            campaign: self.campaign.clone(),
            at: now,
            stage,
            trouble: live.trouble(),
            is_listed: self.campaign.listed_at.is_some(),
            ended_at,
            total: books.accepted - books.cancelled,
            pending: books.queued - retrying - first_tries,
            sending: first_tries + repeats,
            sent: books.delivered,
            failed: books.failed(),
            retrying: retrying - repeats,
            cancelled: books.cancelled,
            repeats: tally.repeats,
            repeatable: books.failed().saturating_sub(tally.repeats),
            attempts: tally.attempts,
            connections: live.connections(),
            per_second_now: self.pace.now(&self.series, now),
            per_second_mean: self.pace.mean(self.finals(), until),
            elapsed_s: self.pace.elapsed_s(until),
            seconds_left: (self.pace).seconds_left(
                &self.series,
                now,
                stage,
                books.queued,
                retrying,
            ),
            duration: self.durations(),
        }
    }

    fn ended_at(&self, live: &Live) -> Option<Timestamp> {
        match self.campaign.listed_at {
            Some(listed_at) if self.tally.books.queued == 0 => Some(self.changed_at.max(listed_at)),
            _ => self.stopped_at.filter(|_| live.stage().is_end()),
        }
    }

    fn durations(&self) -> Durations {
        Durations {
            mean_ms: self.tally.mean_ms(),
            p50_ms: self.times.percentile_ms(50.0),
            p95_ms: self.times.percentile_ms(95.0),
            p99_ms: self.times.percentile_ms(99.0),
        }
    }

    pub fn moment(&mut self, live: &Live, now: Timestamp, seen: Seen) -> Moment {
        self.series.end_before(now.as_secs());
        let figures = self.figures(live, now);
        let to_s = match figures.ended_at {
            // After the end no time goes on.
            Some(_) => i64::MIN,
            None => now.as_secs(),
        };
        let points = match seen.point_s {
            0 => self.series.whole(to_s),
            from_s => self.series.since(from_s, to_s),
        };
        Moment {
            figures,
            providers: self.providers(),
            codes: self.codes(),
            recent: self.activity.recent(),
            entries: self.activity.after(seen.entry),
            points,
            seen: Seen {
                entry: self.activity.count(),
                point_s: self.series.over_s(),
            },
        }
    }

    pub fn domains(&self, limit: usize) -> Vec<DomainRow> {
        self.domains.rows(limit)
    }

    pub fn reading(&self, live: &Live, now: Timestamp) -> Reading {
        Reading {
            figures: self.figures(live, now),
            tally: self.tally.clone(),
            reader: self.reader,
            providers: self.providers,
            delivery_buckets: self.times.buckets().to_vec(),
            domains: self.domains.len() as u64,
            domain_rest: self.domains.beyond(),
            entries: self.activity.count(),
        }
    }

    fn providers(&self) -> Vec<ProviderRow> {
        let rows = Provider::ALL.into_iter().zip(self.providers);
        rows.filter(|(_, counts)| counts.accepted > 0)
            .map(|(provider, counts)| ProviderRow { provider, counts })
            .collect()
    }

    fn codes(&self) -> Vec<CodeRow> {
        let row = |(code, count): (&u16, &u64)| CodeRow {
            code: *code,
            count: *count,
        };
        self.tally.codes.iter().map(row).collect()
    }
}
