//! All mailboxes, and which one is visited next.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{AccountId, TenantId, Timestamp};
use tokio::time::Instant;

use super::MailboxNow;
use super::rhythm::{Remedy, Rhythm};
use super::source::Reader;

/// Of the inboxes that are visited at once, one in so many may be of one tenant; the same holds for those that failed
/// before, which mostly take until a deadline to fail again.
const SHARE: usize = 4;

/// A mailbox that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub reader: Reader,
    pub tenant: Option<TenantId>,
    pub account: Option<AccountId>,
    /// When its settings last changed.
    pub updated_at: Option<Timestamp>,
    /// From the end of one visit to the next.
    pub interval: Duration,
}

/// A visit that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub listed: Listed,
    /// Since when every visit has failed.
    pub failing_since: Option<Instant>,
}

/// How a visit went.
#[derive(Debug)]
pub(super) struct Visited {
    pub end: End,
    /// News that were noted.
    pub noted: u64,
    /// Reports and receipts that led to no message.
    pub unknown: u64,
}

/// How a visit ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All was read, at that moment.
    Whole(Timestamp),
    /// Its time was over before all was read.
    Part(Timestamp),
    /// It failed.
    Failed {
        /// Why.
        problem: Box<str>,
        /// What helps.
        remedy: Remedy,
    },
    /// There is no such mailbox any more, or nobody wants to know.
    Away,
}

/// Every mailbox that is read.
pub(super) struct Board {
    visits_max: usize,
    rhythm: Rhythm,
    places: BTreeMap<Reader, Place>,
}

/// How a mailbox stands.
struct Place {
    listed: Listed,
    due_at: Instant,
    is_out: bool,
    failures: u32,
    failing_since: Option<Instant>,
    trouble: Option<Box<str>>,
    last_visit_at: Option<Timestamp>,
    noted: u64,
    unknown: u64,
}

/// Who is out at the moment.
struct Out<'b> {
    inboxes: usize,
    failing: usize,
    tenants: BTreeMap<&'b TenantId, usize>,
}

impl Board {
    pub fn new(visits_max: usize, rhythm: Rhythm) -> Self {
        Self {
            visits_max: visits_max.max(1),
            rhythm,
            places: BTreeMap::new(),
        }
    }

    /// Takes over which mailboxes there are. New ones, and those with other settings, are due at once.
    pub fn align(&mut self, listed: Vec<Listed>, now: Instant) {
        let mut before = std::mem::take(&mut self.places);
        for listed in listed {
            let known = before.remove(&listed.reader);
            let place = match known {
                Some(known) if known.listed == listed => known,
                Some(known) => Place {
                    listed,
                    due_at: now,
                    failures: 0,
                    ..known
                },
                None => Place::new(listed, now),
            };
            self.places.insert(place.listed.reader, place);
        }
    }

    /// Whether a mailbox is read.
    pub fn has(&self, reader: Reader) -> bool {
        self.places.contains_key(&reader)
    }

    /// The bounce mailbox is due at once.
    pub fn hurry(&mut self, now: Instant) {
        if let Some(place) = self.places.get_mut(&Reader::Bounces) {
            place.due_at = now;
        }
    }

    /// The next visit: of the mailboxes that are due and have room, the one that has waited longest.
    pub fn begin(&mut self, now: Instant) -> Option<Turn> {
        let out = self.out();
        let due = self
            .places
            .values()
            .filter(|place| place.due_at <= now && self.has_room(place, &out));
        let next = due.min_by_key(|place| place.due_at)?.listed.reader;
        let place = self.places.get_mut(&next)?;
        place.is_out = true;
        Some(Turn {
            listed: place.listed.clone(),
            failing_since: place.failing_since,
        })
    }

    /// When the next one is due for which there is room.
    pub fn next_due(&self) -> Option<Instant> {
        let out = self.out();
        let roomy = self
            .places
            .values()
            .filter(|place| self.has_room(place, &out));
        roomy.map(|place| place.due_at).min()
    }

