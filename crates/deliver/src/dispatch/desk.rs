//! What is asked of a running dispatcher, and what it shows.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::account::AccountPk;
use model::{Seq, Timestamp};
use tokio::sync::Notify;

use super::lane::Lane;
use super::spot::Spot;
use crate::run::gate::Gate;
use crate::run::hold::Holds;

/// A handle to a dispatcher. It works before the dispatcher begins, too, and does nothing after its end.
#[derive(Clone)]
pub struct Dispatch(Arc<Desk>);

/// The lanes of an account as they are this moment, together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneNow {
    /// The account.
    pub account: AccountPk,
    /// Open connections.
    pub connections: u64,
    /// Messages from the start of their dialogue to the commit of what came of it.
    pub sending: u64,
    /// What keeps them from going on, in words for people.
    pub trouble: Option<Box<str>>,
    /// Until when a limit of the account holds them back.
    pub limited_until: Option<Timestamp>,
}

/// Between the dispatcher and its handles.
pub(super) struct Desk {
    /// Closed while nothing new may begin.
    pub(super) gate: Arc<Gate>,
    /// Of which accounts nothing begins for a moment.
    pub(super) holds: Holds,
    orders: Mutex<Orders>,
    ordered: Notify,
    lanes: Mutex<BTreeMap<Spot, Arc<Lane>>>,
}

/// What was asked for and not begun yet.
#[derive(Default)]
pub(super) struct Orders {
    /// To look at every lane.
    pub(super) everything: bool,
    /// Accounts whose mail may be due earlier than was known.
    pub(super) look_at: HashSet<AccountPk>,
    /// Accounts that are not what they were.
    pub(super) changed: HashSet<AccountPk>,
}

impl Dispatch {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self(desk)
    }

    /// Looks at the mail of every account at once. Limits, and pauses after failed attempts, stay what they are.
    pub fn wake(&self) {
        self.0.order(|orders| orders.everything = true);
    }

    /// Looks at the mail of one account at once. New mail is found without this; it is for mail that was put forward.
    pub fn look_at(&self, account: AccountPk) {
        self.0.order(|orders| {
            orders.look_at.insert(account);
        });
    }

    /// From the answer on, no message is begun that was read from the store before the call, unless it is read again. So
    /// what was held back in the store before is not begun after. What is begun is shown by [`Dispatch::is_sending`].
    pub async fn recall(&self) {
        for lane in self.0.lanes().values() {
            lane.supply.recall();
        }
    }

    /// From the answer on nothing of an account begins until [`Dispatch::let_go`], for some seconds at most. What is begun is
    /// shown by [`Dispatch::is_sending`].
    pub fn hold(&self, account: AccountPk) {
        self.0.holds.hold(account);
    }

    /// An account's mail may begin again, as far as nobody else holds it.
    pub fn let_go(&self, account: AccountPk) {
        self.0.holds.let_go(account);
        let lanes = self.0.lanes();
        let of_account = lanes.values().filter(|lane| lane.spot.account == account);
        of_account.for_each(|lane| lane.supply.added());
    }

    /// An account was changed or deleted. Its delivery begins anew with what it is now; its connections are closed when
    /// what they have begun is finished.
    pub fn account_changed(&self, account: AccountPk) {
        self.0.order(|orders| {
            orders.changed.insert(account);
        });
    }

    /// `false`: what was begun is finished, and nothing new begins until it is `true` again.
    pub fn set_active(&self, is_active: bool) {
        match is_active {
            true => self.0.gate.open(),
            false => self.0.gate.close(),
        }
        self.wake();
    }

    /// Whether new messages may begin.
    pub fn is_active(&self) -> bool {
        self.0.gate.is_open()
    }

    /// Whether a message is being sent.
    pub fn is_sending(&self, message: Seq) -> bool {
        let lanes = self.0.lanes();
        lanes
            .values()
            .any(|lane| lane.common.live.is_sending(message))
    }

    /// The messages that are being sent.
    pub fn sending(&self) -> Vec<Seq> {
        let lanes = self.0.lanes();
        let mut sending: Vec<Seq> = lanes
            .values()
            .flat_map(|lane| lane.common.live.messages_under_way())
            .collect();
        // The lanes of one account share what they show.
        sending.sort_unstable();
        sending.dedup();
        sending
    }

    /// The accounts whose lanes have mail, or had some just now, by number.
    pub fn lanes(&self) -> Vec<LaneNow> {
        let lanes: Vec<Arc<Lane>> = self.0.lanes().values().cloned().collect();
        let of_accounts = lanes.chunk_by(|one, next| one.spot.account == next.spot.account);
        of_accounts
            .filter_map(|lanes| {
                Some(LaneNow {
                    limited_until: lanes.iter().filter_map(|lane| lane.limited_until()).max(),
                    ..lanes.first()?.now()
                })
            })
            .collect()
    }
}

impl Desk {
    pub(super) fn new(is_active: bool) -> Self {
        let gate = Gate::default();
        if !is_active {
            gate.close();
        }
        Self {
            gate: Arc::new(gate),
            holds: Holds::default(),
            orders: Mutex::default(),
            ordered: Notify::new(),
            lanes: Mutex::default(),
        }
    }

    /// Waits until something is asked for.
    pub(super) async fn ordered(&self) {
        self.ordered.notified().await;
    }

    /// Takes what was asked for.
    pub(super) fn take_orders(&self) -> Orders {
        std::mem::take(&mut *locked(&self.orders))
    }

    /// Shows a lane.
    pub(super) fn show(&self, lane: Arc<Lane>) {
        self.lanes().insert(lane.spot, lane);
    }

    /// Shows a lane no more.
    pub(super) fn hide(&self, spot: Spot) {
        self.lanes().remove(&spot);
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut locked(&self.orders));
        self.ordered.notify_one();
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<Spot, Arc<Lane>>> {
        locked(&self.lanes)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
