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

use console::service::NodeNow;
use deliver::dispatch::{Dispatch, Placement};
use intake::proxy::Unanswered;
use model::account::AccountPk;
use model::{Seq, Timestamp};
use observe::reports::{Reports, SyncStatus};
use store::Store;
use store::nodes::{NewNode, Node, Nodes, Ordered};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::duty::{Held, REPORTS};
use super::making::Bench;
use super::stores::Stores;
use crate::settings::service::{Role, Roles};
use board::Board;
pub use doing::Doing;
pub use order::Order;

/// How often a process tells that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// After how many beats it is read again whether mail is sent, should an order have been lost.
const ACTIVITY_EVERY: u32 = 10;
/// How often it is looked whether the others did what they were asked for.
const LOOK_EVERY: Duration = Duration::from_millis(30);
/// How long others may take for it. Then whoever asked is told that they did not answer.
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
    /// Whether there may be others at all.
    is_shared: bool,
    about: About,
    board: Board,
    /// What the orders of others move here.
    dispatch: Dispatch,
    placement: Placement,
    reports: Reports,
    bounces_changed: Arc<Notify>,
    /// Somebody here asks that the bounce mailbox be looked at anew, by whoever reads it.
    bounces_asked: Arc<Notify>,
    /// Cancelled when this process ends.
    draining: CancellationToken,
    duties: Held,
    bench: Bench,
    /// Wakes the beat: there is news of this process.
    news: Notify,
    /// Held while it is read and followed whether mail is sent: who read it last follows it last.
    activity: Mutex<()>,
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
    pub duties: Held,
    /// What it is making.
    pub bench: Bench,
    /// Cancelled when this process ends.
    pub draining: CancellationToken,
}

impl Cluster {
    /// This process, which nobody was told of yet.
    pub fn new(stores: &Stores, about: About, parts: Parts) -> Self {
        Self(Arc::new(Inner {
            nodes: Arc::clone(&stores.nodes),
            store: Arc::clone(&stores.store),
            is_shared: stores.is_shared,
            about,
            board: Board::default(),
            dispatch: parts.dispatch,
            placement: parts.placement,
            reports: parts.reports,
            bounces_changed: parts.bounces_changed,
            bounces_asked: Arc::default(),
            draining: parts.draining,
            duties: parts.duties,
            bench: parts.bench,
            news: Notify::new(),
            activity: Mutex::default(),
        }))
    }

    /// Tells of this process and follows the others until `stop`, then takes its leave.
    pub async fn run(self, stop: CancellationToken) {
        let following = async {
            tokio::join!(self.beat_on(), self.follow_orders(), self.pass_on_bounces());
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = following => {}
        }
        if let Err(error) = self.0.nodes.leave().await {
            tracing::debug!(%error, "the other processes could not be told of the end");
        }
    }

    /// The living processes, as they last told of themselves; first this one, as it is.
    pub fn nodes(&self) -> Vec<NodeNow> {
        let mut nodes = self.0.board.nodes();
        let known = match nodes.first() {
            Some((node, _)) if node.is_this => Some(nodes.remove(0).0),
            _ => None,
        };
        let this = Node {
            id: known.map(|node| node.id).unwrap_or_default(),
            is_this: true,
            about: self.new_node(String::new()),
            silent_for: Duration::ZERO,
        };
        let this = NodeNow {
            // The lists of what is told to the others are cut.
            lanes: self.0.dispatch.lanes(),
            ..node_now(this, &self.doing())
        };
        let others = nodes.into_iter();
        let others = others.map(|(node, doing)| node_now(node, &doing));
        std::iter::once(this).chain(others).collect()
    }

