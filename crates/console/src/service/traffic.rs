//! The service's traffic by account and tenant, as it stands in JSON: rows, and sums that are theirs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use deliver::dispatch::LaneNow;
use model::account::AccountPk;
use model::{TenantId, Timestamp};
use observe::metrics::service::QueueFigures;
use observe::reports::SyncStatus;
use serde::Serialize;
use store::submissions::{AccountCounts, ReportBacklog};
use webserver::Caller;

use super::router::{App, scope};
use crate::problem::Problem;
use crate::time::Rfc3339;

/// Accounts, and tenants, that have a row of their own: those with trouble or at a limit, then the busiest.
pub const ROWS_MAX: usize = 500;

/// `GET /api/traffic`
pub(super) async fn traffic(caller: Caller, State(app): State<App>) -> Result<Response, Problem> {
    let traffic = app.sources.look(scope(&caller)).await?;
    Ok(Json(traffic).into_response())
}

/// How many submissions there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) sent: u64,
    pub(super) errors: u64,
    pub(super) cancelled: u64,
    pub(super) pending: u64,
    pub(super) deferred: u64,
    pub(super) rate_limited: u64,
}

/// Accounts taken together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Sum {
    pub(super) accounts: u64,
    #[serde(flatten)]
    pub(super) counts: Counts,
    pub(super) connections: u64,
    pub(super) sending: u64,
    /// Accounts through which nothing goes.
    troubled: u64,
    /// Accounts at a limit.
    limited: u64,
    /// Reports that an application has not taken yet.
    report_backlog: u64,
    report_oldest_at: Option<Rfc3339>,
    /// How old the oldest of them is.
    report_lag_s: u64,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct AccountRow {
    pub(super) pk: i64,
    account_id: Box<str>,
    tenant_id: Box<str>,
    tenant_name: Option<Box<str>>,
    #[serde(flatten)]
    counts: Counts,
    connections: u64,
    sending: u64,
    trouble: Option<Box<str>>,
    limited_until: Option<Rfc3339>,
}

/// One tenant: its accounts together, and its reports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct TenantRow {
    pub(super) tenant_id: Box<str>,
    tenant_name: Option<Box<str>>,
    #[serde(flatten)]
    sum: Sum,
    report_failures: u32,
    last_sync_at: Option<Rfc3339>,
    next_sync_at: Option<Rfc3339>,
    in_dnd: bool,
}

/// How much waits at one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct QueueRow {
    queue: &'static str,
    depth: u64,
    /// How long the oldest of it has waited; 0 where none waits for its turn.
    oldest_age_s: u64,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Traffic {
    pub(super) at: Rfc3339,
    /// Whether mail is sent.
    pub(super) active: bool,
    /// Whether any living process delivers.
    pub(super) delivering: bool,
    /// How much waits at each stage; nothing where one tenant is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) queues: Vec<QueueRow>,
    pub(super) totals: Sum,
    pub(super) accounts: Vec<AccountRow>,
    /// The accounts that have no row.
    pub(super) other_accounts: Option<Sum>,
    pub(super) tenants: Vec<TenantRow>,
    /// The tenants that have no row.
    pub(super) other_tenants: Option<Sum>,
}

/// What traffic is made of.
pub(super) struct Facts {
    pub(super) at: Timestamp,
    pub(super) is_active: bool,
    pub(super) is_delivering: bool,
    pub(super) queues: Vec<QueueFigures>,
    pub(super) counts: Vec<AccountCounts>,
    pub(super) backlog: Vec<ReportBacklog>,
    pub(super) lanes: Vec<LaneNow>,
    pub(super) reporting: Vec<SyncStatus>,
}

// === impl Facts ===

impl Facts {
    /// Leaves only what is that tenant's.
    pub(super) fn only(&mut self, tenant: &TenantId) {
        self.counts.retain(|counts| counts.tenant == *tenant);
        self.backlog.retain(|backlog| backlog.tenant == *tenant);
        self.queues.clear();
        self.reporting
            .retain(|reporting| reporting.tenant == *tenant);
    }
}

// === impl Counts ===

impl From<&AccountCounts> for Counts {
    fn from(counts: &AccountCounts) -> Self {
        Self {
            accepted: counts.accepted,
            sent: counts.sent,
            errors: counts.errors,
            cancelled: counts.cancelled,
            pending: counts.pending(),
            deferred: counts.deferred,
            rate_limited: counts.rate_limited,
        }
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.sent += other.sent;
        self.errors += other.errors;
        self.cancelled += other.cancelled;
        self.pending += other.pending;
        self.deferred += other.deferred;
        self.rate_limited += other.rate_limited;
    }
}

// === impl Sum ===

impl Sum {
    fn add_account(&mut self, row: &AccountRow) {
        self.accounts += 1;
        self.counts.add(&row.counts);
        self.connections += row.connections;
        self.sending += row.sending;
        self.troubled += u64::from(row.trouble.is_some());
        self.limited += u64::from(row.limited_until.is_some());
    }

    fn add_reports(&mut self, backlog: &ReportBacklog, now: Timestamp) {
        let lag_s = now.since(backlog.oldest_at).as_secs();
        if self.report_oldest_at.is_none() || lag_s > self.report_lag_s {
            self.report_oldest_at = Some(Rfc3339(backlog.oldest_at));
            self.report_lag_s = lag_s;
        }
        self.report_backlog += backlog.count;
    }

    fn add(&mut self, other: &Self) {
        self.accounts += other.accounts;
        self.counts.add(&other.counts);
        self.connections += other.connections;
        self.sending += other.sending;
        self.troubled += other.troubled;
        self.limited += other.limited;
        self.report_backlog += other.report_backlog;
        if other.report_lag_s >= self.report_lag_s {
            self.report_oldest_at = other.report_oldest_at.or(self.report_oldest_at);
            self.report_lag_s = other.report_lag_s;
        }
    }
}

