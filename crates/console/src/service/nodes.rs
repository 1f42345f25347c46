//! The processes of the installation as they stand in JSON: who lives, and what each is doing.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use deliver::dispatch::LaneNow;
use model::account::AccountPk;
use serde::Serialize;
use store::Submissions;
use tokio::time::Instant;
use webserver::Caller;

use super::router::App;
use super::source::NodeNow;
use crate::problem::Problem;
use crate::time::Rfc3339;

/// Accounts of a process that are named: those held up, then the busiest.
const ACCOUNTS_MAX: usize = 50;
/// How long accounts whose names are not known are not looked for again: they may just have been deleted.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct NodesJson<'a> {
    at: Rfc3339,
    nodes: Vec<NodeJson<'a>>,
}

#[derive(Serialize)]
struct NodeJson<'a> {
    id: &'a str,
    /// Whether it is the process that answers.
    this: bool,
    host: &'a str,
    process: u32,
    roles: &'a [String],
    version: &'a str,
    address: Option<&'a str>,
    started_at: Rfc3339,
    /// How long it was not heard of, in seconds to a tenth.
    silent_s: f64,
    state: &'static str,
    duties: &'a [String],
    connections: u64,
    sending: u64,
    /// Messages that it is making.
    making: u64,
    accounts: Vec<AccountJson<'a>>,
    /// Accounts that it delivers for as well.
    other_accounts: usize,
}

#[derive(Serialize)]
struct AccountJson<'a> {
    pk: i64,
    tenant_id: Option<&'a str>,
    account_id: Option<&'a str>,
    connections: u64,
    sending: u64,
    trouble: Option<&'a str>,
    limited_until: Option<Rfc3339>,
}

/// `GET /api/nodes`
pub(super) async fn nodes(caller: Caller, State(app): State<App>) -> Result<Response, Problem> {
    if let Caller::Tenant(_) = caller {
        return Err(Problem::NotYours(
            "the processes of the service are the operator's to see",
        ));
    }
    let nodes = app.service.figures.nodes();
    let accounts = nodes.iter().flat_map(|node| &node.lanes);
    let names = app
        .account_names
        .of(&*app.service.submissions, accounts.map(|lane| lane.account))
        .await?;
    Ok(Json(NodesJson {
        at: Rfc3339(app.service.clock.now()),
        nodes: nodes
            .iter()
            .map(|node| NodeJson::new(node, &names))
            .collect(),
    })
    .into_response())
}

impl<'a> NodeJson<'a> {
    fn new(node: &'a NodeNow, names: &'a Names) -> Self {
        let mut lanes: Vec<&LaneNow> = node.lanes.iter().collect();
        lanes.sort_by_key(|lane| {
            let is_held_up = lane.trouble.is_some() || lane.limited_until.is_some();
            (!is_held_up, Reverse((lane.sending, lane.connections)))
        });
        let accounts: Vec<AccountJson<'_>> = (lanes.iter().take(ACCOUNTS_MAX))
            .map(|lane| AccountJson::new(lane, names))
            .collect();
        Self {
            id: &node.id,
            this: node.is_this,
            host: &node.host,
            process: node.process,
            roles: &node.roles,
            version: &node.version,
            address: node.address.as_deref(),
            started_at: Rfc3339(node.started_at),
            silent_s: (node.silent_for.as_secs_f64() * 10.0).round() / 10.0,
            state: match (node.is_draining, node.is_active) {
                (true, _) => "draining",
                (false, true) => "active",
                (false, false) => "suspended",
            },
            duties: &node.duties,
            connections: lanes.iter().map(|lane| lane.connections).sum(),
            sending: lanes.iter().map(|lane| lane.sending).sum(),
            making: node.making.count,
            other_accounts: lanes.len() - accounts.len(),
            accounts,
        }
    }
}

impl<'a> AccountJson<'a> {
    fn new(lane: &'a LaneNow, names: &'a Names) -> Self {
        let name = names.get(&lane.account);
        Self {
            pk: lane.account.0,
            tenant_id: name.map(|name| &*name.tenant),
            account_id: name.map(|name| &*name.account),
            connections: lane.connections,
            sending: lane.sending,
            trouble: lane.trouble.as_deref(),
            limited_until: lane.limited_until.map(Rfc3339),
        }
    }
}

/// What the accounts are called, which never changes. Kept, so that the processes can be looked at often however many
/// accounts there are.
#[derive(Default)]
pub(super) struct AccountNames(Mutex<Known>);

#[derive(Default)]
struct Known {
    names: Arc<Names>,
    looked_at: Option<Instant>,
}

type Names = HashMap<AccountPk, Name>;

struct Name {
    tenant: Box<str>,
    account: Box<str>,
}

impl AccountNames {
    /// The names of these accounts, and of others.
    async fn of(
        &self,
        submissions: &dyn Submissions,
        mut accounts: impl Iterator<Item = AccountPk>,
    ) -> store::Result<Arc<Names>> {
        let (names, looked_at) = self.with(|known| (Arc::clone(&known.names), known.looked_at));
        let is_early = looked_at.is_some_and(|at| at.elapsed() < LOOK_AGAIN);
        if is_early || accounts.all(|account| names.contains_key(&account)) {
            return Ok(names);
        }
        let counts = submissions.account_counts().await?;
        let named = counts.iter().map(|counts| {
            let name = Name {
                tenant: counts.tenant.as_str().into(),
                account: counts.account_id.as_str().into(),
            };
            (counts.account, name)
        });
        let names = Arc::new(named.collect());
        self.with(|known| {
            *known = Known {
                names: Arc::clone(&names),
                looked_at: Some(Instant::now()),
            };
        });
        Ok(names)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