    /// How the reports stand, as the process says that tells them.
    pub fn reporting(&self) -> Vec<SyncStatus> {
        let inner = &self.0;
        if inner.duties.has(REPORTS) {
            return inner.reports.status();
        }
        let nodes = inner.board.nodes();
        let mut others = nodes.iter().filter(|(node, _)| !node.is_this);
        let reporter = others.find(|(_, doing)| doing.duties.iter().any(|duty| duty == REPORTS));
        reporter.map_or_else(Vec::new, |(_, doing)| doing.reporting())
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
        for beats in (0..ACTIVITY_EVERY).cycle() {
            if let Err(error) = self.beat().await {
                tracing::debug!(%error, "the other processes cannot be told of this one, trying again");
            }
            if beats == 0
                && let Err(error) = self.follow_activity().await
            {
                tracing::debug!(%error, "whether mail is sent is not known, asking again");
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
        let this = self.new_node(self.doing().to_json());
        let nodes = board::read(inner.nodes.beat(this).await?);
        let deliverers: Vec<String> = nodes
            .iter()
            .filter(|(node, doing)| delivers(node, doing))
            .map(|(node, _)| node.id.clone())
            .collect();
        if let Some((me, _)) = nodes.iter().find(|(node, _)| node.is_this) {
            inner.placement.set(&me.id, &deliverers);
        }
        inner.board.set(nodes);
        Ok(())
    }

    fn doing(&self) -> Doing {
        let inner = &self.0;
        let reporting = match inner.duties.has(REPORTS) {
            true => inner.reports.status(),
            false => Vec::new(),
        };
        Doing {
            is_active: inner.dispatch.is_active(),
            is_draining: inner.draining.is_cancelled(),
            duties: inner.duties.names(),
            done: inner.board.done(),
            ..Doing::of(&inner.dispatch)
        }
        .with(inner.bench.making(), reporting)
    }

    fn new_node(&self, doing: String) -> NewNode {
        let about = &self.0.about;
        NewNode {
            host: host(),
            process: std::process::id(),
            roles: about.roles.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: Some(about.address.clone()),
            doing,
            started_at: about.started_at,
        }
    }

    /// Where this process is asked to look at the bounce mailbox anew: whichever reads it does.
    pub fn bounces_asked(&self) -> Arc<Notify> {
        Arc::clone(&self.0.bounces_asked)
    }

    /// Passes on that the bounce mailbox is to be looked at anew.
    async fn pass_on_bounces(&self) {
        loop {
            self.0.bounces_asked.notified().await;
            self.0.bounces_changed.notify_one();
            self.ask(Order::Bounces);
        }
    }

    async fn follow_orders(&self) {
        let mut orders = self.0.nodes.orders();
        // What was asked for before this process followed.
        self.hold_to_activity().await;
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
                    self.hold_to_activity().await;
                    for lane in self.0.dispatch.lanes() {
                        self.obey(Order::AccountChanged(lane.account)).await;
                    }
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
            Order::Hold(account) => inner.dispatch.hold(account),
            Order::LetGo(account) => inner.dispatch.let_go(account),
            Order::Activity => self.hold_to_activity().await,
            // It is told with the word that this was done.
            Order::Tell => {}
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

    /// Sends, or begins nothing, as it was asked for last.
    async fn follow_activity(&self) -> store::Result<()> {
        let inner = &self.0;
        if !inner.is_shared {
            return Ok(());
        }
        let _one_at_a_time = inner.activity.lock().await;
        if let Some(is_active) = Self::was_active(&*inner.store).await?
            && is_active != inner.dispatch.is_active()
        {
            inner.dispatch.set_active(is_active);
        }
        Ok(())
    }

    /// The same; while the store is away that is not known, and asked for again.
    async fn hold_to_activity(&self) {
        while let Err(error) = self.follow_activity().await {
            tracing::debug!(%error, "whether mail is sent is not known, asking again");
            tokio::time::sleep(BEAT_EVERY).await;
        }
    }

    /// From now on this process sends, or begins nothing, and the others as soon as they hear of it; those that begin later
    /// hold to it as well. Of two that are asked at once, all follow the one that is kept.
    pub async fn set_active(&self, is_active: bool) -> store::Result<()> {
        let inner = &self.0;
        if !inner.is_shared {
            inner.dispatch.set_active(is_active);
            return Ok(());
        }
        let kept = is_active.to_string();
        inner.store.save_cursor(ACTIVE, &kept).await?;
        self.follow_activity().await?;
        // Before anything that is asked for next.
        if let Err(error) = inner.nodes.order(&Order::Activity.to_string()).await {
            tracing::warn!(%error, "the other processes could not be asked: {}", Order::Activity);
        }
        Ok(())
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
    pub async fn ask_and_wait(&self, order: Order) -> Result<(), Unanswered> {
        if !self.0.is_shared {
            return Ok(());
        }
        let number = self.0.nodes.order(&order.to_string()).await;
        let number = number.map_err(|error| {
            tracing::warn!(%error, "the other processes could not be asked: {order}");
            Unanswered
        })?;
        let done = async {
            while self.beat().await.is_err() || !self.0.board.all_did(number) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(DONE_MAX, done).await.map_err(|_| {
            tracing::warn!("not every process did in time what it was asked: {order}");
            Unanswered
        })
    }
}

/// A process as the console shows it.
fn node_now(node: Node, doing: &Doing) -> NodeNow {
    NodeNow {
        id: node.id,
        is_this: node.is_this,
        host: node.about.host,
        process: node.about.process,
        roles: node.about.roles.split(',').map(str::to_owned).collect(),
        version: node.about.version,
        address: node.about.address,
        started_at: node.about.started_at,
        silent_for: node.silent_for,
        is_active: doing.is_active,
        is_draining: doing.is_draining,
        duties: doing.duties.clone(),
        making: doing.making(),
        lanes: doing.lanes(),
    }
}

/// Whether a process takes mail out of the queue.
fn delivers(node: &Node, doing: &Doing) -> bool {
    let has_role = Roles::parse(&node.about.roles).is_some_and(|roles| roles.has(Role::Smtp));
    has_role && !doing.is_draining
}

/// This machine's name.
fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
