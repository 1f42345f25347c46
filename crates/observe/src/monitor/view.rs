//! What a watched run looks like: plain values for whoever shows them. Each is taken at one moment.

use model::{Control, Event, EventKind, MessageId, Stage, Timestamp};
use store::Campaign;

use crate::provider::Provider;

/// The figures of a run at one moment. pending + sending + sent + failed + retrying = total, always.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The run.
    pub campaign: Campaign,
    /// The moment.
    pub at: Timestamp,
    /// How far it has come.
    pub stage: Stage,
    /// What keeps it from going on.
    pub trouble: Option<Box<str>>,
    /// Whether its list has been read to the end, so that the total is final.
    pub is_listed: bool,
    /// When its last message became final (or the run ended otherwise); `None` while work is left.
    pub ended_at: Option<Timestamp>,
    /// Messages, those that were taken back left out.
    pub total: u64,
    /// Waiting for their first try.
    pub pending: u64,
    /// In the middle of their dialogue.
    pub sending: u64,
    /// Delivered.
    pub sent: u64,
    /// Bounced, expired or dropped.
    pub failed: u64,
    /// Waiting for another try.
    pub retrying: u64,
    /// Taken back.
    pub cancelled: u64,
    /// Of the total, those that repeat a failed one because somebody asked for it.
    pub repeats: u64,
    /// Of the failed ones, those that nothing repeats yet: a failed one is repeated once at most.
    pub repeatable: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Open connections.
    pub connections: u64,
    /// Messages delivered or failed a second, over the last five seconds.
    pub per_second_now: f64,
    /// Messages delivered or failed a second, over `elapsed_s`.
    pub per_second_mean: f64,
    /// How long sending has been going on, or went on, in seconds. Of a run that was interrupted and resumed, the
    /// time since it was resumed.
    pub elapsed_s: f64,
    /// Seconds left by the rate of the last minute; `None` when no rate says it (nothing sent yet, paused, only
    /// waiting for retries).
    pub seconds_left: Option<f64>,
    /// How long deliveries take.
    pub duration: Durations,
}

/// How long delivered attempts took, in milliseconds; zero when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Durations {
    /// Mean.
    pub mean_ms: f64,
    /// Half of them were faster.
    pub p50_ms: f64,
    /// 95 of a hundred were faster.
    pub p95_ms: f64,
    /// 99 of a hundred were faster.
    pub p99_ms: f64,
}

/// What became of one group of messages: a provider's or a domain's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupCounts {
    /// Delivered.
    pub sent: u64,
    /// Bounced, expired or dropped.
    pub failed: u64,
    /// Attempts that will be followed by another.
    pub deferred: u64,
    /// Accepted.
    pub accepted: u64,
    /// Taken back.
    pub cancelled: u64,
    /// Time spent in delivered attempts, in microseconds.
    pub delivered_us: u64,
}

/// One provider's share.
#[derive(Clone, Debug)]
pub struct ProviderRow {
    /// Which.
    pub provider: Provider,
    /// What became of it.
    pub counts: GroupCounts,
}

/// One domain's share.
#[derive(Clone, Debug)]
pub struct DomainRow {
    /// The domain; `None` stands for all beyond those that are counted one by one.
    pub domain: Option<Box<str>>,
    /// The provider it belongs to; the rest together belong to none.
    pub provider: Option<Provider>,
    /// What became of it.
    pub counts: GroupCounts,
}

/// How often a reply code was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// The code; 0 stands for no answer.
    pub code: u16,
    /// How often.
    pub count: u64,
}

/// What happened in one span of time. Points are in order, do not overlap, and leave no hole: where nothing
/// happened stands one point of zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its beginning, in seconds since 1970.
    pub at_s: i64,
    /// Its length in seconds.
    pub span_s: u32,
    /// Messages delivered.
    pub sent: u64,
    /// Messages that failed for good.
    pub failed: u64,
    /// Attempts that will be followed by another.
    pub deferred: u64,
    /// Mean time of delivered attempts, in milliseconds.
    pub mean_ms: f64,
    /// Most connections open at once.
    pub connections: u64,
    /// Most messages under way at once.
    pub sending: u64,
    /// Attempts that did not deliver, by category; those that are zero are left out.
    pub errors: Vec<(&'static str, u64)>,
}

