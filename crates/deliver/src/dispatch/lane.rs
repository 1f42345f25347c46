//! One lane's turn: lease, account, delivery, and when the next one is.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::account::{Account, AccountPk};
use model::{Live, Priority, Timestamp};
use smtp::client::Connector;
use store::{Due, LaneKey, Lease, StoreError};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connector::connector;
use super::desk::LaneNow;
use super::{Settings, Shared};
use crate::plan::limits::Limits;
use crate::plan::relay::Unreachable;
use crate::plan::retry::RetryPolicy;
use crate::run::allowance::Allowance;
use crate::run::supply::Supply;
use crate::run::trouble::Troubles;
use crate::run::{self, DeliverError, Delivery};

/// When a lane is tried again that another process holds. A lease has no end of its own: it is free as soon as its holder
/// is dead.
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
    troubles: Arc<Troubles>,
    allowance: Mutex<Arc<Allowance>>,
    /// Whether something was accepted since the lane was last looked at as a whole.
    news: AtomicBool,
    /// Its account may not be what it was.
    changed: Notify,
}

/// When a lane has its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// At once: mail is due.
    Now,
    /// Then, or when there is news.
    At(Timestamp),
    /// Then, whatever news there is.
    NotBefore(Instant),
    /// When there is news: it is empty.
    WhenNews,
}

impl Lane {
    pub(super) fn new(account: AccountPk) -> Self {
        let live: Arc<Live> = Arc::default();
        Self {
            account,
            supply: Arc::default(),
            troubles: Arc::new(Troubles::new(Arc::clone(&live), Unreachable::Charged)),
            live,
            allowance: Mutex::default(),
            news: AtomicBool::new(false),
            changed: Notify::new(),
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

    /// The account may not be what it was. The turn under way ends if it is not, and the next one begins with what it is.
    pub(super) fn account_changed(&self) {
        self.changed.notify_one();
    }

    fn allowance(&self) -> Arc<Allowance> {
        let allowance = self.allowance.lock();
        Arc::clone(&allowance.unwrap_or_else(PoisonError::into_inner))
    }

    fn set_allowance(&self, limits: Limits) -> Arc<Allowance> {
        let mut kept = self
            .allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *kept = Arc::new(Allowance::after(&kept, limits));
        Arc::clone(&kept)
    }
}

/// Delivers a lane until there is nothing due.
pub(super) async fn run(shared: Arc<Shared>, lane: Arc<Lane>, stop: CancellationToken) -> Next {
    loop {
        let next = match take_turn(&shared, &lane, &stop).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(account = lane.account.0, %error, "an account's delivery broke off");
                lane.live.set_trouble(Some(error.to_string()));
                Next::NotBefore(Instant::now() + TROUBLE_AGAIN)
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
    stop: &CancellationToken,
) -> Result<Next, DeliverError> {
    let account = match account(shared, lane).await? {
        Known::Usable(account) => account,
        Known::Unusable(trouble) => {
            lane.live.set_trouble(Some(trouble));
            return Ok(Next::NotBefore(Instant::now() + TROUBLE_AGAIN));
        }
        Known::Gone => return Ok(Next::WhenNews),
    };
    let store = &shared.rooms.store;
    let lease = match store.lease(LaneKey::account(lane.account)).await {
        Ok(lease) => lease,
        Err(StoreError::LaneHeld { .. }) => {
            // Whether the relay can be reached is that one's to say.
            lane.troubles.without_relay();
            return Ok(Next::NotBefore(Instant::now() + HELD_AGAIN));
        }
        Err(error) => return Err(error.into()),
    };
    // A task of its own: whatever becomes of it, the lease is given back.
    let work = tokio::spawn(deliver(
        Arc::clone(shared),
        Arc::clone(lane),
        account,
        lease.clone(),
        stop.clone(),
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
    stop: CancellationToken,
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
            troubles: Some(Arc::clone(&lane.troubles)),
            last_call: Some(stop.clone()),
            ..settings(&shared.settings)
        },
        supply: Arc::clone(&lane.supply),
        gate: Arc::clone(&shared.desk.gate),
        live: Arc::clone(&lane.live),
        clock: shared.rooms.clock.clone(),
    };
    let turn = stop.child_token();
    let mut delivering = std::pin::pin!(delivery.run(turn.clone()));
    tokio::select! {
        biased;
        ended = &mut delivering => ended?,
        () = until_another(&shared, &lane, &account) => {
            turn.cancel();
            delivering.await?
        }
    };
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

/// Waits until a lane's account is not what it was any more. That many a change leaves mail alone is why it is compared:
/// to begin anew takes until the slowest message is done.
async fn until_another(shared: &Shared, lane: &Lane, account: &Account) {
    loop {
        lane.changed.notified().await;
        match self::account(shared, lane).await {
            Ok(Known::Usable(now)) if delivers_alike(&now.account, account) => {}
            Ok(Known::Usable(_) | Known::Unusable(_) | Known::Gone) | Err(_) => return,
        }
    }
}

/// Whether two forms of an account are the same to a delivery.
fn delivers_alike(one: &Account, other: &Account) -> bool {
    let server = |account: &Account| (account.host.clone(), account.port, account.use_tls);
    let pace = |account: &Account| (account.ttl_s, account.batch_size, account.limits);
    let password = |account: &Account| account.password.as_ref().map(|one| one.expose().to_owned());
    server(one) == server(other)
        && (&one.user, password(one)) == (&other.user, password(other))
        && pace(one) == pace(other)
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
        (true, Some(at)) => {
            lane.troubles.next_try(Some(at));
            Next::At(at)
        }
        (true, None) => {
            lane.troubles.without_relay();
            Next::WhenNews
        }
    })
}
