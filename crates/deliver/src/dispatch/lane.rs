//! One lane's turn: lease, account, delivery, and when the next one is.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::account::{Account, AccountPk};
use model::{Live, Priority, Timestamp};
use smtp::client::Connector;
use store::{Due, LaneKey, Lease, StoreError};
use tokio_util::sync::CancellationToken;

use super::connector::connector;
use super::desk::LaneNow;
use super::{Settings, Shared};
use crate::plan::limits::Limits;
use crate::plan::relay::Unreachable;
use crate::plan::retry::RetryPolicy;
use crate::run::allowance::Allowance;
use crate::run::supply::Supply;
use crate::run::{self, DeliverError, Delivery};

/// When a lane is tried again that another process holds.
const HELD_AGAIN: Duration = Duration::from_secs(5);
/// When a lane is tried again that broke off, or whose account cannot be used.
const TROUBLE_AGAIN: Duration = Duration::from_secs(30);
/// Messages of one account that are read ahead at most, whatever the account says.
const READ_AHEAD_MAX: usize = 1_000;
/// How long a delivery's feeder sleeps at most: all that it waits for is told.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Envelopes ride along where messages take less than this, so that an urgent one waits for no second slow one.
const RIDE_BELOW: Duration = Duration::from_millis(100);

/// An account's lane over its turns.
pub(super) struct Lane {
    pub(super) account: AccountPk,
    pub(super) supply: Arc<Supply>,
    pub(super) live: Arc<Live>,
    allowance: Mutex<Arc<Allowance>>,
    /// Whether something was accepted since the lane was last looked at as a whole.
    news: AtomicBool,
    /// Ends the turn under way.
    turn: Mutex<CancellationToken>,
}

/// When a lane has its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// At once: mail is due.
    Now,
    /// Then, or when there is news.
    At(Timestamp),
    /// Then, whatever news there is.
    NotBefore(Timestamp),
    /// When there is news: it is empty.
    WhenNews,
}

impl Lane {
    pub(super) fn new(account: AccountPk) -> Self {
        Self {
            account,
            supply: Arc::default(),
            live: Arc::default(),
            allowance: Mutex::default(),
            news: AtomicBool::new(false),
            turn: Mutex::default(),
        }
    }

    /// As it is this moment.
    pub(super) fn now(&self) -> LaneNow {
        let under_way = self.live.under_way();
        LaneNow {
            account: self.account,
            connections: self.live.connections(),
            sending: under_way.first_tries + under_way.repeats,
            trouble: self.live.trouble(),
            limited_until: self.allowance().limited_until(),
        }
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

    /// Ends the turn under way, so that the next one begins with what the account is now.
    pub(super) fn end_turn(&self) {
        self.turn().cancel();
    }

    fn turn(&self) -> CancellationToken {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        turn.clone()
    }

    fn begin_turn(&self, stop: &CancellationToken) -> CancellationToken {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        *turn = stop.child_token();
        turn.clone()
    }

    fn allowance(&self) -> Arc<Allowance> {
        let allowance = self.allowance.lock();
        Arc::clone(&allowance.unwrap_or_else(PoisonError::into_inner))
    }

    fn set_allowance(&self, limits: Limits) -> Arc<Allowance> {
        let allowance = Arc::new(Allowance::new(limits));
        let mut kept = self
            .allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *kept = Arc::clone(&allowance);
        allowance
    }
}

/// Delivers a lane until there is nothing due.
pub(super) async fn run(shared: Arc<Shared>, lane: Arc<Lane>, stop: CancellationToken) -> Next {
    loop {
        let turn = lane.begin_turn(&stop);
        let next = match take_turn(&shared, &lane, turn).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(account = lane.account.0, %error, "an account's delivery broke off");
                lane.live.set_trouble(Some(error.to_string()));
                Next::NotBefore(shared.rooms.clock.now() + TROUBLE_AGAIN)
            }
        };
        if next != Next::Now || stop.is_cancelled() {
            return next;
        }
    }
}

/// Leases the lane, delivers it, and releases it.
async fn take_turn(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    turn: CancellationToken,
) -> Result<Next, DeliverError> {
    let now = shared.rooms.clock.now();
    let account = match account(shared, lane).await? {
        Known::Usable(account) => account,
        Known::Unusable(trouble) => {
            lane.live.set_trouble(Some(trouble));
            return Ok(Next::NotBefore(now + TROUBLE_AGAIN));
        }
        Known::Gone => return Ok(Next::WhenNews),
    };
    let store = &shared.rooms.store;
    let lease = match store.lease(LaneKey::account(lane.account)).await {
        Ok(lease) => lease,
        Err(StoreError::LaneHeld { .. }) => return Ok(Next::NotBefore(now + HELD_AGAIN)),
        Err(error) => return Err(error.into()),
    };
    // A task of its own: whatever becomes of it, the lease is given back.
    let work = tokio::spawn(deliver(
        Arc::clone(shared),
        Arc::clone(lane),
        account,
        lease.clone(),
        turn,
    ));
    let delivered = work.await;
    store.release(lease).await?;
    delivered.map_err(|error| DeliverError::Task(error.to_string()))?
}

