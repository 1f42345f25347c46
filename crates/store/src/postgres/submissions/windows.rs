//! Where what is handed over goes: the tenants, accounts and lanes that a batch is for, looked up once.

use std::collections::{HashMap, HashSet};

use model::account::{AccountId, AccountPk};
use model::{LaneId, SubmissionId, Suspension, TenantId};
use tokio::try_join;

use super::lanes;
use crate::directory::rows::tenant::to_suspension;
use crate::postgres::session::Session;
use crate::postgres::transaction::WriteTx;
use crate::{NewSubmission, Result};

/// The windows at which a batch is taken.
pub(super) struct Windows {
    /// What each active tenant holds back.
    tenants: HashMap<TenantId, Suspension>,
    accounts: HashMap<(TenantId, AccountId), AccountPk>,
    shards: HashMap<AccountPk, Shards>,
}

/// The lanes of an account.
struct Shards {
    /// How many it may have.
    count: u16,
    /// Those that are there.
    lanes: HashMap<u16, LaneId>,
}

impl Windows {
    /// Looks up what a batch needs. `shards` is how many lanes an account without limits has.
    pub(super) async fn open<'a>(
        session: &Session,
        shards: u16,
        batch: impl Iterator<Item = &'a NewSubmission> + Clone,
    ) -> Result<Self> {
        let (tenants, (accounts, shards)) = try_join!(
            tenants(session, batch.clone()),
            accounts(session, shards, batch)
        )?;
        Ok(Self {
            tenants,
            accounts,
            shards,
        })
    }

    /// Whether a new submission is held back; `None` when its tenant may send nothing.
    pub(super) fn is_held(&self, new: &NewSubmission) -> Option<bool> {
        let suspension = self.tenants.get(&new.tenant)?;
        Some(suspension.holds(new.batch.as_ref()))
    }

    /// The account that a new submission leaves through.
    pub(super) fn account(&self, new: &NewSubmission) -> Option<AccountPk> {
        let key = (new.tenant.clone(), new.account.clone());
        self.accounts.get(&key).copied()
    }

    /// The lane of an account that a new submission waits in.
    pub(super) async fn lane(
        &mut self,
        tx: &WriteTx,
        account: AccountPk,
        id: SubmissionId,
    ) -> Result<LaneId> {
        let shards = self.shards.entry(account).or_insert_with(Shards::one);
        let shard = lanes::shard(id, shards.count);
        if let Some(&lane) = shards.lanes.get(&shard) {
            return Ok(lane);
        }
        let lane = lanes::make(&tx.session, account, shard).await?;
        shards.lanes.insert(shard, lane);
        Ok(lane)
    }
}

impl Shards {
    /// Not more than one.
    fn one() -> Self {
        Self {
            count: 1,
            lanes: HashMap::new(),
        }
    }
}

async fn tenants(
    session: &Session,
    batch: impl Iterator<Item = &NewSubmission>,
) -> Result<HashMap<TenantId, Suspension>> {
    let ids: HashMap<&str, &TenantId> = batch
        .map(|new| (new.tenant.as_str(), &new.tenant))
        .collect();
    let names: Vec<&str> = ids.keys().copied().collect();
    let rows = session
        .rows(
            "SELECT id, suspension FROM tenants WHERE id = ANY ($1) AND is_active",
            &[&names],
        )
        .await?;
    let mut tenants = HashMap::with_capacity(rows.len());
    for row in &rows {
        if let Some(&id) = ids.get(row.try_get::<_, &str>(0)?) {
            tenants.insert(id.clone(), to_suspension(id, row.try_get(1)?)?);
        }
    }
    Ok(tenants)
}

type Accounts = (
    HashMap<(TenantId, AccountId), AccountPk>,
    HashMap<AccountPk, Shards>,
);

/// The accounts by their names, and their lanes: a limit is that of one lane's, which counts what it lets go.
async fn accounts(
    session: &Session,
    shards: u16,
    batch: impl Iterator<Item = &NewSubmission>,
) -> Result<Accounts> {
    let names: HashSet<(&TenantId, &AccountId)> =
        batch.map(|new| (&new.tenant, &new.account)).collect();
    let names: HashMap<(&str, &str), (&TenantId, &AccountId)> = names
        .into_iter()
        .map(|(tenant, account)| ((tenant.as_str(), account.as_str()), (tenant, account)))
        .collect();
    let (tenants, ids): (Vec<&str>, Vec<&str>) = names.keys().copied().unzip();
    let rows = session
        .rows(
            "SELECT a.tenant, a.id, a.pk, \
             coalesce(a.limit_per_minute, a.limit_per_hour, a.limit_per_day) IS NOT NULL, l.shard, l.id \
             FROM unnest($1::text[], $2::text[]) AS new (tenant, id) CROSS JOIN LATERAL \
             (SELECT * FROM accounts WHERE tenant = new.tenant AND id = new.id LIMIT 1) a \
             LEFT JOIN LATERAL (SELECT shard, id FROM lanes WHERE account = a.pk OFFSET 0) l ON TRUE",
            &[&tenants, &ids],
        )
        .await?;
    let (mut accounts, mut of_account) = (HashMap::new(), HashMap::new());
    for row in &rows {
        let account = AccountPk(row.try_get(2)?);
        if let Some(&(tenant, id)) = names.get(&(row.try_get(0)?, row.try_get(1)?)) {
            accounts.insert((tenant.clone(), id.clone()), account);
        }
        let there = of_account.entry(account).or_insert_with(Shards::one);
        if !row.try_get::<_, bool>(3)? {
            there.count = shards.max(1);
        }
        if let Some((shard, lane)) = lanes::of_row(row, 4)? {
            there.lanes.insert(shard, lane);
        }
    }
    Ok((accounts, of_account))
}
