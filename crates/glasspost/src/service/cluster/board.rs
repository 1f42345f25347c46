//! What is known of the other processes, from what they last told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Seq;
use model::account::AccountPk;
use store::nodes::{Node, SILENT_MAX};
use tokio::time::Instant;

use super::Doing;

/// The living processes.
#[derive(Default)]
pub(super) struct Board {
    nodes: Mutex<Heard>,
    /// The latest order that this process did.
    done: AtomicU64,
}

/// What was heard last, and when.
#[derive(Default)]
struct Heard {
    nodes: Vec<(Node, Doing)>,
    at: Option<Instant>,
}

/// What processes said, read once; this process first.
pub(super) fn read(nodes: Vec<Node>) -> Vec<(Node, Doing)> {
    let mut known: Vec<(Node, Doing)> = nodes
        .into_iter()
        .map(|node| {
            let doing = Doing::parse(&node.about.doing);
            (node, doing)
        })
        .collect();
    known.sort_by(|(one, _), (other, _)| {
        (!one.is_this, &one.about.host, one.about.process).cmp(&(
            !other.is_this,
            &other.about.host,
            other.about.process,
        ))
    });
    known
}

impl Board {
    /// These live, and nobody else.
    pub(super) fn set(&self, nodes: Vec<(Node, Doing)>) {
        *self.lock() = Heard {
            nodes,
            at: Some(Instant::now()),
        };
    }

    /// All that live, this one first; where the store does not answer, so long as those last heard of may live.
    pub(super) fn nodes(&self) -> Vec<(Node, Doing)> {
        let heard = self.lock();
        let since = heard.at.map(|at| at.elapsed()).unwrap_or_default();
        let mut nodes = heard.nodes.clone();
        for (node, _) in &mut nodes {
            node.silent_for += since;
        }
        nodes.retain(|(node, _)| node.is_this || node.silent_for < SILENT_MAX);
        nodes
    }

    /// This process did an order.
    pub(super) fn did(&self, number: u64) {
        self.done.fetch_max(number, Ordering::AcqRel);
    }

    /// The latest order that it did.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    /// Whether every other process that delivers did an order.
    pub(super) fn all_did(&self, number: u64) -> bool {
        self.others(|node, doing| !super::delivers(node, doing) || doing.done >= number)
    }

    /// Whether another process may be sending a message.
    pub(super) fn is_sending(&self, message: Seq) -> bool {
        !self.others(|_, doing| !doing.more && doing.sending.binary_search(&message.get()).is_err())
    }

    /// Whether another process may be sending mail of an account.
    pub(super) fn is_sending_of(&self, account: AccountPk) -> bool {
        !self.others(|_, doing| !doing.more && doing.sending_of.binary_search(&account.0).is_err())
    }

    /// Whether something holds for all processes but this one.
    fn others(&self, holds: impl Fn(&Node, &Doing) -> bool) -> bool {
        let heard = self.lock();
        let mut others = heard.nodes.iter().filter(|(node, _)| !node.is_this);
        others.all(|(node, doing)| holds(node, doing))
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
