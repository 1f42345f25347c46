//! What the series of accounts and tenants are made from, by their labels.

use std::collections::BTreeMap;

use model::metrics::OTHER;
use model::metrics::service::ServiceMetricId as Id;
use model::{TenantId, Timestamp};
use store::submissions::{AccountCounts, ReportBacklog};

use super::ServiceFigures;
use super::names::State;
use crate::metrics::text;
use crate::reports::TenantReports;

/// The longest name in a label, in characters: a person may choose it.
const NAME_CHARS_MAX: usize = 100;
/// What stands in every label while there is nobody.
const NOBODY: &str = "default";

/// Values by their labels as text. Who has the same labels is one: an account may be called like the rest.
pub(super) type Rows<T> = BTreeMap<String, T>;

/// An account's counters.
#[derive(Default)]
pub(super) struct Traffic {
    pub sent: u64,
    pub errors: u64,
    pub deferred: u64,
    pub rate_limited: u64,
}

/// A tenant's reports.
#[derive(Default)]
pub(super) struct Told {
    pub backlog: u64,
    pub lag_s: f64,
    pub syncs: u64,
    pub failures: u64,
    pub acknowledged: u64,
    pub refused: u64,
}

/// The rows of accounts and tenants, after everybody has a place.
pub(super) fn settled(figures: &ServiceFigures) -> (Rows<Traffic>, Rows<Told>) {
    let mut names = figures.names.state();
    let accounts = figures.counts().iter();
    names
        .accounts
        .settle(accounts.map(|account| (&account.account, account.accepted)));
    let tenants = tenants(figures);
    let told = tenants
        .iter()
        .map(|(tenant, told)| (*tenant, told.acknowledged));
    names.tenants.settle(told);
    (
        accounts_rows(figures, &mut names),
        tenants_rows(tenants, &mut names),
    )
}

/// What was told each tenant, and what waits for it, by tenant.
fn tenants(figures: &ServiceFigures) -> Vec<(&TenantId, Told)> {
    let told = figures.reports.tenants.iter();
    let told = told.map(|reports| (&reports.tenant, Told::of(reports)));
    let backlog = figures.installation.iter().flat_map(|all| &all.backlog);
    let waits = backlog.map(|backlog| (&backlog.tenant, Told::waiting(backlog, figures.at)));
    let mut tenants: Vec<_> = told.chain(waits).collect();
    tenants.sort_by_key(|(tenant, _)| *tenant);
    tenants.dedup_by(|(tenant, more), (before, told)| {
        let is_same = tenant == before;
        if is_same {
            told.add(more);
        }
        is_same
    });
    tenants
}

fn accounts_rows(figures: &ServiceFigures, names: &mut State) -> Rows<Traffic> {
    let mut rows = Rows::<Traffic>::new();
    let (named, others) = figures
        .counts()
        .iter()
        .partition::<Vec<_>, _>(|account| names.accounts.is_named(&account.account));
    for account in named {
        rows.entry(labels_of(account)).or_default().add(account);
    }
    if !others.is_empty() {
        let other = rows.entry(account_labels([OTHER; 4])).or_default();
        others.iter().for_each(|account| other.add(account));
        names.keep_up(Id::Sent, &mut other.sent);
        names.keep_up(Id::Errors, &mut other.errors);
        names.keep_up(Id::Deferred, &mut other.deferred);
        names.keep_up(Id::RateLimited, &mut other.rate_limited);
    }
    or_nobody(rows, account_labels([NOBODY; 4]))
}

fn tenants_rows(tenants: Vec<(&TenantId, Told)>, names: &mut State) -> Rows<Told> {
    let mut rows = Rows::<Told>::new();
    let (named, others) = tenants
        .into_iter()
        .partition::<Vec<_>, _>(|(tenant, _)| names.tenants.is_named(tenant));
    for (tenant, told) in named {
        let label = tenant_label(tenant.as_str());
        rows.entry(label).or_default().add(&told);
    }
    if !others.is_empty() {
        let other = rows.entry(tenant_label(OTHER)).or_default();
        others.iter().for_each(|(_, told)| other.add(told));
        names.keep_up(Id::ReportSyncs, &mut other.syncs);
        names.keep_up(Id::ReportFailures, &mut other.failures);
        names.keep_up(Id::ReportsAcknowledged, &mut other.acknowledged);
        names.keep_up(Id::ReportsRefused, &mut other.refused);
    }
    or_nobody(rows, tenant_label(NOBODY))
}

/// Where there is nobody, one row at zero, so that every expression has something to say.
fn or_nobody<T: Default>(mut rows: Rows<T>, nobody: String) -> Rows<T> {
    if rows.is_empty() {
        rows.insert(nobody, T::default());
    }
    rows
}

fn labels_of(account: &AccountCounts) -> String {
    let tenant = account.tenant.as_str();
    let tenant_name = shortened(account.tenant_name.as_deref().unwrap_or(tenant));
    let id = account.account_id.as_str();
    account_labels([id, id, tenant, &tenant_name])
}

fn account_labels(values: [&str; 4]) -> String {
    let names = ["account_id", "account_name", "tenant_id", "tenant_name"];
    text::pairs(names.into_iter().zip(values))
}

fn tenant_label(tenant: &str) -> String {
    text::pairs([("tenant_id", tenant)].into_iter())
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(NAME_CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &name[..cut]),
        None => name.to_owned(),
    }
}

impl Traffic {
    fn add(&mut self, account: &AccountCounts) {
        self.sent += account.sent;
        self.errors += account.errors;
        self.deferred += account.deferred;
        self.rate_limited += account.rate_limited;
    }
}

impl Told {
    fn of(reports: &TenantReports) -> Self {
        Self {
            syncs: reports.syncs,
            failures: reports.failures,
            acknowledged: reports.acknowledged,
            refused: reports.refused,
            ..Self::default()
        }
    }

    fn waiting(backlog: &ReportBacklog, at: Timestamp) -> Self {
        Self {
            backlog: backlog.count,
            lag_s: at.since(backlog.oldest_at).as_secs_f64(),
            ..Self::default()
        }
    }

    fn add(&mut self, other: &Self) {
        self.lag_s = self.lag_s.max(other.lag_s);
        self.backlog += other.backlog;
        self.syncs += other.syncs;
        self.failures += other.failures;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
    }
}
