//! Statistics: what happened to service mail in each hour, by tenant, account and kind.
//!
//! They are counted beside the log and after it, by whoever has the duty: nobody who accepts, sends or forgets mail writes
//! to them or waits for them. They agree with the log exactly. What is forgotten of the log stays in them, and is noted so that
//! they can be counted anew at any time: the truth is what the log holds and the note of what it held
//! (docs/decisions/0012).
//!
//! A message counts once a recipient, and an event in the hour (UTC) of its own time. Campaigns' mail is not counted.

use async_trait::async_trait;
use model::{AccountId, EventKind, FieldError, Seq, TenantId, Timestamp};

use crate::columns::Columns;
use crate::{Result, StoreError};

/// The most rows of one answer.
pub const ROWS_MAX: usize = 10_000;
/// The most places of the log that are counted at once, whatever was asked for.
pub const PLACES_MAX: u32 = 100_000;
/// The length of an hour, in milliseconds.
pub(crate) const HOUR_MS: i64 = 60 * 60 * 1000;
/// The length of a day, in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
/// Notes of what was forgotten that are summed up at once.
pub(crate) const FOLDED_MAX: i64 = 20_000;

/// Which counts. What is not set lets all through.
#[derive(Clone, Debug)]
pub struct StatisticsQuery {
    /// The hours that begin at that moment or later,
    pub from: Timestamp,
    /// and before that one.
    pub until: Timestamp,
    /// What the hours are summed up to.
    pub by: Span,
    /// Of that tenant.
    pub tenant: Option<TenantId>,
    /// Of the accounts of that id.
    pub account: Option<AccountId>,
    /// How far rows are told apart.
    pub each: Each,
}

/// A span of time, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A calendar month.
    Month,
}

/// How far rows are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Each {
    /// One row a span, of all.
    Total,
    /// One a tenant.
    Tenant,
    /// One an account.
    Account,
}

/// What happened in one span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticsRow {
    /// When the span begins.
    pub from: Timestamp,
    /// Whose mail it was, where tenants or accounts are told apart. It may be gone since.
    pub tenant: Option<TenantId>,
    /// Through which account it went, where those are told apart. It may be gone since.
    pub account: Option<AccountId>,
    /// How often what happened.
    pub counts: KindCounts,
}

/// How many events of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCounts([u64; EventKind::ALL.len()]);

/// How far the log was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolledUp {
    /// The place that it was counted up to.
    pub to: Seq,
    /// Whether there is more.
    pub is_behind: bool,
}

/// What statistics are as of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedTo {
    /// The place in the log that it was counted up to.
    pub place: Seq,
    /// The log's end.
    pub end: Seq,
    /// The latest time among the events that were counted last; `None` before the first.
    pub at: Option<Timestamp>,
}

/// What counting anew found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// The events that were counted.
    pub counted: u64,
    /// The counts that were wrong: of so many hours, accounts and kinds.
    pub corrected: u64,
}

/// What every backend can do to count what happened. Nothing of it holds up mail.
#[async_trait]
pub trait Statistics: Send + Sync + 'static {
    /// Counts what the log has gained, up to `limit` places of it. To be called again until it is not behind; by one
    /// process for all, though two of them count nothing twice.
    async fn roll_up(&self, limit: u32) -> Result<RolledUp>;

    /// The counts that a query asks for, by time, tenant and account; a span in which nothing happened has no row. More than
    /// [`ROWS_MAX`] rows are refused.
    async fn statistics(&self, query: StatisticsQuery) -> Result<Vec<StatisticsRow>>;

    /// How far they are.
    async fn counted_to(&self) -> Result<CountedTo>;

    /// Counts the hours anew that begin from `from` on and before `until`, as far as the log was counted, and corrects
    /// what differs, all of it at once. It may take minutes; while one is under way, another is refused.
    async fn rebuild(&self, from: Timestamp, until: Timestamp) -> Result<Rebuilt>;

    /// Forgets hours that began before a moment, `limit` counts at most; gives how many it were. Called again until that
    /// is less than `limit`. While hours are counted anew it forgets none.
    async fn expire_statistics(&self, before: Timestamp, limit: usize) -> Result<usize>;
}

// === impl KindCounts ===

impl KindCounts {
    /// How many of a kind.
    pub fn of(&self, kind: EventKind) -> u64 {
        self.0[place(kind)]
    }

    /// Every kind with its count, in the order of [`EventKind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (EventKind, u64)> {
        EventKind::ALL.into_iter().zip(self.0)
    }

    /// Adds to the count of a kind.
    pub fn add(&mut self, kind: EventKind, count: u64) {
        self.0[place(kind)] += count;
    }
}

/// Where a kind stands among all: they are in the order of their codes.
fn place(kind: EventKind) -> usize {
    kind as usize
}

// === impl CountedTo ===

impl CountedTo {
    /// Whether the log holds what was not counted yet.
    pub fn is_behind(&self) -> bool {
        self.place < self.end
    }
}

