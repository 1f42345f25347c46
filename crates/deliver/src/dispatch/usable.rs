//! What a delivery has to know of its account, and whether that still holds.

use std::time::Duration;

use model::account::{Account, AccountPk};
use smtp::client::Connector;

use super::connector::connector;
use super::lane::Lane;
use super::{Settings, Shared};
use crate::plan::limits::Limits;
use crate::plan::relay::Unreachable;
use crate::plan::retry::RetryPolicy;
use crate::run::{self, DeliverError};

/// Messages of one account that are read ahead at most, whatever the account says.
const READ_AHEAD_MAX: usize = 1_000;
/// How long a delivery's feeder sleeps at most: all that it waits for is told.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How often it is looked whether an account was changed that is delivered.
const CHANGED_AGAIN: Duration = Duration::from_secs(30);
/// Envelopes ride along where messages take less than this, so that an urgent one waits for no second slow one.
const RIDE_BELOW: Duration = Duration::from_millis(100);

/// What is known of a lane's account.
pub(super) enum Known {
    Usable(Usable),
    /// Why its mail cannot be sent now.
    Unusable(String),
    Gone,
}

/// An account and the way to its server.
pub(super) struct Usable {
    pub(super) account: Account,
    pub(super) connector: Connector,
}

/// Reads an account.
pub(super) async fn read(shared: &Shared, account: AccountPk) -> Result<Known, DeliverError> {
    let directory = &shared.rooms.directory;
    let Some(known) = directory.account_by_pk(account).await? else {
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
/// to begin anew takes until the slowest message is done. What another process changes is told to nobody here.
pub(super) async fn until_another(shared: &Shared, lane: &Lane, account: &Account) {
    loop {
        tokio::select! {
            () = lane.until_changed() => {}
            () = tokio::time::sleep(CHANGED_AGAIN) => {}
        }
        match read(shared, lane.spot.account).await {
            Ok(Known::Usable(now)) if delivers_alike(&now.account, account) => {}
            Ok(Known::Usable(_) | Known::Unusable(_) | Known::Gone) => return,
            Err(error) => tracing::warn!(%error, "whether an account was changed is not known"),
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

/// Whether an account may send no more than so much: then no two of its lanes are delivered at a time.
pub(super) fn is_limited(account: &Account) -> bool {
    Limits::reach(&account.limits).is_some()
}

/// How an account's mail is delivered, as far as the account and what holds for all of them say.
pub(super) fn settings(account: &Account, common: &Settings) -> run::Settings {
    let read_ahead = account.batch_size.map(|size| size.get() as usize);
    run::Settings {
        connections_max: common.connections_per_account,
        retry: common.retry.clone(),
        relay_retry: RetryPolicy::relay(),
        unreachable: Unreachable::Charged,
        read_ahead_max: read_ahead
            .unwrap_or(common.read_ahead_max)
            .min(READ_AHEAD_MAX),
        look_again: LOOK_AGAIN,
        idle_max: Some(Duration::from_secs(account.ttl_s.into())),
        ride_below: RIDE_BELOW,
        unrecorded_outcomes_max: common.unrecorded_outcomes_max,
        stop_grace: common.stop_grace,
        ..run::Settings::default()
    }
}
