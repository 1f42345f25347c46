//! The processes that share the store: each tells every second that it lives and what it does, and passes on what was asked
//! of it and is for all.
//!
//! - `doing`: what a process tells of itself
//! - `order`: what one process asks of the others
//! - `board`: what is known of the others
//! - [`Cluster`]: this process among them

mod board;
mod doing;
mod order;

use std::sync::Arc;
use std::time::Duration;

use deliver::dispatch::{Dispatch, Placement};
use model::account::AccountPk;
use model::{Seq, Timestamp};
use observe::reports::Reports;
use store::Store;
use store::nodes::{NewNode, Node, Nodes, Ordered};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::stores::Stores;
use crate::settings::service::{Role, Roles};
use board::Board;
pub use doing::Doing;
pub use order::Order;

/// How often a process tells that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether the others did what they were asked for.
const LOOK_EVERY: Duration = Duration::from_millis(30);
/// How long others may take for it. One that takes longer is hung or gone: its leases end by themselves.
const DONE_MAX: Duration = Duration::from_secs(3);
/// The name under which it is kept whether mail is sent.
const ACTIVE: &str = "service/active";

/// What a process is, for the others.
pub struct About {
    /// What it does.
    pub roles: Roles,
    /// Where it is reached.
    pub address: String,
    /// When it began.
    pub started_at: Timestamp,
}

/// This process among those that share the store. Copies share it.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    nodes: Arc<dyn Nodes>,
    store: Arc<dyn Store>,
    about: About,
    board: Board,
    /// What the orders of others move here.
    dispatch: Dispatch,
    placement: Placement,
    reports: Reports,
    bounces_changed: Arc<Notify>,
    /// Cancelled when this process ends.
    draining: CancellationToken,
    duties: super::duty::Held,
    /// Wakes the beat: there is news of this process.
    news: Notify,
}

/// What a process has that others move.
pub struct Parts {
    /// Sending.
    pub dispatch: Dispatch,
    /// Which lanes are this process's.
    pub placement: Placement,
    /// Reporting.
    pub reports: Reports,
    /// The bounce mailbox is to be looked at anew.
    pub bounces_changed: Arc<Notify>,
    /// The duties that this process has.
    pub duties: super::duty::Held,
    /// Cancelled when this process ends.
    pub draining: CancellationToken,
}

impl Cluster {
    /// This process, which nobody was told of yet.
    pub fn new(stores: &Stores, about: About, parts: Parts) -> Self {
        Self(Arc::new(Inner {
            nodes: Arc::clone(&stores.nodes),
            store: Arc::clone(&stores.store),
            about,
            board: Board::default(),
            dispatch: parts.dispatch,
            placement: parts.placement,
            reports: parts.reports,
            bounces_changed: parts.bounces_changed,
            draining: parts.draining,
            duties: parts.duties,
            news: Notify::new(),
        }))
    }

    /// Tells of this process and follows the others until `stop`, then takes its leave.
    pub async fn run(self, stop: CancellationToken) {
        let following = async {
            tokio::join!(self.beat_on(), self.follow_orders());
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = following => {}
        }
        if let Err(error) = self.0.nodes.leave().await {
            tracing::debug!(%error, "the other processes could not be told of the end");
        }
    }

    /// The living processes, as they last told of themselves; this one first.
    pub fn nodes(&self) -> Vec<(Node, Doing)> {
        self.0.board.nodes()
    }

    /// Whether another process sends this message.
    pub fn is_sending_elsewhere(&self, message: Seq) -> bool {
        self.0.board.is_sending(message)
    }

    /// Whether another process sends mail of this account.
    pub fn is_sending_of_elsewhere(&self, account: AccountPk) -> bool {
        self.0.board.is_sending_of(account)
    }