    /// A visit is over.
    pub fn came_back(&mut self, turn: &Turn, visited: Visited, now: Instant) {
        let rhythm = self.rhythm;
        let Some(place) = self.places.get_mut(&turn.listed.reader) else {
            return;
        };
        place.is_out = false;
        place.noted += visited.noted;
        place.unknown += visited.unknown;
        let pause = place.judge(visited.end, rhythm, now);
        if place.listed == turn.listed {
            place.due_at = now + pause;
        }
    }

    /// Every mailbox, the bounce mailbox first.
    pub fn mailboxes(&self) -> Vec<MailboxNow> {
        let now = |place: &Place| MailboxNow {
            name: place.listed.reader.name(),
            tenant: place.listed.tenant.clone(),
            account: place.listed.account.clone(),
            last_visit_at: place.last_visit_at,
            failures: place.failures,
            trouble: place.trouble.clone(),
            noted: place.noted,
            unknown: place.unknown,
        };
        self.places.values().map(now).collect()
    }

    fn out(&self) -> Out<'_> {
        let mut out = Out {
            inboxes: 0,
            failing: 0,
            tenants: BTreeMap::new(),
        };
        for place in self.places.values().filter(|place| place.is_out) {
            let Some(tenant) = &place.listed.tenant else {
                continue;
            };
            out.inboxes += 1;
            out.failing += usize::from(place.failures > 0);
            *out.tenants.entry(tenant).or_default() += 1;
        }
        out
    }

    /// The bounce mailbox has a place of its own.
    fn has_room(&self, place: &Place, out: &Out<'_>) -> bool {
        let Some(tenant) = &place.listed.tenant else {
            return !place.is_out;
        };
        let share = self.visits_max.div_ceil(SHARE);
        let of_tenant = out.tenants.get(tenant).copied().unwrap_or_default();
        !place.is_out
            && out.inboxes < self.visits_max
            && of_tenant < share
            && (place.failures == 0 || out.failing < share)
    }
}

impl Place {
    fn new(listed: Listed, now: Instant) -> Self {
        Self {
            listed,
            due_at: now,
            is_out: false,
            failures: 0,
            failing_since: None,
            trouble: None,
            last_visit_at: None,
            noted: 0,
            unknown: 0,
        }
    }

    /// What follows from the end of a visit; gives how long it is until the next.
    fn judge(&mut self, end: End, rhythm: Rhythm, now: Instant) -> Duration {
        let rhythm = Rhythm {
            interval: self.listed.interval,
            ..rhythm
        };
        match end {
            End::Whole(at) => {
                self.went_well(at);
                rhythm.interval
            }
            End::Part(at) => {
                self.went_well(at);
                Duration::ZERO
            }
            End::Failed { problem, remedy } => {
                self.failures = self.failures.saturating_add(1);
                self.failing_since.get_or_insert(now);
                let pause = rhythm.pause(self.failures, remedy);
                self.tell(&problem, pause);
                self.trouble = Some(problem);
                pause
            }
            End::Away => rhythm.interval,
        }
    }

    fn went_well(&mut self, at: Timestamp) {
        if self.trouble.take().is_some() {
            let name = self.listed.reader.name();
            tracing::info!(mailbox = name, "the mailbox can be read again");
        }
        self.failures = 0;
        self.failing_since = None;
        self.last_visit_at = Some(at);
    }

    /// Once for each trouble, however often it is met.
    fn tell(&self, problem: &str, pause: Duration) {
        let (mailbox, failures) = (self.listed.reader.name(), self.failures);
        let (tenant, account) = (&self.listed.tenant, &self.listed.account);
        let (tenant, account) = (
            tenant.as_ref().map(TenantId::as_str),
            account.as_ref().map(AccountId::as_str),
        );
        let retry_in_s = pause.as_secs();
        match self.trouble.as_deref() == Some(problem) {
            true => tracing::debug!(
                mailbox,
                tenant,
                account,
                problem,
                failures,
                retry_in_s,
                "the mailbox cannot be read"
            ),
            false => tracing::warn!(
                mailbox,
                tenant,
                account,
                problem,
                failures,
                retry_in_s,
                "the mailbox cannot be read; it goes on trying"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