// === impl rows ===

impl AccountRow {
    fn new(counts: &AccountCounts, lane: Option<&LaneNow>) -> Self {
        Self {
            pk: counts.account.0,
            account_id: counts.account_id.as_str().into(),
            tenant_id: counts.tenant.as_str().into(),
            tenant_name: counts.tenant_name.clone(),
            counts: counts.into(),
            connections: lane.map_or(0, |lane| lane.connections),
            sending: lane.map_or(0, |lane| lane.sending),
            trouble: lane.and_then(|lane| lane.trouble.clone()),
            limited_until: lane.and_then(|lane| lane.limited_until).map(Rfc3339),
        }
    }

    fn is_held_up(&self) -> bool {
        self.trouble.is_some() || self.limited_until.is_some()
    }
}

impl TenantRow {
    fn new(tenant: &TenantId) -> Self {
        Self {
            tenant_id: tenant.as_str().into(),
            tenant_name: None,
            sum: Sum::default(),
            report_failures: 0,
            last_sync_at: None,
            next_sync_at: None,
            in_dnd: false,
        }
    }

    fn is_held_up(&self) -> bool {
        self.sum.troubled > 0 || self.sum.limited > 0 || self.report_failures > 0
    }

    fn tell(&mut self, reporting: &SyncStatus) {
        self.report_failures = reporting.failures;
        self.last_sync_at = reporting.last_sync_at.map(Rfc3339);
        self.next_sync_at = reporting.next_sync_at.map(Rfc3339);
        self.in_dnd = reporting.in_dnd;
    }
}

// === impl Traffic ===

impl Default for Traffic {
    /// Nothing was seen yet.
    fn default() -> Self {
        Self::of(&Facts {
            at: Timestamp::default(),
            is_active: true,
            is_delivering: true,
            queues: Vec::new(),
            counts: Vec::new(),
            backlog: Vec::new(),
            lanes: Vec::new(),
            reporting: Vec::new(),
        })
    }
}

impl Traffic {
    /// Puts together what was seen at one moment.
    pub(super) fn of(facts: &Facts) -> Self {
        let accounts = account_rows(facts);
        let tenants = tenant_rows(facts, &accounts);
        let mut totals = Sum::default();
        for tenant in &tenants {
            totals.add(&tenant.sum);
        }
        let (accounts, rest) = foremost(accounts, |row| {
            (!row.is_held_up(), Reverse(row.counts.accepted))
        });
        let other_accounts = together(&rest, |sum, row| sum.add_account(row));
        let (tenants, rest) = foremost(tenants, |row| {
            (!row.is_held_up(), Reverse(row.sum.counts.accepted))
        });
        Self {
            at: Rfc3339(facts.at),
            active: facts.is_active,
            delivering: facts.is_delivering,
            queues: queue_rows(&facts.queues, facts.at),
            totals,
            accounts,
            other_accounts,
            tenants,
            other_tenants: together(&rest, |sum, row| sum.add(&row.sum)),
        }
    }
}

/// The queues as they stand in JSON.
pub(super) fn queue_rows(queues: &[QueueFigures], now: Timestamp) -> Vec<QueueRow> {
    let row = |figures: &QueueFigures| QueueRow {
        queue: figures.queue.as_str(),
        depth: figures.depth,
        oldest_age_s: figures.oldest_at.map_or(0, |at| now.since(at).as_secs()),
    };
    queues.iter().map(row).collect()
}

fn account_rows(facts: &Facts) -> Vec<AccountRow> {
    let lanes: HashMap<AccountPk, &LaneNow> =
        (facts.lanes.iter().map(|lane| (lane.account, lane))).collect();
    let row = |counts: &AccountCounts| AccountRow::new(counts, lanes.get(&counts.account).copied());
    facts.counts.iter().map(row).collect()
}

/// The tenants that have accounts or reports, by id; `accounts` are the rows of the counts, in their order.
fn tenant_rows(facts: &Facts, accounts: &[AccountRow]) -> Vec<TenantRow> {
    let mut rows: BTreeMap<&str, TenantRow> = BTreeMap::new();
    for (counts, account) in facts.counts.iter().zip(accounts) {
        let row = row_of(&mut rows, &counts.tenant);
        row.tenant_name = row.tenant_name.take().or(counts.tenant_name.clone());
        row.sum.add_account(account);
    }
    for backlog in &facts.backlog {
        let row = row_of(&mut rows, &backlog.tenant);
        row.sum.add_reports(backlog, facts.at);
    }
    for reporting in &facts.reporting {
        row_of(&mut rows, &reporting.tenant).tell(reporting);
    }
    rows.into_values().collect()
}

fn row_of<'a, 'b>(
    rows: &'b mut BTreeMap<&'a str, TenantRow>,
    tenant: &'a TenantId,
) -> &'b mut TenantRow {
    rows.entry(tenant.as_str())
        .or_insert_with(|| TenantRow::new(tenant))
}

/// The rows that come first, and the rest. Among equals the order stays, so that rows do not come and go.
fn foremost<T, K: Ord>(mut rows: Vec<T>, rank: impl FnMut(&T) -> K) -> (Vec<T>, Vec<T>) {
    rows.sort_by_key(rank);
    let rest = rows.split_off(rows.len().min(ROWS_MAX));
    (rows, rest)
}

fn together<T>(rest: &[T], add: impl Fn(&mut Sum, &T)) -> Option<Sum> {
    if rest.is_empty() {
        return None;
    }
    let mut sum = Sum::default();
    for row in rest {
        add(&mut sum, row);
    }
    Some(sum)
}
