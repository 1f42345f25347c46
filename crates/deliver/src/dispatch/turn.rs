//! One turn of a lane: lease, account, delivery, and when the next one is.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use model::account::Account;
use store::{Due, Lease, Store, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::lane::{HELD_AGAIN, Lane};
use super::usable::{self, Known, Usable};
use crate::plan::limits::Limits;
use crate::run::hold::Hold;
use crate::run::pauses::Pauses;
use crate::run::{self, DeliverError, Delivery};

/// When a lane is tried again whose account cannot be used.
const TROUBLE_AGAIN: Duration = Duration::from_secs(30);
/// When a lane is tried again whose lease was lost.
const LOST_AGAIN: Duration = Duration::from_secs(1);
/// How long a turn of a limited account takes at least when other lanes of it wait: they are delivered one at a time.
const TURN_OF_LIMITED: Duration = Duration::from_secs(60);
/// How long such a lane is left alone after its turn. By then the others have tried, in whatever process.
const GIVEN_WAY: Duration = HELD_AGAIN.saturating_add(Duration::from_secs(1));

/// When a lane has its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// At once: mail may be due.
    Now,
    /// Then, or when there is news.
    At(Timestamp),
    /// Then, whatever news there is.
    NotBefore(Instant),
    /// It had none, since somebody else has the right to it: then, or when another lane of the account has ended its turn
    /// here.
    Refused(Instant),
    /// The same for one that had a turn and makes room for the others of its account.
    GaveWay(Instant),
    /// When there is news: it is empty.
    WhenNews,
}

/// Why a turn ends before there is nothing left to do.
enum Early {
    /// The account is not what it was.
    Changed,
    /// The lane is another process's to deliver.
    NotOurs,
    /// Other lanes of the account wait.
    GivesWay,
}

/// Delivers a lane until there is nothing due.
pub(super) async fn run(shared: Arc<Shared>, lane: Arc<Lane>, stop: CancellationToken) -> Next {
    match take(&shared, &lane, &stop).await {
        Ok(next) => {
            lane.ended_well();
            next
        }
        Err(error) => Next::NotBefore(Instant::now() + after(&lane, &error)),
    }
}

/// How long a lane is left alone that broke off.
fn after(lane: &Lane, error: &DeliverError) -> Duration {
    let key = lane.spot.key();
    match error {
        DeliverError::Store(StoreError::LeaseLost { .. }) => {
            tracing::warn!(lane = %key, "the right to a lane was lost, what was read of it is dropped");
            return LOST_AGAIN;
        }
        DeliverError::Store(error) if error.is_transient() => {
            tracing::warn!(lane = %key, %error, "an account's mail cannot be read, trying again");
            lane.common.troubles.idle(error.to_string());
            return lane.pause_of_absence();
        }
        DeliverError::Store(_) | DeliverError::Unmade(_) | DeliverError::Task(_) => {}
    }
    tracing::error!(lane = %key, %error, "an account's delivery broke off");
    lane.common.troubles.idle(error.to_string());
    lane.pause_of_breaking()
}

/// Leases the lane, delivers it, and releases it.
async fn take(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    stop: &CancellationToken,
) -> Result<Next, DeliverError> {
    let account = match usable::read(shared, lane.spot.account).await? {
        Known::Usable(account) => account,
        Known::Unusable(trouble) => {
            lane.common.troubles.idle(trouble);
            return Ok(Next::NotBefore(Instant::now() + TROUBLE_AGAIN));
        }
        Known::Gone => return Ok(Next::WhenNews),
    };
    let store = &shared.rooms.store;
    let lease = match store.lease(lane.spot.key()).await {
        Ok(lease) => lease,
        Err(StoreError::LaneHeld { .. }) => {
            lane.common.troubles.left_to_others();
            return Ok(Next::Refused(Instant::now() + lane.pause_of_holder()));
        }
        Err(error) => return Err(error.into()),
    };
    lane.was_leased();
    // A task of its own: whatever becomes of it, the lease is given back.
    let work = tokio::spawn(deliver(
        Arc::clone(shared),
        Arc::clone(lane),
        account,
        lease.clone(),
        stop.clone(),
    ));
    let delivered = work.await;
    release(&**store, lease, stop).await;
    delivered.map_err(|error| DeliverError::Task(error.to_string()))?
}

