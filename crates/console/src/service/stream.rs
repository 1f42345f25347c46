//! The updates that the service's page follows: everything, and then the rows that changed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use webserver::{Caller, Peer};

use super::history::{History, Point};
use super::look::Sources;
use super::router::{App, Service};
use super::traffic::{AccountRow, QueueRow, Sum, TenantRow, Traffic};
use crate::problem::Problem;
use crate::stream::{Look, PERIOD, Stream, Subject, event};
use crate::time::Rfc3339;

/// A look rests so many times as long as it took, so that looking takes a twentieth of the time at most.
const REST: u32 = 19;
/// Periods after which there is an update even if nothing changed, so that a page can tell a dead connection: ten
/// seconds.
const QUIET_PERIODS_MAX: u32 = 40;
/// What is shown while the counts cannot be read.
const UNREADABLE: &str = "the store cannot be read at the moment: these figures are older";

/// The service.
pub(super) struct Watched {
    history: Arc<Mutex<History>>,
}

/// What an update ended with.
#[derive(Clone, Default)]
pub(super) struct Seen {
    traffic: Arc<Traffic>,
    trouble: Option<&'static str>,
}

struct Maker {
    sources: Sources,
    history: Arc<Mutex<History>>,
    seen: Seen,
    /// When the last point ended, in seconds, and what the sums were.
    charted: Option<(i64, Sum)>,
    rests_until: Instant,
    quiet_periods: u32,
    /// Cancelled when the service ends, and what it reads from with it.
    stop: CancellationToken,
}

#[derive(Serialize)]
struct UpdateJson<'a> {
    kind: &'static str,
    id: u64,
    at: Rfc3339,
    active: bool,
    delivering: bool,
    trouble: Option<&'static str>,
    totals: &'a Sum,
    /// Those that are new or changed.
    accounts: Vec<&'a AccountRow>,
    /// Those that have no row any more.
    gone_accounts: Vec<i64>,
    other_accounts: Option<&'a Sum>,
    tenants: Vec<&'a TenantRow>,
    gone_tenants: Vec<&'a str>,
    other_tenants: Option<&'a Sum>,
    queues: &'a [QueueRow],
    points: &'a [Point],
}

/// Begins to make updates of the service.
pub(super) fn start(service: &Service, sources: Sources) -> Arc<Stream<Watched>> {
    let history = Arc::default();
    let maker = Maker {
        sources,
        history: Arc::clone(&history),
        seen: Seen::default(),
        charted: None,
        rests_until: Instant::now(),
        quiet_periods: 0,
        stop: service.stop.clone(),
    };
    let stop = service.stop.clone();
    Stream::start(Watched { history }, maker, &service.clock, stop)
}

/// `GET /api/traffic/stream`
pub(super) async fn follow(
    caller: Caller,
    State(app): State<App>,
    Extension(Peer(ip)): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match caller {
        Caller::Admin => app.stream.answer(ip, &headers),
        // Every client gets the same updates, and those are of all tenants.
        Caller::Tenant(_) => Err(Problem::NotYours(
            "the stream is the operator's: ask ./traffic",
        )),
    }
}

impl Subject for Watched {
    type Seen = Seen;

    fn snapshot(&self, id: u64, seen: &Seen) -> Bytes {
        // A point that is later than the update comes again with the next one, and takes its own place.
        let points = lock(&self.history).points();
        let nothing = Traffic::default();
        event(
            id,
            &UpdateJson::new("snapshot", id, &nothing, seen, &points),
        )
    }
}

#[async_trait]
impl Look for Maker {
    type Seen = Seen;

    fn seen(&self) -> Seen {
        self.seen.clone()
    }