    async fn beat_on(&self) {
        loop {
            if let Err(error) = self.beat().await {
                tracing::debug!(%error, "the other processes cannot be told of this one, trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(BEAT_EVERY) => {}
                () = self.0.news.notified() => {}
            }
        }
    }

    /// Tells what this process does, and learns what the others do.
    async fn beat(&self) -> store::Result<()> {
        let inner = &self.0;
        let nodes = inner.nodes.beat(self.new_node()).await?;
        let deliverers: Vec<String> = nodes
            .iter()
            .filter(|node| delivers(node))
            .map(|node| node.id.clone())
            .collect();
        if let Some(me) = nodes.iter().find(|node| node.is_this) {
            inner.placement.set(&me.id, &deliverers);
        }
        inner.board.set(nodes);
        Ok(())
    }

    fn new_node(&self) -> NewNode {
        let inner = &self.0;
        let doing = Doing {
            is_active: inner.dispatch.is_active(),
            is_draining: inner.draining.is_cancelled(),
            duties: inner.duties.names(),
            done: inner.board.done(),
            ..Doing::of(&inner.dispatch)
        };
        NewNode {
            host: host(),
            process: std::process::id(),
            roles: inner.about.roles.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: Some(inner.about.address.clone()),
            doing: doing.to_json(),
            started_at: inner.about.started_at,
        }
    }

    async fn follow_orders(&self) {
        let mut orders = self.0.nodes.orders();
        while let Some(ordered) = orders.next().await {
            match ordered {
                Ordered::Words { number, words } => {
                    if let Some(order) = Order::parse(&words) {
                        self.obey(order).await;
                    }
                    self.0.board.did(number);
                }
                // What was missed is done as a whole.
                Ordered::Missed => {
                    self.obey(Order::Recall).await;
                    self.obey(Order::Wake).await;
                }
            }
            self.0.news.notify_one();
        }
    }

    /// Does what another process asks.
    async fn obey(&self, order: Order) {
        let inner = &self.0;
        match order {
            Order::Wake => inner.dispatch.wake(),
            Order::LookAt(account) => inner.dispatch.look_at(account),
            Order::AccountChanged(account) => inner.dispatch.account_changed(account),
            Order::Recall => inner.dispatch.recall().await,
            Order::SetActive(is_active) => inner.dispatch.set_active(is_active),
            Order::Report(tenant) => inner.reports.run_now(tenant),
            Order::Bounces => inner.bounces_changed.notify_one(),
        }
    }

    /// Whether mail is sent, as it was last asked for; what the settings say where nobody asked. A process on a data file
    /// begins with the settings anew.
    pub async fn was_active(store: &dyn Store) -> store::Result<Option<bool>> {
        let kept = store.cursor(ACTIVE).await?;
        Ok(kept.and_then(|text| text.parse().ok()))
    }

    /// Asks the others to send, or to begin nothing; processes that begin later hold to it as well.
    pub fn set_active(&self, is_active: bool) {
        self.ask(Order::SetActive(is_active));
        let store = Arc::clone(&self.0.store);
        tokio::spawn(async move {
            if let Err(error) = store.save_cursor(ACTIVE, &is_active.to_string()).await {
                tracing::warn!(%error, "processes that begin later are not told whether mail is sent");
            }
        });
    }

    /// Asks something of the others; nobody waits for it.
    pub fn ask(&self, order: Order) {
        let cluster = self.clone();
        tokio::spawn(async move {
            if let Err(error) = cluster.0.nodes.order(&order.to_string()).await {
                tracing::warn!(%error, "the other processes could not be asked: {order}");
            }
        });
    }

    /// Asks something of the others, and waits until all that deliver did it, for some seconds at most.
    pub async fn ask_and_wait(&self, order: Order) {
        let number = match self.0.nodes.order(&order.to_string()).await {
            Ok(number) => number,
            Err(error) => {
                tracing::warn!(%error, "the other processes could not be asked: {order}");
                return;
            }
        };
        let done = async {
            loop {
                if self.beat().await.is_ok() && self.0.board.all_did(number) {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(DONE_MAX, done).await.is_err() {
            tracing::warn!("not every process did in time what it was asked: {order}");
        }
    }
}

/// Whether a process takes mail out of the queue.
fn delivers(node: &Node) -> bool {
    let has_role = Roles::parse(&node.about.roles).is_some_and(|roles| roles.has(Role::Smtp));
    has_role && !Doing::parse(&node.about.doing).is_draining
}

/// This machine's name.
fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