/// How much a log entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Info,
    /// Not yet as it should be.
    Warn,
    /// Failed for good.
    Error,
}

/// One entry of the activity log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number, growing by one for each entry of the run, shown or not.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// What.
    pub what: What,
}

/// What an entry of the activity log is about.
#[derive(Clone, Debug)]
pub enum What {
    /// Something happened to a message.
    Message {
        /// Which.
        id: MessageId,
        /// Whose.
        email: Box<str>,
        /// What.
        kind: EventKind,
        /// The server's words, or ours where it had none; empty for a delivery.
        words: Box<str>,
    },
    /// Somebody intervened.
    Control(Control),
    /// The run reached something worth a line.
    Milestone(Box<str>),
}

/// A message that changed lately.
#[derive(Clone, Debug)]
pub struct Recent {
    /// Its id.
    pub id: MessageId,
    /// Whose it is.
    pub email: Box<str>,
    /// The latest thing that happened to it.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Attempts so far.
    pub attempts: u32,
    /// The latest attempt's time in microseconds.
    pub duration_us: u64,
    /// The reply's code; 0 where there was no answer, `None` where there was no attempt.
    pub code: Option<u16>,
    /// Why it is not delivered, in the server's words or ours; empty when it is.
    pub error: Box<str>,
}

/// How far a reader of moments has come; by default, nothing is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The number of the last log entry.
    pub entry: u64,
    /// The end of the last whole second, in seconds since 1970.
    pub point_s: i64,
}

/// Everything that a dashboard shows, at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The figures.
    pub figures: Figures,
    /// What became of each provider's messages, where there are any.
    pub providers: Vec<ProviderRow>,
    /// The reply codes, in order.
    pub codes: Vec<CodeRow>,
    /// The latest messages that changed, newest first, each once.
    pub recent: Vec<Recent>,
    /// The log's entries after `Seen::entry` that are still kept, in order.
    pub entries: Vec<Entry>,
    /// What happened since `Seen::point_s`, in whole seconds. To who has seen nothing: the whole series, and the
    /// second that is not over yet as its last point. That second comes again, whole, and replaces it.
    pub points: Vec<Point>,
    /// To be asked with for what comes next.
    pub seen: Seen,
}

// === impl GroupCounts ===

impl GroupCounts {
    /// Counts an event of one of the group's messages.
    pub(crate) fn count(&mut self, event: &Event) {
        match event.kind {
            EventKind::Accepted => self.accepted += 1,
            EventKind::Delivered => {
                self.sent += 1;
                self.delivered_us += time_us(event);
            }
            EventKind::Deferred => self.deferred += 1,
            EventKind::Bounced | EventKind::Expired | EventKind::Dropped => self.failed += 1,
            EventKind::Cancelled => self.cancelled += 1,
            EventKind::RateLimited | EventKind::Returned | EventKind::Receipt => {}
        }
    }

    /// Messages, those that were taken back left out.
    pub fn total(&self) -> u64 {
        self.accepted - self.cancelled
    }

    /// Adds another group's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.failed += other.failed;
        self.deferred += other.deferred;
        self.accepted += other.accepted;
        self.cancelled += other.cancelled;
        self.delivered_us += other.delivered_us;
    }

    /// Mean time of a delivered attempt, in milliseconds; zero when there is none.
    pub fn mean_ms(&self) -> f64 {
        mean_ms(self.delivered_us, self.sent)
    }
}

/// How long the event's attempt took, in microseconds.
pub(super) fn time_us(event: &Event) -> u64 {
    let attempt = event.attempt.as_ref();
    attempt.map_or(0, |attempt| attempt.times.total_us())
}

/// The mean of `count` times in milliseconds, by their sum in microseconds.
pub(super) fn mean_ms(sum_us: u64, count: u64) -> f64 {
    match count {
        0 => 0.0,
        count => sum_us as f64 / count as f64 / 1e3,
    }
}
