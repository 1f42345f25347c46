//! A lane over its turns, and what it shares with the others of its account.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Live, Priority, Timestamp};
use tokio::sync::Notify;

use super::desk::LaneNow;
use super::spot::Spot;
use crate::plan::limits::Limits;
use crate::plan::relay::Unreachable;
use crate::run::allowance::Allowance;
use crate::run::connections::Connections;
use crate::run::pauses::Pauses;
use crate::run::supply::Supply;
use crate::run::trouble::Troubles;

/// When a lane is tried again at the latest that somebody else holds: nobody tells when it is free.
pub(super) const HELD_AGAIN: Duration = Duration::from_secs(5);
/// When a lane is tried again whose delivery broke off.
pub(super) const BROKEN_AGAIN: Duration = Duration::from_secs(30);
/// When it is at the latest, after it broke off again and again.
const BROKEN_AGAIN_MAX: Duration = Duration::from_secs(60 * 60);

/// A lane.
pub(super) struct Lane {
    pub(super) spot: Spot,
    pub(super) common: Arc<Common>,
    pub(super) supply: Arc<Supply>,
    allowance: Mutex<Arc<Allowance>>,
    /// Whether something was accepted since the lane was last looked at as a whole.
    news: AtomicBool,
    /// Its account may not be what it was.
    changed: Notify,
    refusals: Mutex<Refusals>,
}

/// What all lanes of an account share that are delivered here: they lead to one server.
pub(super) struct Common {
    pub(super) connections: Arc<Connections>,
    pub(super) live: Arc<Live>,
    pub(super) troubles: Arc<Troubles>,
    /// Whether several of the account's lanes have mail, wherever they are delivered.
    is_contested: AtomicBool,
}

/// How often in a row a lane had no turn.
struct Refusals {
    /// Because the store was away.
    away: Pauses,
    /// Because somebody else holds it.
    held: Pauses,
    /// Because its delivery broke off: what was sent and could not be recorded is sent again by the next turn.
    broken: Pauses,
}

impl Lane {
    pub(super) fn new(spot: Spot, common: Arc<Common>) -> Self {
        Self {
            spot,
            common,
            supply: Arc::default(),
            allowance: Mutex::default(),
            news: AtomicBool::new(false),
            changed: Notify::new(),
            refusals: Mutex::new(Refusals {
                away: Pauses::default(),
                held: Pauses::up_to(HELD_AGAIN),
                broken: Pauses::between(BROKEN_AGAIN, BROKEN_AGAIN_MAX),
            }),
        }
    }

    /// As it is this moment, with the others of its account but for their limits.
    pub(super) fn now(&self) -> LaneNow {
        let live = &self.common.live;
        let under_way = live.under_way();
        LaneNow {
            account: self.spot.account,
            connections: live.connections(),
            sending: under_way.first_tries + under_way.repeats,
            trouble: live.trouble(),
            limited_until: self.limited_until(),
        }
    }

    /// Until when a limit of the account holds it back.
    pub(super) fn limited_until(&self) -> Option<Timestamp> {
        locked(&self.allowance).limited_until()
    }

    /// There is mail of this urgency, or mail may be due earlier than was known.
    pub(super) fn has_news(&self, urgency: Option<Priority>) {
        self.news.store(true, Ordering::Release);
        match urgency {
            Some(urgency) => self.supply.added_urgent(urgency),
            None => self.supply.added(),
        }
    }

    /// Whether there was news, which counts as known from now on.
    pub(super) fn take_news(&self) -> bool {
        self.news.swap(false, Ordering::AcqRel)
    }

    /// The account may not be what it was. The turn under way ends if it is not, and the next one begins with what it is.
    pub(super) fn account_changed(&self) {
        self.changed.notify_one();
    }

    /// Waits until the account may not be what it was.
    pub(super) async fn until_changed(&self) {
        self.changed.notified().await;
    }

    /// What the account may send, read anew.
    pub(super) fn set_allowance(&self, limits: Limits) -> Arc<Allowance> {
        let mut kept = locked(&self.allowance);
        *kept = Arc::new(Allowance::after(&kept, limits));
        Arc::clone(&kept)
    }

    /// The lane is ours.
    pub(super) fn was_leased(&self) {
        let mut refusals = locked(&self.refusals);
        refusals.away.reset();
        refusals.held.reset();
    }

    /// How long a store that is away is left alone.
    pub(super) fn pause_of_absence(&self) -> Duration {
        locked(&self.refusals).away.next()
    }

    /// How long the lane is left to who holds it.
    pub(super) fn pause_of_holder(&self) -> Duration {
        locked(&self.refusals).held.next()
    }

    /// How long a lane is left alone whose delivery broke off.
    pub(super) fn pause_of_breaking(&self) -> Duration {
        locked(&self.refusals).broken.next()
    }

    /// A turn came to its end in good order.
    pub(super) fn ended_well(&self) {
        locked(&self.refusals).broken.reset();
    }
}

impl Common {
    /// With these connections.
    pub(super) fn new(connections: Connections) -> Self {
        let live: Arc<Live> = Arc::default();
        Self {
            connections: Arc::new(connections),
            troubles: Arc::new(Troubles::new(Arc::clone(&live), Unreachable::Charged)),
            live,
            is_contested: AtomicBool::new(false),
        }
    }

    /// Says whether several of the account's lanes have mail.
    pub(super) fn set_contested(&self, is_contested: bool) {
        self.is_contested.store(is_contested, Ordering::Relaxed);
    }

    /// Whether several of the account's lanes have mail.
    pub(super) fn is_contested(&self) -> bool {
        self.is_contested.load(Ordering::Relaxed)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