/// Gives a lane back. While the store is away that is tried again: nobody could take a lane that this process, which is
/// alive, seems to hold.
async fn release(store: &dyn Store, lease: Lease, stop: &CancellationToken) {
    let mut pauses = Pauses::default();
    while let Err(error) = store.release(lease.clone()).await {
        tracing::warn!(lane = %lease.key, %error, "a lane cannot be given back");
        if !error.is_transient() || stop.is_cancelled() {
            return;
        }
        tokio::time::sleep(pauses.next()).await;
    }
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
    let common = &lane.common;
    let delivery = Delivery {
        store: Arc::clone(&shared.rooms.store),
        lease: lease.clone(),
        maker: Arc::clone(&shared.rooms.maker),
        connector: Arc::new(connector),
        settings: run::Settings {
            allowance: lane.set_allowance(limits),
            hold: Some(Hold {
                holds: shared.desk.holds.clone(),
                account: lane.spot.account,
            }),
            connections: Some(Arc::clone(&common.connections)),
            pool: Some(Arc::clone(&shared.pool)),
            troubles: Some(Arc::clone(&common.troubles)),
            last_call: Some(stop.clone()),
            ..usable::settings(&account, &shared.settings)
        },
        supply: Arc::clone(&lane.supply),
        gate: Arc::clone(&shared.desk.gate),
        live: Arc::clone(&common.live),
        clock: shared.rooms.clock.clone(),
    };
    let turn = stop.child_token();
    let mut delivering = std::pin::pin!(delivery.run(turn.clone()));
    let early = tokio::select! {
        biased;
        ended = &mut delivering => {
            ended?;
            None
        }
        early = until_early(&shared, &lane, &account) => {
            turn.cancel();
            delivering.await?;
            Some(early)
        }
    };
    match early {
        Some(Early::NotOurs) => Ok(Next::Now),
        Some(Early::GivesWay) => Ok(Next::GaveWay(Instant::now() + GIVEN_WAY)),
        Some(Early::Changed) | None => next(&shared, &lane, &lease).await,
    }
}

/// Waits until the turn has to end although there may be mail.
async fn until_early(shared: &Shared, lane: &Lane, account: &Account) -> Early {
    let placement = &shared.settings.placement;
    tokio::select! {
        () = usable::until_another(shared, lane, account) => Early::Changed,
        () = placement.until_not_ours(lane.spot) => Early::NotOurs,
        () = until_it_gives_way(lane), if usable::is_limited(account) => Early::GivesWay,
    }
}

/// Waits until a turn has been long enough while other lanes of the account wait for theirs.
async fn until_it_gives_way(lane: &Lane) {
    loop {
        tokio::time::sleep(TURN_OF_LIMITED).await;
        if lane.common.is_contested() {
            return;
        }
    }
}

/// The account's limits as far as they are used: what its other lanes sent counts, what another process sent, and what was
/// sent before a restart.
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
            lane.common.troubles.at_rest_until(at);
            Next::At(at)
        }
        (true, None) => Next::WhenNews,
    })
}

#[cfg(test)]
mod tests {
    use model::account::AccountPk;

    use super::*;
    use crate::dispatch::lane::BROKEN_AGAIN;
    use crate::dispatch::lane::Common;
    use crate::dispatch::spot::Spot;
    use crate::run::connections::Connections;

    fn lane() -> Lane {
        let account = AccountPk(1);
        Lane::new(
            Spot { account, shard: 0 },
            Arc::new(Common::new(Connections::new(1, 0))),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_limited_lane_gives_way_after_a_while_and_only_when_others_wait() {
        let lane = lane();
        let began = Instant::now();
        let while_alone = tokio::time::timeout(TURN_OF_LIMITED * 10, until_it_gives_way(&lane));
        assert!(while_alone.await.is_err());
        lane.common.set_contested(true);
        until_it_gives_way(&lane).await;
        assert_eq!(began.elapsed(), TURN_OF_LIMITED * 11);
    }

    #[test]
    fn a_lane_is_tried_again_soon_where_waiting_helps_and_late_where_somebody_has_to() {
        let lane = lane();
        let lost = DeliverError::Store(StoreError::LeaseLost {
            lane: "account/1".to_owned(),
        });
        assert_eq!(after(&lane, &lost), LOST_AGAIN);
        assert_eq!(lane.now().trouble, None);
        let away = DeliverError::Store(StoreError::Unavailable("no connection".to_owned()));
        let pauses: Vec<u128> = (0..6).map(|_| after(&lane, &away).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 3_000, 3_000]);
        let trouble = lane.now().trouble.unwrap();
        assert!(trouble.contains("no connection"), "{trouble}");
        lane.was_leased();
        assert_eq!(after(&lane, &away).as_millis(), 250);
        let broken = DeliverError::Store(StoreError::Damaged("a row".to_owned()));
        let pauses: Vec<u64> = (0..9).map(|_| after(&lane, &broken).as_secs()).collect();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        lane.ended_well();
        assert_eq!(after(&lane, &broken), BROKEN_AGAIN);
    }
}