    async fn look(&mut self, id: u64) -> Option<Bytes> {
        self.quiet_periods += 1;
        let begun = Instant::now();
        if begun < self.rests_until {
            return None;
        }
        let now = self.see().await;
        self.rests_until = Instant::now() + (begun.elapsed() * REST).saturating_sub(PERIOD);
        let points = self.chart(&now.traffic);
        let is_changed = !points.is_empty() || now.differs_from(&self.seen);
        let before = std::mem::replace(&mut self.seen, now);
        if !is_changed && self.quiet_periods < QUIET_PERIODS_MAX {
            return None;
        }
        self.quiet_periods = 0;
        let update = UpdateJson::new("delta", id, &before.traffic, &self.seen, &points);
        Some(event(id, &update))
    }
}

impl Maker {
    /// Looks. While the store does not answer, what was seen before stays.
    async fn see(&self) -> Seen {
        match self.sources.look(None).await {
            Ok(traffic) => Seen {
                traffic: Arc::new(traffic),
                trouble: None,
            },
            Err(error) => {
                if self.seen.trouble.is_none() && !self.stop.is_cancelled() {
                    tracing::warn!(%error, "the traffic cannot be shown, it is looked at again");
                }
                Seen {
                    trouble: Some(UNREADABLE),
                    ..self.seen.clone()
                }
            }
        }
    }

    /// The point of the time since the last one, when that is a second at least.
    fn chart(&mut self, traffic: &Traffic) -> Vec<Point> {
        let now_s = traffic.at.0.as_secs();
        if self
            .charted
            .as_ref()
            .is_some_and(|(last_s, _)| now_s == *last_s)
        {
            return Vec::new();
        }
        let last = self.charted.replace((now_s, traffic.totals.clone()));
        // Where the clock was set back, the charts begin anew.
        let Some((last_s, before)) = last.filter(|(last_s, _)| *last_s < now_s) else {
            return Vec::new();
        };
        let point = Point::between(last_s, &before, now_s, &traffic.totals);
        if point.is_empty() {
            return Vec::new();
        }
        lock(&self.history).push(point);
        vec![point]
    }
}

impl Seen {
    /// Whether more than the time is another one.
    fn differs_from(&self, other: &Self) -> bool {
        let (now, before) = (&self.traffic, &other.traffic);
        self.trouble != other.trouble
            || now.active != before.active
            || now.delivering != before.delivering
            || now.queues != before.queues
            || now.totals != before.totals
            || now.accounts != before.accounts
            || now.tenants != before.tenants
    }
}

impl<'a> UpdateJson<'a> {
    /// What is other in `seen` than it was `before`.
    fn new(
        kind: &'static str,
        id: u64,
        before: &'a Traffic,
        seen: &'a Seen,
        points: &'a [Point],
    ) -> Self {
        let now = &*seen.traffic;
        let (accounts, gone_accounts) =
            changes(&before.accounts, &now.accounts, |account| account.pk);
        let (tenants, gone_tenants) =
            changes(&before.tenants, &now.tenants, |tenant| &*tenant.tenant_id);
        Self {
            kind,
            id,
            at: now.at,
            active: now.active,
            delivering: now.delivering,
            trouble: seen.trouble,
            totals: &now.totals,
            accounts,
            gone_accounts,
            other_accounts: now.other_accounts.as_ref(),
            tenants,
            gone_tenants,
            other_tenants: now.other_tenants.as_ref(),
            queues: &now.queues,
            points,
        }
    }
}

/// The rows that are new or changed, and the keys of those that are gone.
fn changes<'a, T: PartialEq, K: Eq + Hash + Copy>(
    before: &'a [T],
    now: &'a [T],
    key: impl Fn(&'a T) -> K,
) -> (Vec<&'a T>, Vec<K>) {
    let mut earlier: HashMap<K, &T> = before.iter().map(|row| (key(row), row)).collect();
    let changed = now
        .iter()
        .filter(|row| earlier.remove(&key(row)) != Some(row))
        .collect();
    let mut gone = Vec::with_capacity(earlier.len());
    gone.extend(earlier.into_keys());
    (changed, gone)
}

fn lock(history: &Mutex<History>) -> std::sync::MutexGuard<'_, History> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}