// === impl Hours ===

/// Hours that lie behind each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hours {
    /// When the first begins.
    pub(crate) from: i64,
    /// When the last has ended.
    pub(crate) until: i64,
}

impl Hours {
    /// Those that begin from one moment on and before another.
    pub(crate) fn that_begin(from: Timestamp, until: Timestamp) -> Self {
        Self {
            from: next_hour(from.as_millis()),
            until: next_hour(until.as_millis()),
        }
    }
}

/// When the hour of a moment began.
pub(crate) fn beginning_of_hour(at: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(HOUR_MS))
}

/// The first beginning of an hour that is not before a moment.
fn next_hour(at: i64) -> i64 {
    match at.rem_euclid(HOUR_MS) {
        0 => at,
        past => at.saturating_add(HOUR_MS - past),
    }
}

/// What gives the beginning of the hour of the moment in a column, in the SQL of every backend. What is no number there
/// counts as the year 1970: one damaged row holds up no counting.
pub(crate) fn hour_of(column: &str) -> String {
    format!("CAST({column} - (({column} % {HOUR_MS}) + {HOUR_MS}) % {HOUR_MS} AS BIGINT)")
}

// === impl Rows ===

/// An answer's rows as they are read: one a kind, and those of one span, tenant and account behind each other.
#[derive(Default)]
pub(crate) struct Rows(Vec<StatisticsRow>);

impl Rows {
    /// The most that are read: if there are more, this many are of too many spans, tenants and accounts.
    pub(crate) const READ_MAX: usize = ROWS_MAX * EventKind::ALL.len() + 1;

    /// Takes one of its columns: when the span begins, the tenant, the account, the kind and its count.
    pub(crate) fn add(&mut self, row: &impl Columns) -> Result<()> {
        let from = Timestamp::from_millis(row.column(0)?);
        let tenant: Option<String> = row.column(1)?;
        let tenant = tenant.map(|id| TenantId::parse(&id)).transpose();
        let tenant = tenant.map_err(|error| damaged(&error))?;
        let account: Option<String> = row.column(2)?;
        let account = account.map(|id| AccountId::parse(&id)).transpose();
        let account = account.map_err(|error| damaged(&error))?;
        let kind: i64 = row.column(3)?;
        let kind = EventKind::from_code(kind).ok_or_else(|| damaged(&format!("no kind {kind}")))?;
        let count = row.column::<i64>(4)?.unsigned_abs();
        self.add_kind(from, tenant, account, (kind, count))
    }

    fn add_kind(
        &mut self,
        from: Timestamp,
        tenant: Option<TenantId>,
        account: Option<AccountId>,
        (kind, count): (EventKind, u64),
    ) -> Result<()> {
        if let Some(last) = self.0.last_mut()
            && (last.from, &last.tenant, &last.account) == (from, &tenant, &account)
        {
            last.counts.add(kind, count);
            return Ok(());
        }
        if self.0.len() == ROWS_MAX {
            return Err(too_many());
        }
        let mut counts = KindCounts::default();
        counts.add(kind, count);
        self.0.push(StatisticsRow {
            from,
            tenant,
            account,
            counts,
        });
        Ok(())
    }

    pub(crate) fn into_vec(self) -> Vec<StatisticsRow> {
        self.0
    }
}

fn too_many() -> StoreError {
    let problem = format!(
        "it would be more than {ROWS_MAX} rows: ask for a shorter time, for longer spans, or for one tenant"
    );
    StoreError::Refused(FieldError::new("statistics", problem))
}

fn damaged(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("statistics: {error}"))
}

/// The error of who wants to count anew what somebody is counting anew.
pub(crate) fn under_way() -> StoreError {
    let problem = "hours are being counted anew already: wait for the end of that";
    StoreError::Refused(FieldError::new("rebuild", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_count_of_its_own() {
        let mut counts = KindCounts::default();
        for (number, kind) in (1..).zip(EventKind::ALL) {
            counts.add(kind, number);
        }
        let all: Vec<_> = (1..)
            .zip(EventKind::ALL)
            .map(|(number, kind)| (kind, number))
            .collect();
        assert_eq!(counts.iter().collect::<Vec<_>>(), all);
        assert!(all.iter().all(|&(kind, number)| counts.of(kind) == number));
    }

    #[test]
    fn an_hour_is_of_a_time_that_it_begins_in() {
        let hours = |from, until| {
            let (from, until) = (Timestamp::from_millis(from), Timestamp::from_millis(until));
            let Hours { from, until } = Hours::that_begin(from, until);
            (from, until)
        };
        assert_eq!(hours(0, HOUR_MS), (0, HOUR_MS));
        assert_eq!(hours(1, HOUR_MS + 1), (HOUR_MS, 2 * HOUR_MS));
        assert_eq!(hours(-1, 1), (0, HOUR_MS));
        assert_eq!(hours(i64::MIN, i64::MAX).1, i64::MAX);
    }
}
