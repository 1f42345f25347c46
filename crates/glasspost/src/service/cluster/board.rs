//! What is known of the other processes, from what they last told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Seq;
use model::account::AccountPk;
use store::nodes::Node;

use super::Doing;

/// The living processes.
#[derive(Default)]
pub(super) struct Board {
    nodes: Mutex<Vec<(Node, Doing)>>,
    /// The latest order that this process did.
    done: AtomicU64,
}

impl Board {
    /// These live, and nobody else.
    pub(super) fn set(&self, nodes: Vec<Node>) {
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
        *self.lock() = known;
    }

    /// All of them, this one first.
    pub(super) fn nodes(&self) -> Vec<(Node, Doing)> {
        self.lock().clone()
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
        self.others(|node, doing| !super::delivers(node) || doing.done >= number)
    }

    /// Whether another process sends a message.
    pub(super) fn is_sending(&self, message: Seq) -> bool {
        !self.others(|_, doing| !doing.sending.contains(&message.get()))
    }

    /// Whether another process sends mail of an account.
    pub(super) fn is_sending_of(&self, account: AccountPk) -> bool {
        !self.others(|_, doing| {
            !doing
                .lanes
                .iter()
                .any(|lane| lane.account == account.0 && lane.sending > 0)
        })
    }

    /// Whether something holds for all processes but this one.
    fn others(&self, holds: impl Fn(&Node, &Doing) -> bool) -> bool {
        let nodes = self.lock();
        let mut others = nodes.iter().filter(|(node, _)| !node.is_this);
        others.all(|(node, doing)| holds(node, doing))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Node, Doing)>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