async fn deliver(
    shared: Arc<Shared>,
    lane: Arc<Lane>,
    account: Usable,
    lease: Lease,
    turn: CancellationToken,
) -> Result<Next, DeliverError> {
    let Usable { account, connector } = account;
    let limits = limits(&shared, &account, &lease).await?;
    let delivery = Delivery {
        store: Arc::clone(&shared.rooms.store),
        lease: lease.clone(),
        maker: Arc::clone(&shared.rooms.maker),
        connector: Arc::new(connector),
        settings: run::Settings {
            idle_max: Some(Duration::from_secs(account.ttl_s.into())),
            read_ahead_max: read_ahead_max(&account, &shared.settings),
            allowance: lane.set_allowance(limits),
            pool: Some(Arc::clone(&shared.pool)),
            ..settings(&shared.settings)
        },
        supply: Arc::clone(&lane.supply),
        gate: Arc::clone(&shared.desk.gate),
        live: Arc::clone(&lane.live),
        clock: shared.rooms.clock.clone(),
    };
    delivery.run(turn).await?;
    next(&shared, &lane, &lease).await
}

/// How many messages of an account are read ahead.
fn read_ahead_max(account: &Account, settings: &Settings) -> usize {
    let own = account.batch_size.map(|size| size.get() as usize);
    own.unwrap_or(settings.read_ahead_max).min(READ_AHEAD_MAX)
}

/// What holds for every account.
fn settings(settings: &Settings) -> run::Settings {
    run::Settings {
        connections_max: settings.connections_per_account,
        retry: settings.retry.clone(),
        relay_retry: RetryPolicy::relay(),
        unreachable: Unreachable::Charged,
        look_again: LOOK_AGAIN,
        ride_below: RIDE_BELOW,
        unrecorded_outcomes_max: settings.unrecorded_outcomes_max,
        stop_grace: settings.stop_grace,
        ..run::Settings::default()
    }
}

/// What is known of a lane's account.
enum Known {
    Usable(Usable),
    /// Why its mail cannot be sent now.
    Unusable(String),
    Gone,
}

/// An account and the way to its server.
struct Usable {
    account: Account,
    connector: Connector,
}

async fn account(shared: &Shared, lane: &Lane) -> Result<Known, DeliverError> {
    let directory = &shared.rooms.directory;
    let Some(known) = directory.account_by_pk(lane.account).await? else {
        return Ok(Known::Gone);
    };
    let account = known.account;
    let tenant = directory.tenant(&account.tenant).await?;
    if !tenant.is_some_and(|tenant| tenant.is_active) {
        return Ok(Known::Unusable("its tenant is not active".to_owned()));
    }
    Ok(match connector(&account, &shared.settings) {
        Ok(connector) => Known::Usable(Usable { account, connector }),
        Err(error) => Known::Unusable(format!("the account cannot be used: {error}")),
    })
}

/// The account's limits as far as they are used: what another process sent counts, and what was sent before a restart.
async fn limits(shared: &Shared, account: &Account, lease: &Lease) -> Result<Limits, DeliverError> {
    let Some(reach) = Limits::reach(&account.limits) else {
        return Ok(Limits::default());
    };
    let since = shared.rooms.clock.now() - reach;
    let sends = shared.rooms.submissions.sends(lease.lane, since).await?;
    Ok(Limits::new(&account.limits, &sends))
}

/// When the lane has its next turn, from what is queued now.
async fn next(shared: &Shared, lane: &Lane, lease: &Lease) -> Result<Next, DeliverError> {
    // News from now on may not be seen below.
    lane.take_news();
    let (store, now) = (&shared.rooms.store, shared.rooms.clock.now());
    let Due { messages, next_at } = store.due(lease, now, 1, &HashSet::new()).await?;
    Ok(match (messages.is_empty(), next_at) {
        (false, _) => Next::Now,
        (true, Some(at)) => Next::At(at),
        (true, None) => {
            lane.live.set_trouble(None);
            Next::WhenNews
        }
    })
}
